"""Where QEMU differs from the specification, or makes another choice that the specification leaves.

A rule never names a program: it says of a trap which fields may differ, and why.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cosim.judge.elsewhere import ATOMICS, is_one_of, is_supervisors, table_access
from cosim.judge.log import Record
from cosim.model.translation import Refusal
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS

__all__ = ["RULES", "Difference", "Rule", "unexplained"]

_GVA = CSRS["mstatus"].mask("GVA")
_H_GVA = CSRS["hstatus"].mask("GVA")
_GUEST_FAULTS = (Cause.FETCH_GUEST_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT)
_FETCHES = (Cause.FETCH_ACCESS, Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT)
_LOADS = (Cause.LOAD_ACCESS, Cause.LOAD_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT)
_LIKE = {
    Cause.FETCH_ACCESS: (Cause.FETCH_PAGE_FAULT, Cause.FETCH_GUEST_PAGE_FAULT),
    Cause.LOAD_ACCESS: (Cause.LOAD_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT),
    Cause.STORE_ACCESS: (Cause.STORE_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT),
}


@dataclass(frozen=True)
class Difference:
    """A trap of which the two sides say different things.

    Attributes
    ----------
    ours, theirs: the model's record and QEMU's
    word: the trapping instruction, 0 if it could not be fetched
    refusal: what the model's walk had against the access
    interrupts: causes of the interrupts that were due, in the model
    """

    ours: Record
    theirs: Record
    word: int
    refusal: Refusal | None
    interrupts: frozenset[int] = frozenset()

    def is_one_of(self, *names: str) -> bool:
        """Whether the instruction is one of those."""
        return is_one_of(self.word, *names)

    @property
    def causes(self) -> tuple[int, int]:
        """Ours and theirs."""
        return self.ours.cause, self.theirs.cause


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
    machine, hypervisor = d.ours.mstatus ^ d.theirs.mstatus, d.ours.hstatus ^ d.theirs.hstatus
    return machine | _GVA == _GVA and hypervisor | _H_GVA == _H_GVA


_GENERAL = ("mstatus", "hstatus")

RULES = (
    Rule(
        "gva",
        _GENERAL,
        'H chapter, "Machine Status (mstatus and mstatush) Registers", '
        '"Hypervisor Status (hstatus) Register"',
        "GVA is 1 when mtval or stval is written with a guest virtual address, for every other trap into "
        "that mode 0; traps into VS leave hstatus alone. QEMU sets mstatus.GVA for every trap with V = 1 and "
        "mtval not 0, and not for accesses by HLV, HSV or MPRV; traps into VS clear hstatus.GVA.",
        _only_gva,
    ),
    Rule(
        "vu_supervisor",
        ("cause",),
        'H chapter, "Trap Cause Codes"',
        "A supervisor CSR that HS may access, sret, and wfi without mstatus.TW raise a virtual-instruction "
        "exception in VU mode. QEMU raises an illegal-instruction exception.",
        lambda d: (
            d.causes == (Cause.VIRTUAL_INSTRUCTION, Cause.ILLEGAL_INSTRUCTION) and is_supervisors(d.word)
        ),
    ),
    Rule(
        "return_bits",
        ("tval",),
        'Machine-Level ISA, "Machine Trap Value Register (mtval)"',
        "mtval has the bits of an illegal instruction, or 0; a virtual instruction's likewise (H chapter, "
        '"Trap Cause Codes"). QEMU has those of an earlier instruction if this is mret or sret.',
        lambda d: (
            d.ours.cause in (Cause.ILLEGAL_INSTRUCTION, Cause.VIRTUAL_INSTRUCTION)
            and d.is_one_of("mret", "sret")
        ),
    ),
    Rule(
        "mtinst_optional",
        ("tinst",),
        'H chapter, "Transformed Instruction or Pseudoinstruction for mtinst or htinst"',
        "mtinst may always be 0 where no pseudoinstruction is required. The model has a transformed "
        "instruction for guest-page faults only, QEMU for all faults of loads and stores.",
        lambda d: d.ours.tinst == 0 and d.ours.cause not in (*_GUEST_FAULTS, *_FETCHES),
    ),
    Rule(
        "amo_misaligned",
        ("cause",),
        'Machine-Level ISA, "Machine Cause Register (mcause)"',
        "AMOs raise store/AMO exceptions. QEMU raises load-address-misaligned.",
        lambda d: d.causes == (Cause.STORE_MISALIGNED, Cause.LOAD_MISALIGNED) and d.is_one_of(*ATOMICS),
    ),
    Rule(
        "amo_first_stage",
        ("cause", "tval2", "tinst", *_GENERAL),
        'H chapter, "Trap Cause Codes", table of exception priorities',
        "The first fault encountered during translation is reported: the first stage's. QEMU reports what "
        "the second stage or the PMP says, if the first stage lets an AMO read but not write.",
        lambda d: (
            d.ours.cause == Cause.STORE_PAGE_FAULT
            and d.theirs.cause in (Cause.STORE_GUEST_PAGE_FAULT, Cause.STORE_ACCESS)
            and bool(d.refusal and not d.refusal.second and d.refusal.why in ("kind", "dirty"))
            and d.is_one_of(*ATOMICS)
        ),
    ),
    Rule(
        "crossing_order",
        ("cause", "tval", "tval2", "tinst", *_GENERAL),
        'Supervisor-Level ISA, "Addressing and Memory Protection" of Sv32',
        "A misaligned access may be decomposed, in any order. In the model all faults of the first page come "
        "before those of the second; in QEMU page faults of both before access faults of the first.",
        lambda d: d.theirs.tval % 4096 == 0 and 0 < d.theirs.tval - d.ours.tval < 8,
    ),
    Rule(
        "mtval2_kept",
        ("tval2",),
        'H chapter, "Machine Second Trap Value (mtval2) Register", "Hypervisor Trap Value (htval) Register"',
        "Traps other than guest-page faults set mtval2 or htval to 0. QEMU keeps what an earlier fault has "
        "left there.",
        lambda d: d.ours.tval2 == 0 and d.ours.cause not in _GUEST_FAULTS,
    ),
    Rule(
        "table_access",
        ("cause", "tval2", "tinst", *_GENERAL),
        'Supervisor-Level ISA, "Virtual Address Translation Process", step 2',
        "An access to a table that violates a PMA or PMP check raises an access fault. QEMU raises a page "
        "fault or guest-page fault where there is no memory, and a guest-page fault for the PMP's refusal "
        "of a second-stage table on the way to a first-stage one.",
        lambda d: table_access(d.refusal) and d.theirs.cause in _LIKE.get(d.ours.cause, ()),  # type: ignore[call-overload]
    ),
    Rule(
        "hlvx_fetch",
        ("cause", "tval2", "tinst", *_GENERAL),
        'H chapter, "Hypervisor Virtual-Machine Load and Store Instructions"',
        "HLVX raises the exceptions of a load. QEMU fetches: it raises a fetch's, a page fault where the "
        "second stage refuses, and writes no transformed instruction.",
        lambda d: d.ours.cause in _LOADS and d.theirs.cause in _FETCHES and d.is_one_of("hlvx.hu", "hlvx.wu"),
    ),
    Rule(
        "interrupt_order",
        ("cause",),
        'H chapter, "Hypervisor Interrupt (hvip, hip, and hie) Registers"; Machine-Level ISA, '
        '"Machine Interrupt (mip and mie) Registers"',
        "Several interrupts for one mode come in the order SEI, SSI, STI, SGEI, VSEI, VSSI, VSTI. QEMU takes "
        "the one with the lowest code first.",
        lambda d: d.theirs.cause in d.interrupts,
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
