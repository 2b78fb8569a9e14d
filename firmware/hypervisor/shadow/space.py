"""Which shadow a vCPU runs on.

A guest's satp names a table of its own; its shadow is the root here. Roots stay in the store while other
address spaces run, each under an ASID of its own, so that a guest's switch of processes costs one exit.
A guest without paging runs on a shadow that maps its RAM as it is: one for S mode, another for U mode,
because a page of the hart's belongs to one of them.
"""

from firmware.hypervisor import arch
from firmware.hypervisor.shadow.fill import flush
from firmware.hypervisor.shadow.store import obtain
from firmware.hypervisor.shadow.sync import sync_all
from firmware.hypervisor.shadow.tables import Table, direct_key, indirect_key, shadow, table_address
from firmware.hypervisor.vm import VCPU, guest_buffer
from firmware.lang import fw, ptr, u64
from rtl.isa.csrs import CSRS
from rtl.isa.paging import LEVELS, PAGE_SHIFT, AtpMode, Pte

__all__ = ["BARE_ACCESS", "enter_space", "is_bare", "set_satp", "start_space"]

SATP = CSRS["satp"]
MODE_AT = SATP.field("MODE").lo
ASID_AT = SATP.field("ASID").lo
PPN_MASK = SATP.mask("PPN")
BARE_ACCESS = Pte.R | Pte.W | Pte.X


@fw
def is_bare(v: ptr[VCPU]) -> bool:
    """Whether the guest translates nothing."""
    return (v.satp >> MODE_AT) == AtpMode.BARE


@fw
def root_of(v: ptr[VCPU], user: bool) -> ptr[Table]:
    """The root for the vCPU's satp. Where that names no RAM, a root that stays empty: every access faults."""
    shadow.stamp += 1
    if is_bare(v):
        access = u64(BARE_ACCESS)
        if user:
            access |= Pte.U
        return obtain(direct_key(v.vm, u64(0), LEVELS - 1, access))
    address = (v.satp & PPN_MASK) << PAGE_SHIFT
    if guest_buffer(v.vm, address, 1 << PAGE_SHIFT) == 0:
        return obtain(direct_key(v.vm, u64(0), LEVELS - 1, u64(0)))
    return obtain(indirect_key(v.vm, address, LEVELS - 1))


@fw
def satp_of(root: ptr[Table]) -> u64:
    """The hart's satp for a root; its ASID is the table's number."""
    address = table_address(root)
    number = ((address - shadow.memory) >> PAGE_SHIFT) + 1
    return (u64(AtpMode.SV39) << MODE_AT) | (number << ASID_AT) | (address >> PAGE_SHIFT)


@fw
def start_space(v: ptr[VCPU]) -> None:
    """The space of a vCPU that has not been on the hart."""
    root = root_of(v, False)
    root.pins += 1
    v.root = u64(root)
    arch.set_satp_saved(v.state, satp_of(root))


@fw(noinline=True)
def enter_space(v: ptr[VCPU], user: bool) -> None:
    """Put the vCPU on the hart onto the shadow for its satp and mode."""
    root = root_of(v, user)
    old = ptr[Table](v.root)
    if root != old:
        old.pins -= 1
        root.pins += 1
        v.root = u64(root)
        arch.set_satp(satp_of(root))
    flush()


@fw(noinline=True)
def set_satp(v: ptr[VCPU], value: u64) -> None:
    """The guest writes its satp (a MODE that does not exist changes nothing).

    A new ASID needs no fence, so the shadow must be in step: it does not tell ASIDs apart.
    """
    mode = value >> MODE_AT
    if mode == AtpMode.BARE or mode == AtpMode.SV39:
        v.satp = value
        sync_all()
        enter_space(v, False)
