"""Ports and structures of the memory-management unit, seen from the core."""

from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.isa.paging import ASID_BITS, PA_BITS, PPN_BITS, VMID_BITS
from rtl.isa.privilege import Privilege

__all__ = [
    "Access",
    "Fault",
    "FaultKind",
    "Fence",
    "FenceOp",
    "FencePort",
    "PmpEntry",
    "TranslatePort",
    "TranslationContext",
    "TranslationRequest",
]


class Access(enum.Enum, shape=2):
    """Kind of access, as permissions and fault causes see it. AMO and SC are STORE, LR is LOAD."""

    FETCH = 0
    LOAD = 1
    STORE = 2


class TranslationRequest(data.Struct):
    """A virtual address and the *effective* mode of the access (after MPRV, MPV, SPVP)."""

    vaddr: 64
    access: Access
    privilege: Privilege
    virt: 1
    hlvx: 1
    """Load that needs execute instead of read permission (HLVX, H chapter 21.3)."""
    physical: 1
    """``vaddr`` is a physical address; PMP as in S mode if the privilege is not M (never so there)."""


class FaultKind(enum.Enum, shape=2):
    """Which family of causes; the cause itself follows from the access."""

    ACCESS = 0
    PAGE = 1
    GUEST_PAGE = 2


class Fault(data.Struct):
    """Why a translation failed."""

    kind: FaultKind
    gpa: 64
    """Guest physical address of a guest-page fault (htval/mtval2 hold it shifted right by 2), else 0.
    For an implicit access it is the address of the VS-stage page-table entry."""
    implicit: 1
    """The guest-page fault was on a VS-stage page-table entry (htinst is then a pseudoinstruction)."""
    implicit_write: 1
    """... and the access was the write of its A or D bit."""
    rights: 3
    """R, W, X (bits 0 to 2) of the G-stage entry at which the walk ended; 0 if there is none."""
    misconfigured: 1
    """The G-stage entry is valid but of no legal form."""


TranslatePort = wiring.Signature(
    {
        "valid": Out(1),
        "request": Out(TranslationRequest),
        "hit": In(1),
        "paddr": In(PA_BITS),
        "fault_valid": In(1),
        "fault": In(Fault),
    }
)
"""Combinational look-up: ``hit`` and ``paddr`` in the cycle of the request, permissions included (a TLB hit
that lacks a permission or needs A/D set is no hit; the walker alone decides on faults, so that a fault
never depends on what the TLB holds). Without a hit the requester holds the request; either ``hit`` or
``fault_valid`` comes later. ``fault_valid`` stands only for the very request (address and mode) that is on
the port; it may stay up until the requester changes or drops the request. Fetches may be dropped at any time.
In M mode, or with both stages Bare, the answer (hit, or PMP access fault) is immediate, or with ``Cuts.walk``
comes when the PMP's verdict on the page does."""


class Atp(data.Struct):
    """satp and vsatp."""

    ppn: PPN_BITS
    asid: ASID_BITS
    mode: 4


class Hgatp(data.Struct):
    """hgatp."""

    ppn: PPN_BITS
    vmid: VMID_BITS
    reserved: 2
    mode: 4


class TranslationContext(data.Struct):
    """CSR state that translation depends on, current values."""

    satp: Atp
    vsatp: Atp
    hgatp: Hgatp
    adue: 1
    """menvcfg.ADUE: hardware A/D update in S-stage and G-stage tables."""
    vs_adue: 1
    """henvcfg.ADUE (0 if menvcfg.ADUE is 0): in VS-stage tables."""
    mxr: 1
    """sstatus.MXR (HS-level): both stages."""
    sum: 1
    """sstatus.SUM."""
    vs_mxr: 1
    """vsstatus.MXR: VS-stage only."""
    vs_sum: 1
    """vsstatus.SUM."""


class PmpEntry(data.Struct):
    """pmpcfg byte and pmpaddr of one entry; what the low 9 or 10 bits of ``addr`` hold does not matter."""

    r: 1
    w: 1
    x: 1
    match: 2
    locked: 1
    addr: 54


class FenceOp(enum.Enum, shape=3):
    """What to invalidate."""

    SFENCE = 0
    """sfence.vma with V = 0: HS-level (V = 0) translations."""
    VVMA = 1
    """hfence.vvma, or sfence.vma with V = 1: VS-stage translations of the current VMID."""
    GVMA = 2
    """hfence.gvma: everything derived from G-stage tables."""
    ALL = 3
    """Every cached translation (PMP written, architecture switched)."""


class Fence(data.Struct):
    """A fence with its operands; sinval/hinval are the same."""

    op: FenceOp
    by_address: 1
    """rs1 is not x0: only translations of ``address``."""
    by_id: 1
    """rs2 is not x0: only ASID ``id`` (SFENCE, VVMA; global mappings stay) or VMID ``id`` (GVMA)."""
    address: 64
    """Virtual address; for GVMA the guest physical address shifted right by 2."""
    id: 16


FencePort = wiring.Signature({"valid": Out(1), "fence": Out(Fence), "ready": In(1)})
"""The core holds ``valid`` until ``ready``; afterwards no translation that the fence covers is used, walks
under way included. Invalidating more than asked is allowed, less is not."""
