"""The M-mode boot monitor: sets the hart up, starts the next stage in S mode, and serves its SBI calls."""

import sys

from firmware.bootinfo import MONITOR_BASE
from firmware.lang import Image, module_asm
from firmware.monitor.boot import boot
from firmware.monitor.trap import SAVED, monitor_trap

__all__ = ["image"]

_FRAME = 32 * 8


def _each(instruction: str) -> str:
    """The instruction for every saved register, each at its own number in the frame."""
    return "\n".join(f"    {instruction} x{n}, {8 * n}(sp)" for n in SAVED)


module_asm(f"""
    .section .text.entry, "ax"
    .globl monitor_start
monitor_start:                  # a0 = hart, a1 = device tree
    la sp, __stack_top
    la t0, __bss_start
    la t1, __bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  la t0, monitor_entry
    csrw mtvec, t0
    csrw mscratch, sp
    mv a0, a1
    jal {boot}
    mv a1, a0
    csrr a0, mhartid
    mret

    .balign 4
monitor_entry:                  # registers of the interrupted mode go to a frame on the monitor's stack
    csrrw sp, mscratch, sp
    addi sp, sp, -{_FRAME}
{_each("sd")}
    mv a0, sp
    jal {monitor_trap}
{_each("ld")}
    addi sp, sp, {_FRAME}
    csrrw sp, mscratch, sp
    mret
""")

image = Image(
    entry="monitor_start",
    base=MONITOR_BASE,
    stack=2048,
    modules=[sys.modules[__name__]],
    functions=[boot, monitor_trap],
    name="monitor",
)
