"""The architecture interface: everything the hypervisor's core knows of the hardware.

The core (`exits`, `scheduler`, `memory`, `sbi`, `devices`) names CSRs nowhere; it uses what a back end
offers here. Back ends stand beside each other as packages: `el2` is the H extension, `vmx` is Xvmx.
`options` tells which one this process builds.

`State`                     struct: what a vCPU keeps while another one runs; `x` are the general registers
`code(start, fast, slow, broken)`  assembly text: start, exit and entry stubs around the core's functions
`hosted_code(start, serve, interrupt, broken)`  the same for a host kernel (`host`)
`start_hart(flags)`         set the hart up to run guests
`reset_state(s, space, pc, argument)`  a vCPU's state at its first instruction; False without memory for it
`save(s)`, `load(s)`        switch: hart to state, state to hart
`wake_time(s, now)`         host time at which a saved vCPU's own timer interrupts it
`interrupt_saved(s)`        whether a saved vCPU has an interrupt to take (its timer apart)
`interrupt_current()`       whether the vCPU on the hart has an interrupt to take
`exit_is_hypercall()`       whether the guest left by its call to the hypervisor
`EXIT_…`, `exit_cause()`    why it left; `is_interrupt(cause)`
`host_fault()`              whether it was no guest but the hypervisor itself that trapped
`guest_pc()`, `skip(n)`     the guest's program counter
`guest_is_user()`, `guest_status()`  its mode, and its sstatus
`page_fault_cause(cause)`   the guest's own cause for an exit by page fault (shadow paging)
`fault_virtual()`           the guest virtual address that faulted
`fault_address()`           guest physical address of a second-stage fault
`fault_access(x)`           the faulting access as a transformed instruction (rtl.isa.htinst), 0 if none;
                            ``x`` are all of the guest's registers
`inject(cause, value)`      make the guest take an exception; False if it never could
`trapped_instruction()`     the instruction of an EXIT_INSTRUCTION, as it stands in memory
`access_instruction()`      that of a page fault, 0 if it has to be fetched (shadow paging)
`set_software(on)`          software interrupt line of the vCPU on the hart
`set_external(on)`          its external interrupt line
`set_external_saved(s, on)` the same of a saved vCPU
`set_timer(deadline)`       its timer, in guest time
`make_space(root, id)`      the context word of a root table for VM number ``id``
`unstaged_space(id)`        the context word where shadow tables do it all
`map_page(root, gpa, hpa, large, pool)`  map 4 KiB or 2 MiB; False if no page for a table is left
`forget_page(gpa)`          drop cached second-stage translations of a page
`forget_virtual()`          drop the running guest's own cached translations
`forget_address(va)`        those of one guest virtual address
`set_satp(v)`, `set_satp_saved(s, v)`  the satp that the hart translates with (shadow paging)
`host_time()`, `host_timer(t)`, `host_wait()`  the hypervisor's clock, its timer, and idling
`host_window()`             let a host kernel's interrupts come; then, in its handler of them:
`host_external()`           whether it is the external one, and `host_served()` when it has been served
`host_defer()`              leave the timer's to the next guest, which will leave for it
`slice_timer(t)`            when the guest on the hart has to leave it
`host_pc()`, `host_cause()` where and why the hypervisor itself trapped

An exit runs ``fast(vcpu)`` with only the caller-saved registers in `State.x`; a non-zero result makes the
stub save the others too and run ``slow(vcpu, result)``, which returns the vCPU to enter.
"""

import importlib
from typing import TYPE_CHECKING

from firmware.hypervisor.options import ARCH

if TYPE_CHECKING:
    from firmware.hypervisor.el2 import *  # noqa: F403 -- every back end offers the same names

__all__ = ["ARCH"]

_backend = importlib.import_module(f"firmware.hypervisor.{ARCH}")
globals().update({name: getattr(_backend, name) for name in _backend.__all__})
__all__ += _backend.__all__
