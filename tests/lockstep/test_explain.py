"""What is done after a mismatch."""

from dataclasses import replace

import pytest

from boards.config import board_config
from cosim.build import Build, Variant, build
from cosim.elf import read_elf
from cosim.errors import UserError
from cosim.job import Job
from cosim.lockstep import explain
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.records import Event
from cosim.lockstep.run import compare_job
from rtl.config import SocConfig
from tests.isa.build import build_program


def test_the_wave_is_of_the_machine_that_was_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Variant, SocConfig]] = []

    def noted(variant: Variant, config: SocConfig) -> Build:
        asked.append((variant, config))
        raise UserError("none here")

    seen: list[Event] = []

    def repeated(_, event: Event) -> Event:
        """The first record, again and again."""
        seen.append(event)
        return seen[0]

    monkeypatch.setattr(explain, "build", noted)
    other = replace(build(Variant.OBSERVE), config=board_config())
    with pytest.raises(Mismatch) as raised:
        compare_job(
            other,
            Job(read_elf(build_program("rv64c")), max_cycles=100_000),
            tamper=repeated,
        )
    assert "no wave: none here" in explain.explain(raised.value, "bivisor ...").more
    assert asked == [(Variant.TRACE, board_config())]
