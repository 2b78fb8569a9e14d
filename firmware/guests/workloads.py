"""Workloads that measure themselves, natively or as a guest: each prints the cycles of its second run."""

from firmware.guests.mapping import (
    FRAMES,
    WINDOW,
    entry_of,
    identity,
    leaves,
    middle,
    pointer_to,
    root,
    satp_of,
)
from firmware.guests.runtime import code, guest_image, power_off, print_line, print_number, print_text
from firmware.lang import (
    addr_of,
    array,
    const,
    csr,
    ecall,
    fw,
    load8,
    load64,
    module_asm,
    sfence_vma,
    static,
    store8,
    store64,
    struct,
    symbol,
    u8,
    u64,
)
from firmware.sbi import Extension, Time
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import UART
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, Pte
from rtl.isa.uart import Lsr, Register

__all__ = ["NAMES", "image"]

NAMES = (
    "compute",
    "syscalls",
    "processes",
    "switches",
    "mappings",
    "misses",
    "ticks",
    "sbi_ticks",
    "console",
)
"""The workloads, in the order in which they run: `run` knows them by their place."""

PAGE = 1 << PAGE_SHIFT
ENTRIES = 1 << LEVEL_BITS
SIE = CSRS["sstatus"].mask("SIE")
SPP = CSRS["sstatus"].mask("SPP")
STI = 1 << Interrupt.STI

SIEVE = 16_384
SYSCALLS = 1_000
PROCESSES = 30
PROCESS_PAGES = 16
SWITCHES = 300
SWITCH_PAGES = 8
MAPPINGS = 200
WIDE_TABLES = 4
WIDE_PAGES = WIDE_TABLES * ENTRIES
MISSES = 8_192
STRIDE = 779
"""Pages from one load to the next: odd, so that all of them have their turn."""
TICK = 200
"""Ticks of `time`."""
CHARACTERS = 128

USER = WINDOW + 511 * PAGE
"""Where user code stands."""
WIDE = WINDOW + (ENTRIES * PAGE)
"""Pages behind the first 2 MiB of the window."""


@struct
class State:
    """What the trap handler is to do: go on at ``resume`` after a breakpoint, set the next tick by SBI."""

    resume: u64
    by_sbi: bool
    calls: u64
    ticks: u64
    result: u64


state = static(State)
flags = static(array[u8, SIEVE])
wide = static(array[u64, WIDE_PAGES], align=PAGE)
other_root = static(array[u64, ENTRIES], align=PAGE)
other_middle = static(array[u64, ENTRIES], align=PAGE)
other_leaves = static(array[u64, ENTRIES], align=PAGE)


class Known:
    """Values of scause that the handler knows."""

    TIMER = INTERRUPT_BIT | Interrupt.STI
    SYSCALL = Cause.ECALL_U
    END = Cause.BREAKPOINT


@fw(extern=True)
def run_user(address: u64, calls: u64, resume: u64) -> None:
    """Run user code there, which makes so many calls; comes back through ``resume``."""
    ...


_USER = f"""
    .text
    .option push
    .option norvc
    .globl run_user
run_user:
    sd ra, 0(a2)
    csrw sepc, a0
    li t0, {SPP:#x}
    csrc sstatus, t0
    sret
    .balign {PAGE}
    .globl user_code
user_code:
    ecall
    addi a1, a1, -1
    bnez a1, user_code
    ebreak
    .balign {PAGE}
    .option pop
"""


@fw
def set_tick(by_sbi: bool) -> None:
    """The next tick."""
    deadline = csr.time + TICK
    if by_sbi:
        ecall(Extension.TIME, Time.SET_TIMER, deadline)
    else:
        csr.stimecmp = deadline


@fw(export=True)
def trap() -> None:
    """System calls, ticks, and the end of user code."""
    match csr.scause:
        case Known.SYSCALL:
            state.calls += 1
            csr.sepc = csr.sepc + 4
        case Known.TIMER:
            state.ticks += 1
            set_tick(state.by_sbi)
        case Known.END:
            csr.sepc = state.resume
            csr.sstatus |= SPP
        case _:
            print_line(b"workloads: unexpected trap ", csr.scause)
            power_off(True)


@fw(noinline=True)
def compute() -> None:
    """Primes by a sieve."""
    for i in range(SIEVE):
        flags[i] = 1
    count = u64(0)
    for i in range(2, SIEVE):
        if flags[i] != 0:
            count += 1
            at = i + i
            while at < SIEVE:
                flags[at] = 0
                at += i
    state.result = count


@fw(noinline=True)
def syscalls() -> None:
    """Calls from U mode that do next to nothing."""
    leaves[511] = ((symbol("user_code") >> PAGE_SHIFT) << 10) | Pte.V | Pte.R | Pte.X | Pte.U | Pte.A | Pte.D
    sfence_vma(USER, None)
    run_user(USER, SYSCALLS, u64(addr_of(state.resume)))


@fw(noinline=True)
def processes() -> None:
    """Address spaces made, used once and given up, as by fork, exec and exit."""
    for _ in range(PROCESSES):
        for page in range(PROCESS_PAGES):
            other_leaves[page] = entry_of(FRAMES + page * PAGE)
        other_middle[0] = pointer_to(u64(other_leaves))
        other_root[WINDOW >> 30] = pointer_to(u64(other_middle))
        csr.satp = satp_of(u64(other_root), u64(2))
        for page in range(PROCESS_PAGES):
            store64(WINDOW + page * PAGE, page)
        csr.satp = satp_of(u64(root), u64(1))
        for page in range(PROCESS_PAGES):
            other_leaves[page] = 0
        sfence_vma(None, u64(2))


@fw(noinline=True)
def switches() -> None:
    """Two address spaces in turns, each with some pages of its own."""
    for page in range(SWITCH_PAGES):
        leaves[page] = entry_of(FRAMES + page * PAGE)
        other_leaves[page] = entry_of(FRAMES + (SWITCH_PAGES + page) * PAGE)
    sfence_vma()
    for turn in range(SWITCHES):
        if (turn & 1) == 0:
            csr.satp = satp_of(u64(other_root), u64(2))
        else:
            csr.satp = satp_of(u64(root), u64(1))
        for page in range(SWITCH_PAGES):
            store64(WINDOW + page * PAGE, turn)
    csr.satp = satp_of(u64(root), u64(1))


@fw(noinline=True)
def mappings() -> None:
    """Pages mapped, used and unmapped, each with its fences."""
    for number in range(MAPPINGS):
        page = 64 + (number & 63)
        address = WINDOW + page * PAGE
        leaves[page] = entry_of(FRAMES + page * PAGE)
        sfence_vma(address, None)
        store64(address, number)
        leaves[page] = 0
        sfence_vma(address, None)


@fw(noinline=True)
def misses() -> None:
    """Loads from more pages than any TLB holds; the memory behind them is in the cache."""
    page = u64(0)
    total = u64(0)
    for _ in range(MISSES):
        total += load64(WIDE + page * PAGE)
        page = (page + STRIDE) & (WIDE_PAGES - 1)
    state.result = total


@fw
def ticking(by_sbi: bool) -> None:
    """The computation, interrupted by ticks."""
    state.by_sbi = by_sbi
    set_tick(by_sbi)
    csr.sie = STI
    csr.sstatus |= SIE
    compute()
    csr.sstatus &= ~SIE
    csr.stimecmp = u64(-1)


@fw(noinline=True)
def ticks() -> None:
    """Ticks by stimecmp."""
    ticking(False)


@fw(noinline=True)
def sbi_ticks() -> None:
    """Ticks by SBI."""
    ticking(True)


@fw(noinline=True)
def console() -> None:
    """Bytes to the UART, as a driver sends them that polls."""
    for number in range(CHARACTERS):
        while (load8(UART.base + Register.LSR) & Lsr.THRE) == 0:
            pass
        byte = u8(b"."[0])
        if number == CHARACTERS - 1:
            byte = u8(b"\n"[0])
        store8(UART.base + Register.THR, byte)


@fw
def prepare() -> None:
    """Tables: the first address space, the second, and the wide window on eight frames."""
    identity()
    for page in range(WIDE_PAGES):
        wide[page] = entry_of(FRAMES + (page & 7) * PAGE)
    for table in range(WIDE_TABLES):
        middle[1 + table] = pointer_to(u64(wide) + table * PAGE)
    other_root[0] = root[0]
    other_root[2] = root[2]
    sfence_vma()


@fw(noinline=True)
def run(number: u64) -> None:
    """One workload."""
    match number:
        case 0:
            compute()
        case 1:
            syscalls()
        case 2:
            processes()
        case 3:
            switches()
        case 4:
            mappings()
        case 5:
            misses()
        case 6:
            ticks()
        case 7:
            sbi_ticks()
        case _:
            console()


@fw(export=True)
def main() -> None:
    """The guest."""
    prepare()
    for number in range(const(len(NAMES))):
        spent = u64(0)
        for _ in range(2):
            begin = csr.cycle
            run(number)
            spent = csr.cycle - begin
        print_text(b"workload ")
        print_number(number)
        print_line(b": ", spent)
    power_off(False)


module_asm(code(main, trap))
module_asm(_USER)

image = guest_image("workloads", main, trap)
