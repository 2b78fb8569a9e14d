"""Ports between the VMX unit and the rest of the core."""

from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.core.interface import Mode, SystemOp, Trap
from rtl.core.stages import MicroOp
from rtl.isa.paging import PA_BITS

__all__ = ["VmxCsrPort", "VmxExecutePort", "VmxOp"]


class VmxOp(enum.Enum, shape=4):
    """The instructions of Xvmx: bits 28:25 of their encodings."""

    VMXON = 0
    VMXOFF = 1
    VMCLEAR = 2
    VMPTRLD = 3
    VMPTRST = 4
    VMREAD = 5
    VMWRITE = 6
    VMLAUNCH = 7
    VMRESUME = 8
    VMCALL = 9
    VMFUNC = 10
    INVEPT = 11
    INVVPID = 12


VmxExecutePort = wiring.Signature(
    {
        # What stands in execute
        "valid": Out(1),
        "interrupted": Out(1),
        "clear": Out(1),
        "leaves": Out(1),
        "completes": Out(1),
        "instruction": Out(1),
        "op": Out(VmxOp),
        "a": Out(64),
        "b": Out(64),
        "system": Out(SystemOp),
        "pause": Out(1),
        "csr_valid": Out(1),
        "csr_number": Out(12),
        "csr_reads": Out(1),
        "csr_writes": Out(1),
        "csr_register": Out(5),
        # What becomes of it
        "illegal": In(1),
        "exit": In(1),
        "reason": In(6),
        "qualification": In(32),
        "abort": In(1),
        "address": In(PA_BITS),
        "wait": In(1),
        "begun": In(1),
        "done": In(1),
        "result": In(64),
        "write": In(1),
        "enter": In(1),
        "deliver": In(1),
        "event": In(Trap),
        # On the unit's own account
        "busy": In(1),
        "micro": In(stream.Signature(MicroOp)),
        "arrive": In(1),
        "target": In(64),
        "pc": In(64),
        "bits": In(32),
        "from_mode": In(Mode),
        "cause": In(6),
        "interrupt": In(1),
    }
)
"""From the execute stage to the VMX unit.

``valid``: an instruction that was fetched well stands in execute, and no interrupt comes before it; the
other members describe it. ``interrupted``: an interrupt comes before it. ``clear``: the instructions before
it are done for good. ``leaves``: it is gone after this cycle; ``completes``: it has been executed.
``instruction``: it is one of Xvmx, ``op``, with operands ``a`` and ``b``. ``csr_reads``, ``csr_writes``,
``csr_register``: what a CSR instruction does with the register, and the general register that it names (rs1
if it writes, else rd).

The unit's verdict, good in the same cycle: ``illegal``; ``exit`` with ``reason`` and ``qualification`` if
it is not otherwise illegal; ``abort`` (VMX abort at ``address``). ``wait``: no verdict yet, neither trap
nor finish. ``begun``: no interrupt comes before it any more. ``done``: an instruction of Xvmx is finished,
``result`` is for rd if ``write``; with ``enter`` it was a VM entry, ``result`` is for x2, and ``target``
the next fetch address; with ``deliver`` the entry delivers ``event`` instead.

``busy``: no instruction stands in execute, and none may come. ``micro``: accesses. ``arrive``: a VM exit
ends: x2 gets ``result``, fetch goes on at ``target``, and the exit is reported as the trap ``cause`` of
the instruction ``bits`` at ``pc`` in ``from_mode``.
"""

VmxCsrPort = wiring.Signature(
    {
        # State
        "active": Out(1),
        "changed": Out(1),
        "nos2": Out(1),
        "mode": Out(Mode),
        "guest_sie": Out(1),
        "physical": Out(1),
        "code": Out(6),
        "wake": Out(1),
        "tick": Out(1),
        "delivered": Out(1),
        "abandoned": Out(1),
        "root_write": Out(1),
        "root_number": Out(12),
        "root_changes": Out(1),
        # Registers
        "number": In(12),
        "read": In(1),
        "value": Out(64),
        "write": In(1),
        "data": In(64),
        # Transitions
        "enter": In(1),
        "enter_supervisor": In(1),
        "deliver": In(1),
        "leave": In(1),
        "outstanding": In(1),
        # Controls
        "extint": In(1),
        "time_offset": In(1),
        "ept": In(1),
        "vpid": In(1),
        "exception_bitmap": In(64),
        "event": In(1),
        "event_reason": In(6),
        "external": In(1),
        "identity": In(8),
        "acknowledge": In(1),
    }
)
"""From the CSR unit to the VMX unit.

``active``: ARCH is 2; ``changed``: ARCH changes at the end of this cycle; ``nos2``: no second stage.
``guest_sie``: sstatus.SIE of V = 1. ``physical``: a physical interrupt makes V = 1 exit now, ``code`` is
its number. ``wake``: what ends ``wfi``. ``tick``: mtime has just changed. ``delivered``: a trap goes to the
guest. ``abandoned``: an mret abandons the entry. ``root_write`` of ``root_number``, ``root_changes``
(sstatus): a register of root may change at the end of this cycle.

``read``, ``write`` access a register by its ``number``, whatever the mode; vs* numbers are the guest's.
There is no CSR instruction in the same cycle.

``enter``: V becomes 1; with ``deliver`` the trap of this cycle goes to the guest. ``leave``: V becomes 0,
in S. ``outstanding``: an entry has not yet ended. ``extint``, ``time_offset``, ``ept``, ``vpid``,
``exception_bitmap``: controls. ``event``: V = 1 exits now, for ``event_reason``. ``external``: the guest's
interrupt file is not empty; ``identity`` is its first. ``acknowledge``: clears mip.SSIP.
"""
