"""What the walker remembers from step to step, and what a step decides."""

from copy import copy
from types import SimpleNamespace

from amaranth.hdl import Module, Signal
from amaranth.lib import enum

from rtl.isa.paging import LEVEL_BITS, PA_BITS, PPN_BITS
from rtl.mmu.interface import FaultKind
from rtl.mmu.permissions import StageRights
from rtl.mmu.pte import PteLayout

__all__ = ["PTE_SHIFT", "ROOT_LEVEL", "Look", "Plan", "WalkState"]

PTE_SHIFT = 3
ROOT_LEVEL = 2


class Look(enum.Enum, shape=2):
    """What the entry in ``pte`` is."""

    START = 0
    STAGE1 = 1
    GUEST = 2


class WalkState:
    """Registers of a walk (``now``) and their values for the next step (``next``)."""

    def __init__(self) -> None:
        shapes = {
            "look": Look,
            "pte": PteLayout,
            "denied": 1,  # the read of pte failed
            "level": 2,  # of the first stage's entry
            "guest_level": 2,
            "gpa": PA_BITS,  # that the G stage translates
            "final": 1,  # gpa is the access's own, not that of a first-stage entry
            "update": 1,  # ... an entry's that is to be written
            "writable": 1,  # the first-stage entry may be written as far as the G stage cares
            "known": 1,  # gpa is the first-stage entry's (it is not if the table cache led to it)
            "whole": 1,  # do not start from the table cache: gpa must be known
            "global_": 1,
            "first": StageRights,
            "first_user": 1,
            "first_level": 2,
        }
        self.now = SimpleNamespace(**{n: Signal(s, name=n) for n, s in shapes.items()})
        self.next = SimpleNamespace(**{n: Signal(s, name=f"next_{n}") for n, s in shapes.items()})

    def beside(self, prefix: str) -> "WalkState":
        """The same registers with other values for the next step: another place that decides."""
        other = copy(self)
        other.next = SimpleNamespace(
            **{n: Signal.like(s, name=f"{prefix}_{n}") for n, s in vars(self.now).items()}
        )
        return other

    def hold(self, m: Module) -> None:
        """Default: nothing changes."""
        for name, signal in vars(self.now).items():
            m.d.comb += getattr(self.next, name).eq(signal)

    def step(self, m: Module) -> None:
        """Take the next step's values at the clock edge."""
        for name, signal in vars(self.now).items():
            m.d.sync += signal.eq(getattr(self.next, name))


class Plan:
    """What a step decides to do, as signals."""

    def __init__(self) -> None:
        self.table = Signal(PPN_BITS)
        """``entry``: go on with a first-stage entry in this table; its address is not yet translated."""
        self.entry = Signal()
        self.translate = Signal()
        """Put ``goal`` (of ``PA_BITS``, ``too_big`` if there is more) through the G stage."""
        self.goal = Signal(PA_BITS)
        self.too_big = Signal()
        self.read = Signal()
        """Read the entry number ``index`` of page ``page``."""
        self.page = Signal(PPN_BITS)
        self.index = Signal(LEVEL_BITS)
        self.finish = Signal()
        """The translation ends in physical page ``result``."""
        self.result = Signal(PPN_BITS)
        self.write = Signal()
        """Set A (and D) in the entry."""
        self.failed = Signal()
        self.kind = Signal(FaultKind)
