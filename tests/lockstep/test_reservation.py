"""A store-conditional that succeeds though a device has written to what lr had read is a mismatch."""

import pytest

from cosim.build import Variant, build
from cosim.errors import UserError
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.records import ForeignWrite, ForeignWriteEnd, Retired
from cosim.lockstep.reservation import MARGIN, ReservationJudge
from cosim.observe import RETIRE_WORDS
from rtl.config import CoreConfig, SocConfig
from rtl.isa.memory_map import DRAM_BASE
from tests.lockstep.streams import compare_stream, first, recorded

_AT = DRAM_BASE + 0x1008
_BLANK = Retired(0, (0,) * RETIRE_WORDS)


def _lr(cycle: int = 10) -> Retired:
    one = _BLANK.replaced(mem_read=1, mem_paddr=_AT, mem_size=3)
    return Retired(cycle, one.words)


def _sc(cycle: int, success: bool = True) -> Retired:
    return Retired(cycle, _BLANK.replaced(mem_write=int(success), mem_paddr=_AT, mem_size=3).words)


def _judge(address: int, size: int = 8) -> ReservationJudge:
    """After lr, and a write to ``address`` from cycle 20 to 30."""
    judge = ReservationJudge()
    judge.reserve(_lr())
    judge.begin(ForeignWrite(20, address, bytes(size)))
    judge.end(ForeignWriteEnd(30))
    return judge


@pytest.mark.parametrize(("address", "size"), [(_AT, 8), (_AT - 8, 16), (_AT + 7, 1), (_AT - 3, 4)])
def test_a_write_to_what_lr_has_read_ends_the_reservation(address: int, size: int) -> None:
    assert "success" in (_judge(address, size).store(_sc(31 + MARGIN)) or "")
    assert _judge(address, size).store(_sc(31 + MARGIN, success=False)) is None


@pytest.mark.parametrize(("address", "size"), [(_AT - 8, 8), (_AT + 8, 64), (_AT - 1, 1)])
def test_beside_it_sc_may_fail_or_not(address: int, size: int) -> None:
    assert _judge(address, size).store(_sc(100)) is None


def test_just_before_sc_it_may_come_later() -> None:
    assert _judge(_AT).store(_sc(30 + MARGIN)) is None


def test_from_before_lr_lr_may_have_seen_it() -> None:
    judge = ReservationJudge()
    judge.reserve(_lr(5))
    judge.begin(ForeignWrite(6, _AT, b"1"))
    judge.reserve(_lr())
    judge.end(ForeignWriteEnd(30))
    assert judge.store(_sc(100)) is None


def test_a_new_pair_begins_anew() -> None:
    judge = _judge(_AT)
    judge.reserve(_lr(40))
    assert judge.store(_sc(100)) is None
    judge = _judge(_AT)
    assert judge.store(_sc(100))
    assert judge.store(_sc(200)) is None


def test_in_lockstep() -> None:
    """A write of what is there already comes between a pair that succeeds."""
    job, events = recorded("rv64a_lrsc")
    at, sc = first((job, events), lambda r: r.instruction & 0xF800_007F == 0x1800_002F and r.mem_write) or (
        0,
        _BLANK,
    )
    lr = max(
        n
        for n, event in enumerate(events[:at])
        if isinstance(event, Retired) and event.instruction & 0xF800_007F == 0x1000_002F and event.mem_read
    )
    read = events[lr]
    assert isinstance(read, Retired)
    size = 1 << read.mem_size
    data = (read.mem_data & (1 << 8 * size) - 1).to_bytes(size, "little")
    write = [ForeignWrite(read.cycle, read.mem_paddr, data), ForeignWriteEnd(sc.cycle - MARGIN - 1)]
    with pytest.raises(Mismatch, match="sc: success"):
        compare_stream((job, [*events[: lr + 1], *write, *events[lr + 1 :]]))
    compare_stream((job, [*events[:lr], *write, *events[lr:]]))


@pytest.mark.parametrize(
    "missing", [{"hypervisor": False}, {"xvmx": False}, {"hypervisor": False, "xvmx": False}]
)
def test_no_lockstep_with_a_core_that_lacks_what_the_model_has(missing: dict[str, bool]) -> None:
    with pytest.raises(UserError, match="no observing simulator of a core without the H extension or Xvmx"):
        build(Variant.OBSERVE, SocConfig(core=CoreConfig(**missing)))
