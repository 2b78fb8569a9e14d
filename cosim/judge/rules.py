"""Where QEMU differs from the specification, or makes another choice that the specification leaves.

A rule never names a program: it says of a trap which fields may differ, and why.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cosim.judge.log import Record
from cosim.model.translation import Refusal
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Format

__all__ = ["RULES", "Difference", "Rule", "unexplained"]

_GVA = CSRS["mstatus"].mask("GVA")
_MPV = CSRS["mstatus"].mask("MPV")
_MXR = CSRS["mstatus"].mask("MXR")
_GUEST_FAULTS = (Cause.FETCH_GUEST_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT)
_FETCHES = (Cause.FETCH_ACCESS, Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT)


@dataclass(frozen=True)
class Difference:
    """A trap of which the two sides say different things.

    Attributes
    ----------
    ours, theirs: the model's record and QEMU's
    word: the trapping instruction, 0 if it could not be fetched
    refusal: what the model's walk had against the access
    """

    ours: Record
    theirs: Record
    word: int
    refusal: Refusal | None

    def is_one_of(self, *names: str) -> bool:
        """Whether the instruction is one of those."""
        kinds = [INSTRUCTIONS[name] for name in names]
        return any(self.word & kind.mask == kind.match for kind in kinds)


@dataclass(frozen=True)
class Rule:
    """``allows`` says whether the values of the ``fields`` may differ as they do.

    Attributes
    ----------
    source: section of the specification
    reason: what it says, and what QEMU does
    """

    name: str
    fields: tuple[str, ...]
    source: str
    reason: str
    allows: Callable[[Difference], bool]


def _only_gva(d: Difference) -> bool:
    return (d.ours.mstatus ^ d.theirs.mstatus) == _GVA


def _atomics() -> list[str]:
    return [name for name, kind in INSTRUCTIONS.items() if kind.format is Format.AMO]


def _table_access(d: Difference) -> bool:
    r = d.refusal
    pairs = {
        Cause.FETCH_ACCESS: (Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT),
        Cause.LOAD_ACCESS: (Cause.LOAD_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT),
        Cause.STORE_ACCESS: (Cause.STORE_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT),
    }
    return bool(
        r and r.second is not None and (r.why == "memory" or (r.why == "pmp" and r.table is not None))
    ) and d.theirs.mcause in pairs.get(Cause(d.ours.mcause), ())


RULES = (
    Rule(
        "gva",
        ("mstatus",),
        'H chapter, "Machine Status Registers (mstatus and mstatush)"',
        "GVA is 1 when mtval is written with a guest virtual address, else 0. QEMU sets it for every trap "
        "with V = 1, ecalls and illegal instructions too, and not for accesses by HLV, HSV or MPRV.",
        _only_gva,
    ),
    Rule(
        "vu_supervisor",
        ("mcause",),
        'H chapter, "Virtual-Instruction Exception"',
        "A supervisor CSR that HS may access, and sret, raise a virtual-instruction exception in VU mode. "
        "QEMU raises an illegal-instruction exception.",
        lambda d: (
            (d.ours.mcause, d.theirs.mcause) == (Cause.VIRTUAL_INSTRUCTION, Cause.ILLEGAL_INSTRUCTION)
            and bool(d.ours.mstatus & _MPV)
            and d.is_one_of("csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci", "sret")
        ),
    ),
    Rule(
        "return_bits",
        ("mtval",),
        'Machine-Level ISA, "Machine Trap Value Register (mtval)"',
        "mtval has the bits of an illegal instruction, or 0. QEMU has those of an earlier instruction if "
        "this is mret or sret.",
        lambda d: d.ours.mcause == Cause.ILLEGAL_INSTRUCTION and d.is_one_of("mret", "sret"),
    ),
    Rule(
        "mtinst_optional",
        ("mtinst",),
        'H chapter, "Transformed Instruction or Pseudoinstruction for mtinst or htinst"',
        "mtinst may be 0 or a transformed instruction. The model has the latter for guest-page faults "
        "only, QEMU for all faults of loads and stores.",
        lambda d: d.ours.mtinst == 0 and d.ours.mcause not in _GUEST_FAULTS and d.ours.mcause not in _FETCHES,
    ),
    Rule(
        "amo_misaligned",
        ("mcause",),
        'Machine-Level ISA, "Machine Cause Register (mcause)"',
        "AMOs raise store/AMO exceptions. QEMU raises load-address-misaligned.",
        lambda d: (
            (d.ours.mcause, d.theirs.mcause) == (Cause.STORE_MISALIGNED, Cause.LOAD_MISALIGNED)
            and d.is_one_of(*_atomics())
        ),
    ),
    Rule(
        "amo_first_stage",
        ("mcause", "mtval2", "mtinst", "mstatus"),
        'Machine-Level ISA, "Machine Cause Register (mcause)", exception priority',
        "The first fault met during translation is reported: the first stage's. QEMU reports what the second "
        "stage or the PMP says, if the first stage lets an AMO read but not write.",
        lambda d: (
            d.ours.mcause == Cause.STORE_PAGE_FAULT
            and d.theirs.mcause in (Cause.STORE_GUEST_PAGE_FAULT, Cause.STORE_ACCESS)
            and bool(d.refusal and not d.refusal.second and d.refusal.why in ("kind", "dirty"))
            and d.is_one_of(*_atomics())
        ),
    ),
    Rule(
        "crossing_order",
        ("mcause", "mtval", "mtval2", "mtinst", "mstatus"),
        'Supervisor-Level ISA, "Virtual Address Translation Process"',
        "A misaligned access may be decomposed, in any order. In the model all faults of the first page come "
        "before those of the second; in QEMU page faults of both before access faults of the first.",
        lambda d: d.theirs.mtval % 4096 == 0 and 0 < d.theirs.mtval - d.ours.mtval < 8,
    ),
    Rule(
        "mtval2_kept",
        ("mtval2",),
        'H chapter, "Machine Second Trap Value Register (mtval2)"',
        "Traps other than guest-page faults set mtval2 to 0. QEMU keeps what an earlier trap has left there.",
        lambda d: d.ours.mtval2 == 0 and d.ours.mcause not in _GUEST_FAULTS,
    ),
    Rule(
        "implicit_mxr",
        ("mcause", "mtval", "mtval2", "mtinst", "mstatus"),
        'Machine-Level ISA, "Memory Privilege in mstatus Register"',
        "MXR is for loads; whether a page-table walk's reads through the second stage are meant is not said. "
        "QEMU lets them read executable pages, the model does not.",
        lambda d: bool(
            d.refusal
            and d.refusal.why == "kind"
            and d.refusal.second
            and d.refusal.table is not None
            and d.ours.mcause in _GUEST_FAULTS
            and d.ours.mstatus & _MXR
        ),
    ),
    Rule(
        "table_access",
        ("mcause", "mtval2", "mtinst", "mstatus"),
        'Supervisor-Level ISA, "Virtual Address Translation Process", step 2',
        "An access to a table that violates a PMA or PMP check raises an access fault. QEMU raises a page "
        "fault or guest-page fault where there is no memory, and a guest-page fault for the PMP's refusal "
        "of a second-stage table on the way to a first-stage one.",
        _table_access,
    ),
)
"""In the order in which they are tried."""


def unexplained(difference: Difference, used: dict[str, int]) -> list[str]:
    """Fields that differ though no rule allows it; ``used`` counts the rules."""
    names = vars(difference.ours)
    left = [name for name in names if getattr(difference.ours, name) != getattr(difference.theirs, name)]
    for rule in RULES:
        if any(name in left for name in rule.fields) and rule.allows(difference):
            left = [name for name in left if name not in rule.fields]
            used[rule.name] = used.get(rule.name, 0) + 1
    return left
