"""What the hand-written stubs of the back ends have in common: the start, and the general registers by how
compiled code treats them."""

from collections.abc import Callable

__all__ = [
    "CALLEE_SAVED",
    "CALLER_SAVED",
    "HOST_FRAME",
    "beginning",
    "each",
    "host_return",
    "host_save",
    "host_vector",
]

CALLER_SAVED = (1, 5, 6, 7, *range(10, 18), *range(28, 32))
"""ra, t0-t6, a0-a7: what compiled code may change."""
CALLEE_SAVED = (3, 4, 8, 9, *range(18, 28))
"""gp, tp, s0-s11: left in the registers unless the exit goes the complete way."""

HOST_FRAME = 16 * 8
"""On a host kernel's stack: while a guest runs, ra, gp, tp, s0-s11, and a word for alignment; while the host
serves an interrupt of its own, `CALLER_SAVED`."""
_HOST = (1, *CALLEE_SAVED)
assert 8 * max(len(_HOST), len(CALLER_SAVED)) <= HOST_FRAME


def _frame(instruction: str, registers: tuple[int, ...]) -> str:
    return "\n".join(f"    {instruction} x{n}, {8 * place}(sp)" for place, n in enumerate(registers))


def beginning(vector: str, start: Callable[..., object]) -> str:
    """From the monitor's jump to behind ``start(info)``, with traps going to the label ``vector``."""
    return f"""    .section .text.entry, "ax"
    .globl hypervisor_start
hypervisor_start:               # a0 = hart, a1 = HypervisorInfo
    la sp, __stack_top
    la t0, __bss_start
    la t1, __bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  la t0, {vector}
    csrw stvec, t0
    mv a0, a1
    jal {start}"""


def host_vector(interrupt: Callable[..., object], broken: Callable[..., object]) -> str:
    """Where a host kernel itself traps to: ``interrupt()`` for interrupts, ``broken()`` for all else, and for
    jumps to ``host_broken``. sscratch is free while the host runs."""
    return f"""    .balign 4
    .globl host_trap
host_trap:
    csrw sscratch, t0
    csrr t0, scause
    bgez t0, host_broken
    csrr t0, sscratch
    addi sp, sp, -{HOST_FRAME}
{_frame("sd", CALLER_SAVED)}
    jal {interrupt}
{_frame("ld", CALLER_SAVED)}
    addi sp, sp, {HOST_FRAME}
    sret
host_broken:
    la sp, __stack_top
    jal {broken}
"""


def host_save() -> str:
    """Put the host kernel's registers on its stack, and keep its sp (t0 changes)."""
    return f"""    addi sp, sp, -{HOST_FRAME}
{_frame("sd", _HOST)}
    la t0, host_sp
    sd sp, 0(t0)"""


def host_return() -> str:
    """Take them back, and return to where the host kernel entered the guest (t0 changes)."""
    return f"""    la t0, host_sp
    ld sp, 0(t0)
{_frame("ld", _HOST)}
    addi sp, sp, {HOST_FRAME}
    ret
    .section .bss
    .balign 8
host_sp:
    .dword 0
    .section .text.entry, "ax"
"""


def each(instruction: str, registers: tuple[int, ...]) -> str:
    """The load or store of each register at its place in the state that sp points to."""
    return "\n".join(f"    {instruction} x{n}, {8 * n}(sp)" for n in registers)
