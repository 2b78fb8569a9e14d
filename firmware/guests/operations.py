"""Does each operation that a hypervisor has a hand in many times, for an observer to count cycles.

The observer (`cosim.compare`) sees instructions retire. An operation stands alone between two reads of
`cycle`, at the symbols ``begin_NAME`` and ``end_NAME``; one that ends in the guest's trap handler ends at
``guest_trap``. The guest itself prints nothing but what operations print.
"""

from firmware.guests.mapping import FRAMES, UNMAPPED, WINDOW, entry_of, identity, leaves
from firmware.guests.runtime import code, guest_image, power_off, print_line, print_text
from firmware.lang import addr_of, csr, fw, load8, load32, module_asm, store8, store32, u64
from firmware.plic import PlicRegister
from firmware.sbi import Base, Extension, Ipi, Time
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE, PLIC, UART, UART_IRQ
from rtl.isa.paging import PAGE_SHIFT
from rtl.isa.uart import Ier, Register

__all__ = ["ROUNDS", "WARM_UP", "image"]

WARM_UP = 8
"""Rounds that come first, and do not count."""
ROUNDS = 33

PAGE = 1 << PAGE_SHIFT
UNTOUCHED = DRAM_BASE + (10 << 20)
"""Guest RAM that nothing uses before the round that touches it."""
SIE = CSRS["sstatus"].mask("SIE")
SSIP = 1 << Interrupt.SSI
INTERRUPTS = SSIP | 1 << Interrupt.STI | 1 << Interrupt.SEI

PLIC_PRIORITY = PLIC.base + 4 * UART_IRQ
PLIC_ENABLE = PLIC.base + PlicRegister.ENABLE
PLIC_THRESHOLD = PLIC.base + PlicRegister.THRESHOLD
PLIC_CLAIM = PLIC.base + PlicRegister.CLAIM
ENABLE = UART.base + Register.IER


@fw(extern=True)
def op_empty() -> None:
    """Nothing: what the two reads take themselves."""
    ...


@fw(extern=True)
def op_hypercall() -> None:
    """SBI BASE get_spec_version."""
    ...


@fw(extern=True)
def op_controller(address: u64) -> None:
    """Read a register of the interrupt controller."""
    ...


@fw(extern=True)
def op_raise(address: u64, value: u64) -> None:
    """Make a device interrupt; ends in the handler."""
    ...


@fw(extern=True)
def op_complete(address: u64, value: u64) -> None:
    """Tell the interrupt controller that an interrupt is served."""
    ...


@fw(extern=True)
def op_ipi() -> None:
    """SBI IPI to the hart itself; ends in the handler."""
    ...


@fw(extern=True)
def op_touch(address: u64) -> None:
    """Store to a page of RAM for the first time."""
    ...


@fw(extern=True)
def op_output(address: u64, byte: u64) -> None:
    """Give the UART a byte."""
    ...


@fw(extern=True)
def op_timer() -> None:
    """Set stimecmp to a time that has passed; ends in the handler."""
    ...


@fw(extern=True)
def op_sbi_timer() -> None:
    """The same by SBI TIME."""
    ...


@fw(extern=True)
def op_page_fault(address: u64) -> None:
    """Load from where the guest's own tables map nothing; ends in the handler."""
    ...


@fw(extern=True)
def op_map(slot: u64, entry: u64, address: u64) -> None:
    """Write a page-table entry, fence its address, load through it."""
    ...


@fw(extern=True)
def op_space(satp: u64) -> None:
    """Write satp."""
    ...


def _operation(name: str, body: str, prepare: str = "") -> str:
    """A function whose ``body`` stands between two reads of `cycle`."""
    return f"""
    .globl op_{name}, begin_{name}, end_{name}
    .balign 64
op_{name}:
    {prepare}
    .balign 64
begin_{name}:
    csrr t0, cycle
    {body}
end_{name}:
    csrr t1, cycle
    ret
"""


def _call(extension: Extension, function: int, *arguments: str) -> str:
    """Registers of an SBI call."""
    lines = [f"li a7, {int(extension)}", f"li a6, {int(function)}"]
    return "\n".join([*lines, *(f"li a{n}, {value}" for n, value in enumerate(arguments))])


_OPERATIONS = "\n".join(
    [
        ".text",
        ".option push",
        ".option norvc",
        _operation("empty", ""),
        _operation("hypercall", "ecall", _call(Extension.BASE, Base.GET_SPEC_VERSION)),
        _operation("controller", "lw t2, 0(a0)"),
        _operation("raise", "sb a1, 0(a0)"),
        _operation("complete", "sw a1, 0(a0)"),
        _operation("ipi", "ecall", _call(Extension.IPI, Ipi.SEND_IPI, "1", "0")),
        _operation("touch", "sd zero, 0(a0)"),
        _operation("output", "sb a1, 0(a0)"),
        _operation("timer", "csrw stimecmp, zero"),
        _operation("sbi_timer", "ecall", _call(Extension.TIME, Time.SET_TIMER, "0")),
        _operation("page_fault", "ld t2, 0(a0)"),
        _operation("map", "sd a1, 0(a0)\nsfence.vma a2, zero\nld t2, 0(a2)"),
        _operation("space", "csrw satp, a0"),
        ".option pop",
    ]
)


class Known:
    """Values of scause that the handler knows."""

    TIMER = INTERRUPT_BIT | Interrupt.STI
    SOFTWARE = INTERRUPT_BIT | Interrupt.SSI
    EXTERNAL = INTERRUPT_BIT | Interrupt.SEI
    PAGE_FAULT = Cause.LOAD_PAGE_FAULT


@fw
def serve_uart() -> None:
    """Claim the UART's interrupt, take its reason away, complete."""
    source = u64(load32(PLIC_CLAIM))
    load8(UART.base + Register.IIR)
    op_complete(PLIC_CLAIM, source)
    store8(ENABLE, 0)


@fw(export=True)
def trap() -> None:
    """End what interrupted; skip the load that faulted."""
    match csr.scause:
        case Known.TIMER:
            csr.stimecmp = u64(-1)
        case Known.SOFTWARE:
            csr.sip &= ~SSIP
        case Known.EXTERNAL:
            serve_uart()
        case Known.PAGE_FAULT:
            csr.sepc = csr.sepc + 4
        case _:
            print_line(b"operations: unexpected trap ", csr.scause)
            power_off(True)


@fw
def round_of(number: u64, satp: u64) -> None:
    """Each operation once."""
    op_empty()
    op_hypercall()
    op_controller(PLIC_PRIORITY)
    op_raise(ENABLE, Ier.ETBEI)
    op_ipi()
    op_touch(UNTOUCHED + number * PAGE)
    op_output(UART.base + Register.THR, b"."[0])
    op_timer()
    op_sbi_timer()
    op_page_fault(UNMAPPED)
    op_map(u64(addr_of(leaves[5])), entry_of(FRAMES + (number & 3) * PAGE), WINDOW + 5 * PAGE)
    op_space(satp)


@fw(export=True)
def main() -> None:
    """The guest."""
    satp = identity()
    csr.stimecmp = u64(-1)
    store32(PLIC_PRIORITY, 1)
    store32(PLIC_ENABLE, 1 << UART_IRQ)
    store32(PLIC_THRESHOLD, 0)
    csr.sie = INTERRUPTS
    csr.sstatus |= SIE
    for number in range(u64(0), WARM_UP + ROUNDS):
        round_of(number, satp)
    print_text(b"\n")
    power_off(False)


module_asm(code(main, trap))
module_asm(_OPERATIONS)

image = guest_image("operations", main, trap)
