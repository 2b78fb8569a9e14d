"""The outside judge: on random programs QEMU agrees with the golden model, but for what the rules name."""

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from cosim.errors import UserError
from cosim.judge.compare import judge, judge_memory, judged
from cosim.judge.elsewhere import Step, leads_elsewhere
from cosim.judge.log import LOG, RECORD_BYTES, Level, records
from cosim.judge.numbers import CAUSES, judge_numbers, unlike
from cosim.judge.program import JUDGED_MEMORY, judged_program
from cosim.judge.qemu import image, qemu_memory
from cosim.judge.rules import RULES
from cosim.model import hart as hart_module
from cosim.model import traps
from cosim.model.access import Accesses
from cosim.model.record import Record
from cosim.model.translation import Refusal, Space, Walk
from cosim.torture.assembler import encode
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import Pte
from rtl.isa.privilege import Privilege
from tests.qemu import needs_qemu

_judged = cache(judged)
"""For tests that leave the model as it is."""


def _agree(first: int, seeds: int) -> None:
    verdicts = [judge(seed) for seed in range(first, first + seeds)]
    assert [(v.seed, v.differences) for v in verdicts if v.differences] == []
    cut_short = [v for v in verdicts if v.cut_short]
    assert len(cut_short) <= seeds // 10
    assert all(v.traps > 100 for v in verdicts if not v.cut_short)


@needs_qemu
@pytest.mark.parametrize("first", [0, 5])
def test_qemu_agrees(first: int) -> None:
    _agree(first, 5)


@needs_qemu
@pytest.mark.nightly
@pytest.mark.parametrize("first", range(100, 500, 50))
def test_qemu_agrees_with_many(first: int) -> None:
    _agree(first, 50)


def _all_first_stage(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Walk, "_first_permits", lambda walk, pte: True)


def _no_hedeleg(patch: pytest.MonkeyPatch) -> None:
    target = traps._target
    patch.setattr(traps, "_target", lambda hart, cause: (target(hart, cause)[0], 0))


def _late_interrupts(patch: pytest.MonkeyPatch) -> None:
    """Not after a write of sie."""
    take = traps.interrupt_to_take
    patch.setattr(hart_module, "interrupt_to_take", lambda hart: None if hart.retired % 7 else take(hart))


def _sc_fails(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Accesses, "take_reservation", lambda hart, pa: False)


@needs_qemu
@pytest.mark.parametrize("fault", [_all_first_stage, _no_hedeleg, _late_interrupts, _sc_fails])
def test_a_wrong_model_is_noticed(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    fault(monkeypatch)
    assert any(judge(seed).differences for seed in range(6))


def test_programs_have_traps_and_interrupts_at_every_level() -> None:
    """And what raises them: software and timer bits, pairs of lr and sc that succeed."""
    log = [record for seed in (200, 201, 202) for record in records(_judged(seed)[1].memory)]
    assert {record.level for record in log} == set(Level)
    taken = {(record.level, record.cause & ~INTERRUPT_BIT) for record in log if record.cause & INTERRUPT_BIT}
    assert {level for level, _ in taken} == set(Level)
    assert {code for _, code in taken} >= {Interrupt.SSI, Interrupt.SEI, Interrupt.VSSI}


def test_units_left_out_do_nothing_in_their_place() -> None:
    whole = judged_program(3)
    unit = whole.units[0]
    code, blank = (image(made, JUDGED_MEMORY) for made in (whole.program, whole.without({unit.start})))
    first, last = unit.start - DRAM_BASE, unit.stop - DRAM_BASE
    assert blank[first:last] == b"\x01\x00" * (len(unit) // 2) != code[first:last]
    assert blank[:first] == code[:first] and blank[last:] == code[last:]
    assert whole.unit_at(unit.start) == whole.unit_at(unit.stop - 2 - 0x4000_0000) == unit.start
    assert whole.unit_at(DRAM_BASE) is None
    assert whole.unit_at(DRAM_BASE, 1 << 40 | unit.start, unit.start) == unit.start


def _step(record: Record, **registers: int) -> Any:
    csrs = dict.fromkeys(("medeleg", "hedeleg", "mideleg", "mstatus", "menvcfg"), 0) | registers
    pending = csrs.pop("pending", 0)
    csrs_of_hart = SimpleNamespace(value=csrs)
    hart = SimpleNamespace(csrs=csrs_of_hart, access_address=0, fetch_pa=0, pending=lambda: pending)
    return Step(hart, record, [])  # type: ignore[arg-type]


def test_a_cause_that_qemu_confuses_is_left_out_where_delegation_tells_them_apart() -> None:
    """VU mode's sret: a virtual instruction, in QEMU an illegal one."""
    record = Record(0, 0, 1, bits=encode("sret"), trap=Cause.VIRTUAL_INSTRUCTION)
    both = 1 << Cause.VIRTUAL_INSTRUCTION | 1 << Cause.ILLEGAL_INSTRUCTION
    assert leads_elsewhere(_step(record)) is None
    assert leads_elsewhere(_step(record, medeleg=both)) is None
    assert leads_elsewhere(_step(record, medeleg=1 << Cause.VIRTUAL_INSTRUCTION)) == "delegation"
    assert leads_elsewhere(_step(record, medeleg=both, hedeleg=both & 0xFFFF)) == "delegation"


def test_code_in_a_page_that_others_store_to_is_left_out() -> None:
    record = Record(0x40_0000, 0, 1, bits=1)
    step = _step(record)
    assert leads_elsewhere(step) is None
    step.hart.fetch_pa = DRAM_BASE
    assert leads_elsewhere(step) == "stray"
    assert leads_elsewhere(Step(step.hart, Record(DRAM_BASE, 1, 1, bits=1), [])) is None


def test_reads_of_the_guests_sip_are_left_out_where_qemu_masks_them() -> None:
    read = Record(0, 1, 1, bits=encode("csrrs", 3, 0, imm=CSRS["sip"].number), rd=3)
    assert leads_elsewhere(_step(read)) == "guest_sip"
    assert leads_elsewhere(_step(read, mideleg=0x222)) is None
    assert leads_elsewhere(_step(Record(0, 1, 0, bits=read.bits, rd=3))) is None


def test_reads_of_sip_are_left_out_where_qemu_hides_the_timer_from_machine_mode() -> None:
    bit, stce = 1 << Interrupt.STI, CSRS["menvcfg"].mask("STCE")
    read = Record(0, Privilege.M, 0, bits=encode("csrrs", 3, 0, imm=CSRS["sip"].number), rd=3)
    assert leads_elsewhere(_step(read, mideleg=bit, menvcfg=stce, pending=bit)) == "machine_sip"
    assert leads_elsewhere(_step(read, mideleg=bit, menvcfg=stce)) is None
    assert leads_elsewhere(_step(read, mideleg=bit, pending=bit)) is None
    assert leads_elsewhere(_step(read, menvcfg=stce, pending=bit)) is None
    supervisor = Record(0, Privilege.S, 0, bits=read.bits, rd=3)
    assert leads_elsewhere(_step(supervisor, mideleg=bit, menvcfg=stce, pending=bit)) is None
    enables = Record(0, Privilege.M, 0, bits=encode("csrrs", 3, 0, imm=CSRS["sie"].number), rd=3)
    assert leads_elsewhere(_step(enables, mideleg=bit, menvcfg=stce, pending=bit)) is None


def test_a_wfi_that_traps_at_the_end_of_a_page_is_left_out() -> None:
    """QEMU takes the page of the address behind it for the wfi's."""

    def told(pc: int, trap: int | None) -> str | None:
        return leads_elsewhere(_step(Record(pc, 1, 1, bits=encode("wfi"), trap=trap)))

    found = {pc: told(pc, Cause.VIRTUAL_INSTRUCTION) for pc in (0x1FFA, 0x1FFC, 0x1FFE, 0x2000)}
    assert found == {0x1FFA: None, 0x1FFC: "wfi_page_end", 0x1FFE: "wfi_page_end", 0x2000: None}
    assert told(0x1FFC, INTERRUPT_BIT | Interrupt.SSI) is None
    assert told(0x1FFC, None) == "wfi"


@pytest.mark.parametrize(
    ("instruction", "leaves", "second", "table", "why"),
    [
        ("amoadd.d", (0, None), True, None, "amo_dirty"),
        ("sc.d", (0, None), True, None, "amo_dirty"),
        ("sd", (0, None), True, None, None),
        ("amoadd.d", (Pte.D, None), True, None, None),
        ("amoadd.d", (Pte.D, 0), True, None, None),  # refused before D is set
        ("amoadd.d", (Pte.D, 0), None, None, "amo_dirty"),
        ("amoadd.d", (0, None), None, None, "amo_dirty"),
        ("amoadd.d", (0, None), False, None, None),
        ("amoadd.d", (0, None), True, 0, None),
    ],
)
def test_an_amo_that_sets_dirty_and_is_refused_is_left_out(
    instruction: str,
    leaves: tuple[int | None, int | None],
    second: bool | None,
    table: int | None,
    why: str | None,
) -> None:
    """``leaves``: bits of D that the stages' leaves had."""
    step = _step(Record(0, 1, 1, bits=encode(instruction, 3, 4), trap=Cause.STORE_GUEST_PAGE_FAULT))
    found = [None if pte is None else (0, Pte.V | Pte.A | pte) for pte in leaves]
    walk = SimpleNamespace(
        refusal=Refusal("user", second, 0, table), leaves=found, space=Space(1), hlvx=False
    )
    step.walks.append(walk)  # type: ignore[arg-type]
    assert leads_elsewhere(step) == why


def test_what_follows_a_place_that_nops_cannot_avoid_is_not_compared() -> None:
    """Seed 497: the fetch of a chunk's first instruction."""
    program, model, _ = _judged(497)
    cut = model.cut
    assert cut is not None and cut.why == "implicit_mxr"
    assert 100 < cut.records < len(model.reasons) and cut.instructions < model.instructions
    assert judge_memory(497, program, model, model.memory).cut_short is None
    for number, differences in ((cut.records - 1, 1), (cut.records, 0)):
        theirs = bytearray(model.memory)
        theirs[LOG - DRAM_BASE + number * RECORD_BYTES + 8] ^= 0x20
        theirs[LOG - 0x100 + 8 * 5 - DRAM_BASE] ^= 1
        verdict = judge_memory(497, program, model, bytes(theirs))
        assert (len(verdict.differences), verdict.cut_short) == (differences, cut.why)
        assert (verdict.traps, verdict.instructions) == (cut.records, cut.instructions)


@needs_qemu
def test_a_program_without_end_is_told() -> None:
    with pytest.raises(UserError, match="not at its end on QEMU after 0 seconds"):
        qemu_memory(judged_program(0).program, JUDGED_MEMORY, timeout=0.01)


@pytest.mark.parametrize("field", ["level", "cause", "epc", "tval", "mstatus", "hstatus", "vsstatus"])
def test_what_no_rule_allows_is_told(field: str) -> None:
    """A bit of the middle record, of a word of data or of a register differs."""
    program, model, _ = _judged(1)
    log = records(model.memory)
    middle = LOG - DRAM_BASE + len(log) // 2 * RECORD_BYTES
    assert judge_memory(1, program, model, model.memory).differences == []
    for place in (middle + 8 * list(vars(log[0])).index(field), 0x20_0000, LOG - 0x100 + 8 * 5 - DRAM_BASE):
        theirs = bytearray(model.memory)
        theirs[place + 1] ^= 0x20
        assert judge_memory(1, program, model, bytes(theirs)).differences


def test_an_interrupt_that_was_not_due_is_told() -> None:
    program, model, _ = _judged(200)
    log = records(model.memory)
    number = next(n for n, record in enumerate(log) if record.cause & INTERRUPT_BIT)
    assert log[number].cause in model.reasons[number].interrupts
    theirs = bytearray(model.memory)
    theirs[LOG - DRAM_BASE + number * RECORD_BYTES + 8] = Interrupt.MEI
    found = judge_memory(200, program, model, bytes(theirs)).differences
    assert len(found) == 1 and "MEI" in found[0]


def test_a_log_without_end_is_an_error() -> None:
    program, model, _ = _judged(1)
    with pytest.raises(UserError, match="without the end of its log"):
        judge_memory(1, program, model, image(program, JUDGED_MEMORY))


@needs_qemu
def test_every_csr_number_raises_in_every_mode_what_it_raises_in_qemu() -> None:
    answers = judge_numbers()
    assert answers.differences == []
    assert answers.compared == 4 * 5 * 4096 * 2
    assert 0 < answers.allowed < answers.compared // 100


@pytest.mark.parametrize(
    ("name", "mode", "ours", "theirs", "allowed"),
    [
        ("sscratch", 2, Cause.ILLEGAL_INSTRUCTION, 0, False),
        ("sscratch", 4, Cause.VIRTUAL_INSTRUCTION, Cause.ILLEGAL_INSTRUCTION, True),
        ("sscratch", 3, Cause.VIRTUAL_INSTRUCTION, Cause.ILLEGAL_INSTRUCTION, False),
        ("hgatp", 4, Cause.VIRTUAL_INSTRUCTION, Cause.ILLEGAL_INSTRUCTION, False),
        ("mvirt", 0, 0, Cause.ILLEGAL_INSTRUCTION, True),
    ],
)
def test_an_access_that_differs_is_told(name: str, mode: int, ours: int, theirs: int, allowed: bool) -> None:
    """``mode``: M, HS, U, VS, VU."""
    memories = bytearray(JUDGED_MEMORY), bytearray(JUDGED_MEMORY)
    place = CAUSES - DRAM_BASE + 2 * (4096 * mode + CSRS[name].number)
    for memory, cause in zip(memories, (ours, theirs)):
        memory[place] = cause
    answers = unlike(*map(bytes, memories))
    assert (answers.allowed, len(answers.differences)) == ((1, 0) if allowed else (0, 1))
    assert all(name in line for line in answers.differences)


def test_rules_are_named_once_and_give_their_source() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.source and rule.reason and rule.fields for rule in RULES)
