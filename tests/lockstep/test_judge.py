"""The outside judge: on random programs QEMU agrees with the golden model, but for what the rules name."""

import pytest

from cosim.errors import UserError
from cosim.judge.compare import judge, judge_memory
from cosim.judge.golden import golden
from cosim.judge.log import LOG, LOGGED, RECORD_BYTES, records
from cosim.judge.program import JUDGED_MEMORY, judged_program
from cosim.judge.qemu import image, qemu_memory
from cosim.judge.rules import RULES
from cosim.model.translation import Walk
from rtl.isa.memory_map import DRAM_BASE
from tests.qemu import needs_qemu


def _agree(first: int, seeds: int) -> None:
    verdicts = [judge(seed) for seed in range(first, first + seeds)]
    assert [(v.seed, v.differences) for v in verdicts if v.differences] == []
    assert all(v.traps > 100 for v in verdicts)


@needs_qemu
@pytest.mark.parametrize("first", [0, 5])
def test_qemu_agrees(first: int) -> None:
    _agree(first, 5)


@needs_qemu
@pytest.mark.nightly
@pytest.mark.parametrize("first", range(100, 500, 50))
def test_qemu_agrees_with_many(first: int) -> None:
    _agree(first, 50)


@needs_qemu
def test_a_wrong_model_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission checks of the first stage."""
    monkeypatch.setattr(Walk, "_first_permits", lambda walk, pte: True)
    assert judge(0).differences


@needs_qemu
def test_a_program_without_end_is_told() -> None:
    with pytest.raises(UserError, match="not at its end on QEMU after 0 seconds"):
        qemu_memory(judged_program(0), JUDGED_MEMORY, timeout=0.01)


@pytest.mark.parametrize("field", ["mcause", "mepc", "mtval", "mstatus", "vsstatus"])
def test_what_no_rule_allows_is_told(field: str) -> None:
    """A bit of the middle record, of a word of data or of a register differs."""
    program = judged_program(1)
    model = golden(program, JUDGED_MEMORY)
    middle = LOG - DRAM_BASE + len(records(model.memory)) // 2 * RECORD_BYTES
    assert judge_memory(1, program, model, model.memory).differences == []
    for place in (middle + 8 * LOGGED.index(field), 0x20_0000, LOG - 0x100 + 8 * 5 - DRAM_BASE):
        theirs = bytearray(model.memory)
        theirs[place + 1] ^= 0x20
        assert judge_memory(1, program, model, bytes(theirs)).differences


def test_a_log_without_end_is_an_error() -> None:
    program = judged_program(1)
    with pytest.raises(UserError, match="without the end of its log"):
        judge_memory(1, program, golden(program, JUDGED_MEMORY), image(program, JUDGED_MEMORY))


def test_rules_are_named_once_and_give_their_source() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.source and rule.reason and rule.fields for rule in RULES)
