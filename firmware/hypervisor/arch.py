"""The architecture interface: everything the hypervisor's core knows of the hardware.

The core (`exits`, `scheduler`, `memory`, `sbi`, `devices`) names CSRs nowhere; it uses what a back end
offers here. Back ends stand beside each other as packages: `el2` is the H extension. `ARCH` is the one
this process builds (environment variable BIVISOR_ARCH, default el2).

`State`                     struct: what a vCPU keeps while another one runs; `x` are the general registers
`code(start, fast, slow)`   assembly text: start, exit and entry stubs around the core's functions
`start_hart(flags)`         set the hart up to run guests
`reset_state(s, space, pc, argument)`  a vCPU's state at its first instruction
`save(s)`, `load(s)`        switch: hart to state, state to hart
`wake_time(s, now)`         host time at which a saved vCPU's own timer interrupts it
`interrupt_saved(s)`        whether a saved vCPU has an interrupt to take (its timer apart)
`interrupt_current()`       whether the vCPU on the hart has an interrupt to take
`EXIT_…`, `exit_cause()`    why the guest left; `is_interrupt(cause)`
`host_fault()`              whether it was no guest but the hypervisor itself that trapped
`guest_pc()`, `skip(n)`     the guest's program counter
`fault_address()`           guest physical address of a second-stage fault
`fault_instruction()`       the faulting access as a transformed instruction (rtl.isa.htinst), 0 if none
`reflect_access(cause)`     make the guest take an access fault for the second-stage fault just seen
`reflect_illegal()`         make the guest take an illegal-instruction exception for the exit just seen
`exit_is_wfi()`             whether the instruction that left is WFI
`set_software(on)`          software interrupt line of the vCPU on the hart
`set_external(on)`          its external interrupt line
`set_external_saved(s, on)` the same of a saved vCPU
`set_timer(deadline)`       its timer, in guest time
`make_space(root, id)`      the context word of a root table for VM number ``id``
`map_page(root, gpa, hpa, large, pool)`  map 4 KiB or 2 MiB; False if no page for a table is left
`forget_page(gpa)`          drop cached second-stage translations of a page
`forget_virtual()`          drop the running guest's own cached translations
`host_time()`, `host_timer(t)`, `host_wait()`  the hypervisor's clock, its timer, and idling

An exit runs ``fast(vcpu)`` with only the caller-saved registers in `State.x`; a non-zero result makes the
stub save the others too and run ``slow(vcpu, result)``, which returns the vCPU to enter.
"""

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware.hypervisor.el2 import *  # noqa: F403 -- every back end offers the same names

__all__ = ["ARCH"]

ARCH = os.environ.get("BIVISOR_ARCH", "el2")
"""Name of the back end."""

_backend = importlib.import_module(f"firmware.hypervisor.{ARCH}")
globals().update({name: getattr(_backend, name) for name in _backend.__all__})
__all__ += _backend.__all__
