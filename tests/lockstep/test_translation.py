"""A translation kept from before a fence is allowed, one kept past it is not: for each stage and fence."""

import pytest

from cosim.lockstep.records import Retired
from cosim.lockstep.replay import Stage
from cosim.lockstep.translation import Translations
from cosim.model.exceptions import Access, Trap
from cosim.model.machine import Machine
from cosim.model.record import Record
from cosim.observe import RETIRE_WORDS
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.privilege import Privilege

_TABLES = DRAM_BASE + 0x10_0000
_FIRST, _SECOND = 0, 0x10000  # offsets of the tables of each stage
_OLD, _NEW, _THIRD = (DRAM_BASE + 0x20_0000 + n * 0x1000 for n in range(3))
_VA = 0x4000_5000
_ASID, _VMID = 7, 3
_FLAGS = 0b1101_1111  # D A U X W R V, not G
_GLOBAL = 1 << 5
_SV39 = 8 << 60
_BLANK = Retired(0, (0,) * RETIRE_WORDS)


def _pte(pa: int, flags: int) -> bytes:
    return (pa >> 12 << 10 | flags).to_bytes(8, "little")


class _World:
    """A hart that translates ``_VA`` by the tables of ``stage``; of two stages, the other is the identity."""

    def __init__(self, stage: Stage, flags: int = _FLAGS) -> None:
        self.stage, self.flags = stage, flags
        self.machine = Machine(16 << 20)
        self.hart = hart = self.machine.hart
        self.translations = Translations(hart)
        self.tables = _TABLES + (_SECOND if stage is Stage.SECOND else _FIRST)
        self.bus = self.machine.bus
        hart.pmp.addr[0] = (1 << 54) - 1
        hart.pmp.write_cfg(0x1F)
        middle, last = self.tables + 0x4000, self.tables + 0x5000
        self.entries = [
            self.tables + (_VA >> 30) * 8,
            middle + (_VA >> 21 & 511) * 8,
            last + (_VA >> 12 & 511) * 8,
        ]
        for entry, target in zip(self.entries, (middle, last), strict=False):
            self.bus.write_bytes(entry, _pte(target, 1))
        self.map(_OLD)
        value, root = hart.csrs.value, _SV39 | self.tables >> 12
        writes = {
            Stage.OWN: {"satp": root | _ASID << 44},
            Stage.GUEST: {"vsatp": root | _ASID << 44, "hgatp": _SV39 | _VMID << 44 | self._identity() >> 12},
            Stage.SECOND: {"hgatp": root | _VMID << 44},
        }[stage]
        value.update(writes)
        self._executed(0, [(name, new) for name, new in writes.items()])
        hart.enter(Privilege.U, int(stage is not Stage.OWN))

    def _identity(self) -> int:
        """A second stage of one gigabyte page."""
        root = _TABLES + 0x2_0000
        self.bus.write_bytes(root + (DRAM_BASE >> 30) * 8, _pte(DRAM_BASE, _FLAGS))
        return root

    def map(self, pa: int, flags: int | None = None) -> None:
        self.bus.write_bytes(self.entries[2], _pte(pa, self.flags if flags is None else flags))

    def _executed(self, word: int, writes: list[tuple[str, int]]) -> None:
        record = Record(0, self.hart.privilege, self.hart.virt, bits=word)
        record.csr_writes = writes
        self.translations.executed(record)

    def fence(self, name: str, address: int = 0, number: int = 0) -> None:
        """The instruction, with registers for the operands that are not 0."""
        self.hart.x[10], self.hart.x[11] = address, number
        self.hart.virt, virt = 0, self.hart.virt
        self._executed(INSTRUCTIONS[name].match | bool(address) * 10 << 15 | bool(number) * 11 << 20, [])
        self.hart.virt = virt
        self.hart.forget_translations()

    def load(self, shown: int) -> int:
        """The page that the model uses if the hardware shows page ``shown``."""
        self.translations.begin(_BLANK.replaced(mem_vaddr=_VA, mem_paddr=shown, mem_paddr_last=shown))
        return self.hart.page(self.hart.data_view, _VA, Access.LOAD)

    def load_that_faults(self) -> int:
        """The same if the hardware shows a fault."""
        cause = Cause.LOAD_GUEST_PAGE_FAULT if self.stage is Stage.SECOND else Cause.LOAD_PAGE_FAULT
        trapped = _BLANK.replaced(trap=1, cause=cause, state={"mtval": _VA, "mtval2": _VA >> 2})
        self.translations.begin(trapped)
        return self.hart.page(self.hart.data_view, _VA, Access.LOAD)


_FENCE = {Stage.OWN: "sfence.vma", Stage.GUEST: "hfence.vvma", Stage.SECOND: "hfence.gvma"}
_ID = {Stage.OWN: _ASID, Stage.GUEST: _ASID, Stage.SECOND: _VMID}
_STAGES = pytest.mark.parametrize("stage", list(Stage))


def _address(stage: Stage) -> int:
    return _VA >> 2 if stage is Stage.SECOND else _VA


@_STAGES
def test_both_are_allowed_before_the_fence(stage: Stage) -> None:
    world = _World(stage)
    assert world.load(_OLD) == _OLD
    world.map(_NEW)
    assert world.load(_OLD) == _OLD
    assert world.load(_NEW) == _NEW
    assert world.load(_OLD) == _OLD  # an entry may still be in another place
    assert world.load(_THIRD) in (_OLD, _NEW)  # and nothing else


@_STAGES
@pytest.mark.parametrize(
    ("by_address", "by_id"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_the_new_one_only_after_the_fence(stage: Stage, by_address: bool, by_id: bool) -> None:
    world = _World(stage)
    world.load(_OLD)
    world.map(_NEW)
    world.load(_OLD)
    world.fence(_FENCE[stage], _address(stage) if by_address else 0, _ID[stage] if by_id else 0)
    assert world.load(_OLD) == _NEW
    assert world.load(_NEW) == _NEW


@_STAGES
def test_a_fence_for_others_changes_nothing(stage: Stage) -> None:
    world = _World(stage)
    world.load(_OLD)
    world.map(_NEW)
    world.fence(_FENCE[stage], _address(stage) + 0x1000)
    world.fence(_FENCE[stage], 0, _ID[stage] + 1)
    world.fence(_FENCE[stage], _address(stage), _ID[stage] + 1)
    for other in set(Stage) - {stage}:
        world.fence(_FENCE[other])
    assert world.load(_OLD) == _OLD
    assert world.load(_NEW) == _NEW


def test_a_guests_fence_is_for_its_own_vmid() -> None:
    world = _World(Stage.GUEST)
    world.load(_OLD)
    world.map(_NEW)
    value = world.hart.csrs.value
    present = value["hgatp"]
    value["hgatp"] ^= 1 << CSRS["hgatp"].field("VMID").lo
    world.fence("hfence.vvma")
    value["hgatp"] = present
    world.hart.update_views()
    assert world.load(_OLD) == _OLD
    world.fence("hfence.vvma")
    assert world.load(_OLD) == _NEW


@_STAGES
def test_pointers_are_not_covered_by_an_address(stage: Stage) -> None:
    """rs1 is about leaf entries alone."""
    world = _World(stage)
    world.load(_OLD)
    other = world.tables + 0x6000
    world.bus.write_bytes(other + (_VA >> 12 & 511) * 8, _pte(_NEW, _FLAGS))
    world.bus.write_bytes(world.entries[1], _pte(other, 1))
    world.fence(_FENCE[stage], _address(stage))
    assert world.load(_OLD) == _OLD
    world.fence(_FENCE[stage])
    assert world.load(_OLD) == _NEW


@_STAGES
def test_any_address_in_a_superpage_covers_its_entry(stage: Stage) -> None:
    """Its leaf corresponds to each of them; an address outside is another leaf's."""
    world = _World(stage)
    old, new = DRAM_BASE + 0x20_0000, DRAM_BASE + 0x40_0000
    offset, shift = _VA & 0x1F_FFFF, 2 if stage is Stage.SECOND else 0
    world.bus.write_bytes(world.entries[1], _pte(old, _FLAGS))
    world.fence(_FENCE[stage])
    world.load(old + offset)
    world.bus.write_bytes(world.entries[1], _pte(new, _FLAGS))
    world.fence(_FENCE[stage], _VA + 0x20_0000 >> shift)
    assert world.load(old + offset) == old + offset
    world.fence(_FENCE[stage], _VA + 0x3000 >> shift)
    assert world.load(old + offset) == new + offset


@pytest.mark.parametrize("stage", [Stage.OWN, Stage.GUEST])
def test_global_entries_are_not_covered_by_an_asid(stage: Stage) -> None:
    world = _World(stage, _FLAGS | _GLOBAL)
    world.load(_OLD)
    world.map(_NEW)
    world.fence(_FENCE[stage], 0, _ASID)
    assert world.load(_OLD) == _OLD
    world.fence(_FENCE[stage], _VA, 0)
    assert world.load(_OLD) == _NEW


@_STAGES
def test_faults_of_a_former_entry(stage: Stage) -> None:
    """Invalid or valid, either may be seen until the fence."""
    world = _World(stage)
    world.map(_OLD, 0)
    with pytest.raises(Trap):
        world.load_that_faults()
    world.map(_NEW)
    with pytest.raises(Trap):
        world.load_that_faults()
    assert world.load(_NEW) == _NEW
    world.fence(_FENCE[stage])
    assert world.load_that_faults() == _NEW


@_STAGES
def test_an_unmapped_page_that_is_still_used(stage: Stage) -> None:
    world = _World(stage)
    world.load(_OLD)
    world.map(_OLD, 0)
    assert world.load(_OLD) == _OLD
    world.hart.forget_translations()
    assert world.load(_OLD) == _OLD
    world.fence(_FENCE[stage])
    with pytest.raises(Trap):
        world.load(_OLD)


def test_another_root_with_the_same_asid() -> None:
    """Without a fence, the former tables may still be used; with another ASID they may not."""
    world = _World(Stage.OWN)
    world.load(_OLD)
    roots = world.tables + 0x8000
    world.bus.write_bytes(roots + (_VA >> 30) * 8, _pte(roots + 0x1000, 1))
    world.bus.write_bytes(roots + 0x1000 + (_VA >> 21 & 511) * 8, _pte(roots + 0x2000, 1))
    world.bus.write_bytes(roots + 0x2000 + (_VA >> 12 & 511) * 8, _pte(_NEW, _FLAGS))
    for asid, used in ((_ASID, _OLD), (_ASID + 1, _NEW)):
        new = _SV39 | asid << 44 | roots >> 12
        world.hart.csrs.value["satp"] = new
        world._executed(0, [("satp", new)])
        world.hart.update_views()
        assert world.load(_OLD) == used
        assert world.load(_NEW) == _NEW


def test_fetches_are_told_by_their_bits() -> None:
    world = _World(Stage.OWN)
    nop, other = INSTRUCTIONS["addi"].match, INSTRUCTIONS["addi"].match | 1 << 20  # the same first half
    world.bus.write_bytes(_OLD, nop.to_bytes(4, "little"))
    world.bus.write_bytes(_NEW, other.to_bytes(4, "little"))
    world.hart.fetch(_VA)
    world.map(_NEW)
    for bits in (nop, other):
        world.translations.begin(_BLANK.replaced(pc=_VA, instruction=bits))
        assert world.hart.fetch(_VA)[0].bits == bits
    world.fence("sfence.vma")
    world.translations.begin(_BLANK.replaced(pc=_VA, instruction=nop))
    assert world.hart.fetch(_VA)[0].bits == other


def test_fetches_of_the_same_bits_are_told_by_their_page() -> None:
    world = _World(Stage.OWN)
    nop = INSTRUCTIONS["addi"].match
    for page in (_OLD, _NEW):
        world.bus.write_bytes(page, nop.to_bytes(4, "little"))
    world.hart.fetch(_VA)
    world.map(_NEW)
    shown = _BLANK.replaced(pc=_VA, instruction=nop)
    for page in (_OLD, _NEW, _OLD):
        world.translations.begin(shown.replaced(fetch_paddr=page, fetch_paddr_last=page))
        world.hart.fetch(_VA)
        assert world.hart.fetch_pa == world.hart.fetch_pa_last == page
    world.fence("sfence.vma")
    world.translations.begin(shown.replaced(fetch_paddr=_OLD, fetch_paddr_last=_OLD))
    world.hart.fetch(_VA)
    assert world.hart.fetch_pa == _NEW


def test_an_instruction_fetched_before_its_page_was_changed() -> None:
    """By the time its record is written, fetches go to the other page, where something else stands."""
    world = _World(Stage.OWN)
    nop = INSTRUCTIONS["addi"].match
    world.bus.write_bytes(_OLD, nop.to_bytes(4, "little"))
    world.hart.fetch(_VA)
    world.map(_NEW)
    world.translations.begin(
        _BLANK.replaced(pc=_VA, instruction=nop, fetch_paddr=_NEW, fetch_paddr_last=_NEW)
    )
    assert world.hart.fetch(_VA)[0].bits == nop
    assert world.translations.fetch_is_open


def test_nothing_is_chosen_once_all_is_fenced() -> None:
    world = _World(Stage.OWN)
    world.load(_OLD)
    assert world.hart.arbiter is None
    world.map(_NEW)
    assert world.hart.arbiter is not None
    world.fence("sfence.vma")
    assert world.hart.arbiter is None
