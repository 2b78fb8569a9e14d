"""The checks of the stress guest. Each tells whether the virtual machine behaved as the real one would."""

from firmware.guests.stress_probes import (
    EXTERNAL,
    HYPERVISOR_REGISTER,
    NOWHERE,
    TIMER,
    UNKNOWN_REGISTER,
    probe_fetch,
    probe_hypervisor_register,
    probe_load,
    probe_store,
    probe_unknown_register,
    seen,
)
from firmware.lang import (
    addr_of,
    array,
    csr,
    fw,
    load8,
    load32,
    load64,
    sfence_vma,
    static,
    store8,
    store32,
    store64,
    u64,
    wfi,
)
from firmware.plic import PlicRegister
from rtl.isa.causes import Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE, PLIC, UART, UART_IRQ
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, AtpMode, Pte
from rtl.isa.uart import Ier, Iir, Register

__all__ = [
    "check_fetch_nowhere",
    "check_hypervisor_register",
    "check_load_nowhere",
    "check_page_tables",
    "check_store_nowhere",
    "check_touch",
    "check_uart_interrupt",
    "check_uart_registers",
    "check_unknown_register",
    "check_wfi_timer",
]

SIE = CSRS["sstatus"].mask("SIE")
MODE = CSRS["satp"].field("MODE").lo

MEGA = 2 << 20
PAGE = 1 << PAGE_SHIFT
ENTRIES = 1 << LEVEL_BITS
FRAMES = DRAM_BASE + 4 * MEGA
"""Guest RAM that the checks use freely, beyond this image."""
WINDOW = 0x20_0000_0000
"""A virtual address with a root entry of its own, for the page-table check."""
ROUNDS = 64
LEAF = Pte.V | Pte.R | Pte.W | Pte.A | Pte.D
CODE = LEAF | Pte.X

PLIC_PRIORITY = PLIC.base + 4 * UART_IRQ
PLIC_ENABLE = PLIC.base + PlicRegister.ENABLE
PLIC_THRESHOLD = PLIC.base + PlicRegister.THRESHOLD
PLIC_CLAIM = PLIC.base + PlicRegister.CLAIM

root = static(array[u64, ENTRIES], align=PAGE)
middle = static(array[u64, ENTRIES], align=PAGE)
leaves = static(array[u64, ENTRIES], align=PAGE)


@fw
def trapped(cause: u64, value: u64) -> bool:
    """Whether the last probe trapped so; forgets it."""
    good = seen.cause == cause and seen.value == value
    seen.cause = u64(-1)
    return good


@fw
def trapped_illegal(word: u64) -> bool:
    """Illegal instruction; stval may be zero or the instruction."""
    good = seen.cause == Cause.ILLEGAL_INSTRUCTION and (seen.value == word or seen.value == 0)
    seen.cause = u64(-1)
    return good


@fw
def check_unknown_register() -> bool:
    """A CSR that does not exist."""
    probe_unknown_register()
    return trapped_illegal(UNKNOWN_REGISTER)


@fw
def check_hypervisor_register() -> bool:
    """A CSR that only a hypervisor has: to a guest it does not exist either."""
    probe_hypervisor_register()
    return trapped_illegal(HYPERVISOR_REGISTER)


@fw
def check_load_nowhere() -> bool:
    """Load outside memory: access fault."""
    return probe_load(NOWHERE + 8) == u64(-1) and trapped(Cause.LOAD_ACCESS, NOWHERE + 8)


@fw
def check_store_nowhere() -> bool:
    """Store outside memory: access fault."""
    probe_store(NOWHERE + 4)
    return trapped(Cause.STORE_ACCESS, NOWHERE + 4)


@fw
def check_fetch_nowhere() -> bool:
    """Jump outside memory: access fault."""
    probe_fetch(NOWHERE, u64(addr_of(seen.resume)))
    return trapped(Cause.FETCH_ACCESS, NOWHERE)


@fw
def check_touch() -> bool:
    """Pages used for the first time keep what is written."""
    for i in range(8):
        store64(FRAMES + i * (MEGA + PAGE), i + 1)
    good = True
    for i in range(8):
        good = good and load64(FRAMES + i * (MEGA + PAGE)) == i + 1
    return good


@fw
def entry(address: u64, flags: u64) -> u64:
    """Page-table entry."""
    return ((address >> PAGE_SHIFT) << 10) | flags


@fw
def check_page_tables() -> bool:
    """With Sv39 on, one virtual page is moved between frames; each access sees the frame it stands on."""
    root[0] = entry(0, LEAF)
    root[2] = entry(DRAM_BASE, CODE)
    root[WINDOW >> 30] = entry(u64(middle), Pte.V)
    middle[0] = entry(u64(leaves), Pte.V)
    for i in range(8):
        store64(FRAMES + i * PAGE, 100 + i)
    csr.satp = (u64(AtpMode.SV39) << MODE) | (u64(root) >> PAGE_SHIFT)
    sfence_vma()
    good = True
    for i in range(ROUNDS):
        at = i & 7
        leaves[5] = entry(FRAMES + at * PAGE, LEAF)
        sfence_vma(WINDOW + 5 * PAGE, None)
        good = good and load64(WINDOW + 5 * PAGE) == 100 + i
        store64(WINDOW + 5 * PAGE, 108 + i)
        good = good and load64(FRAMES + at * PAGE) == 108 + i
    leaves[5] = 0
    sfence_vma()
    good = good and probe_load(WINDOW + 5 * PAGE) == u64(-1)
    good = good and trapped(Cause.LOAD_PAGE_FAULT, WINDOW + 5 * PAGE)
    root[3] = entry(NOWHERE, Pte.V)  # a table that is not in memory
    sfence_vma()
    good = good and probe_load(0xC000_0000) == u64(-1) and trapped(Cause.LOAD_ACCESS, 0xC000_0000)
    csr.satp = 0
    sfence_vma()
    return good


@fw
def check_wfi_timer() -> bool:
    """WFI ends when the timer is due, and not before."""
    before = seen.interrupts
    deadline = csr.time + 500
    csr.stimecmp = deadline
    csr.sie |= 1 << Interrupt.STI
    wfi()
    good = csr.time >= deadline and seen.interrupts == before
    csr.sstatus |= SIE
    csr.sstatus &= ~SIE
    csr.stimecmp = u64(-1)
    return good and seen.interrupts == before + 1 and seen.cause == TIMER


@fw
def check_uart_registers() -> bool:
    """The emulated 16550 keeps its registers apart, with every kind of load."""
    store8(UART.base + Register.SCR, 0xA5)
    store8(UART.base + Register.LCR, 0x83)
    store8(UART.base + Register.THR, 0x12)
    store8(UART.base + Register.LCR, 0x03)
    good = load8(UART.base + Register.SCR) == 0xA5 and load8(UART.base + Register.LCR) == 0x03
    good = good and (load8(UART.base + Register.LSR) & 0x60) == 0x60
    store8(UART.base + Register.THR, b"!"[0])
    store8(UART.base + Register.THR, b"\n"[0])
    return good


@fw
def check_uart_interrupt() -> bool:
    """Transmitter empty: UART to PLIC to hart; claim, serve, complete."""
    before = seen.interrupts
    store32(PLIC_PRIORITY, 3)
    store32(PLIC_ENABLE, 1 << UART_IRQ)
    store32(PLIC_THRESHOLD, 3)
    csr.sie |= 1 << Interrupt.SEI
    store8(UART.base + Register.IER, Ier.ETBEI)
    good = (csr.sip & (1 << Interrupt.SEI)) == 0  # below the threshold
    store32(PLIC_THRESHOLD, 0)
    csr.sstatus |= SIE
    csr.sstatus &= ~SIE
    good = good and seen.interrupts == before + 1 and seen.cause == EXTERNAL
    good = good and load32(PLIC_CLAIM) == UART_IRQ and load32(PLIC_CLAIM) == 0
    good = good and (load8(UART.base + Register.IIR) & 0xF) == Iir.THR_EMPTY
    good = good and (load8(UART.base + Register.IIR) & 0xF) == Iir.NONE
    store32(PLIC_CLAIM, UART_IRQ)
    good = good and (csr.sip & (1 << Interrupt.SEI)) == 0
    store8(UART.base + Register.IER, 0)
    return good
