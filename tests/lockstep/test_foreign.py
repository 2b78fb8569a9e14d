"""Writes by others than the hart: old or new until they end, then new; races are settled by a load."""

from cosim.lockstep.foreign import ForeignWrites
from cosim.lockstep.records import ForeignWrite, Retired, read_records
from cosim.model.memory import Bus
from cosim.observe import RETIRE_WORDS
from rtl.isa.memory_map import DRAM_BASE

_AT = DRAM_BASE + 0x1000
_BLANK = Retired(0, (0,) * RETIRE_WORDS)


class _World:
    def __init__(self) -> None:
        self.bus = Bus(16 << 20)
        self.writes = ForeignWrites(self.bus)

    def word(self, address: int = _AT) -> int:
        return self.bus.read_u64(address)

    def load(self, shown: int, address: int = _AT, last: int | None = None) -> None:
        """The hart reads 8 bytes and sees ``shown``."""
        last = address if last is None else last
        fields = {"mem_vaddr": address, "mem_paddr": address, "mem_paddr_last": last, "mem_size": 3}
        self.writes.look(_BLANK.replaced(mem_read=1, mem_data=shown, **fields))

    def store(self, value: int, address: int = _AT) -> None:
        fields = {"mem_vaddr": address, "mem_paddr": address, "mem_paddr_last": address, "mem_size": 3}
        self.writes.look(_BLANK.replaced(mem_write=1, mem_data=value, **fields))
        self.bus.write_bytes(address, value.to_bytes(8, "little"))

    def swap(self, shown: int, value: int, address: int = _AT) -> None:
        """An AMO reads ``shown`` and writes ``value``."""
        fields = {"mem_vaddr": address, "mem_paddr": address, "mem_paddr_last": address, "mem_size": 3}
        record = _BLANK.replaced(mem_read=1, mem_write=1, rd_data=shown, mem_data=value, **fields)
        self.writes.look(record)
        assert self.word(address) == shown
        self.bus.write_bytes(address, value.to_bytes(8, "little"))

    def begin(self, value: int, address: int = _AT) -> None:
        self.writes.begin(ForeignWrite(0, address, value.to_bytes(8, "little")))


def test_nothing_to_look_at() -> None:
    world = _World()
    assert not world.writes
    world.begin(5)
    assert world.writes
    world.writes.end()
    assert not world.writes
    assert world.word() == 5


def test_seen_when_the_hart_sees_it() -> None:
    world = _World()
    world.begin(0x0102)
    world.load(0)
    assert world.word() == 0
    world.load(0x0002)
    assert world.word() == 0x0002  # byte by byte
    world.load(0x0102)
    assert world.word() == 0x0102


def test_something_else_is_not_believed() -> None:
    world = _World()
    world.begin(7)
    world.load(9)
    assert world.word() == 0


def test_no_longer_open_after_its_end() -> None:
    world = _World()
    world.begin(7)
    world.writes.end()
    world.load(0)
    assert world.word() == 7


def test_a_race_is_settled_by_an_amo() -> None:
    """It reads before it writes."""
    for last in (7, 3):
        world = _World()
        world.begin(7)
        world.store(3)
        world.writes.end()
        world.swap(last, 5)
        assert not world.writes
        assert world.word() == 5


def test_a_race_with_a_store() -> None:
    """Until a load tells, nobody knows who was last."""
    for last in (7, 3):
        world = _World()
        world.begin(7)
        world.store(3)
        world.writes.end()
        assert world.writes
        world.load(last)
        assert world.word() == last
        assert not world.writes
        world.load(10 - last)
        assert world.word() == last


def test_a_later_store_settles_it() -> None:
    world = _World()
    world.begin(7)
    world.store(3)
    world.writes.end()
    world.store(4)
    world.load(7)
    assert world.word() == 4


def test_loads_across_pages() -> None:
    """The second page may be anywhere."""
    world = _World()
    other = _AT + 0x8000
    world.begin(0x55, other)
    world.load(0x55 << 32, _AT + 0xFFC, other)
    assert world.word(other) == 0x55


def test_records_in_any_pieces() -> None:
    """What the stream says does not depend on where it is cut."""
    words = [1 | 1 << 48 | 3 << 52, _AT, 5, 0x0504030201, 2 | 2 << 48, 3 | RETIRE_WORDS + 2 << 52]
    words += [*range(RETIRE_WORDS), 4, 99]
    data = b"".join(word.to_bytes(8, "little") for word in words)

    class Pieces:
        def __init__(self, size: int) -> None:
            self.size, self.rest = size, data

        def read(self, _: int) -> bytes:
            piece, self.rest = self.rest[: self.size], self.rest[self.size :]
            return piece

    for size in (1, 7, 8, 64, 1000):
        first, end, retired = read_records(Pieces(size))  # type: ignore[arg-type]
        assert first == ForeignWrite(1, _AT, b"\1\2\3\4\5")
        assert end.cycle == 2
        assert isinstance(retired, Retired)
        assert retired.words == tuple(range(RETIRE_WORDS)) and retired.changes == (4, 99)
