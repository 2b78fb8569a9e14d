"""All ways in which an address may be translated when entries of its tables have former values."""

from collections.abc import Callable, Iterator
from enum import Enum, auto

from cosim.model.exceptions import Trap
from cosim.model.hart import Hart
from cosim.model.translation import Space, Walk, Walker

__all__ = ["Candidates", "Old", "Outcome", "Stage"]

_MOST = 256
"""Ways that are tried."""
_GLOBAL = 1 << 5

Outcome = int | Trap
"""A physical address, or why there is none."""

Old = Callable[[Space, "Stage", int, int, int, bool], list[int]]
"""Former values that are allowed: of the translation state, stage, entry, its level, translated address, and
whether an entry above was global."""


class Stage(Enum):
    """Whose entries a fence is about."""

    OWN = auto()
    """First stage with V = 0."""
    GUEST = auto()
    """First stage with V = 1."""
    SECOND = auto()


class _Replay(Walk):
    """A walk that knows, whenever it reads an entry, of which stage it is and what it translates."""

    def _walk(
        self, root: int, address: int, root_bits: int, second: bool, implicit: bool, write: bool = False
    ) -> int:
        choices = self.walker.memory
        assert isinstance(choices, _Choices)
        outer = choices.context
        stage = Stage.SECOND if second else Stage.GUEST if self.space.virt else Stage.OWN
        choices.context = (self, stage, address if second else self.va)
        try:
            return super()._walk(root, address, root_bits, second, implicit, write)
        finally:
            choices.context = outer


class _Choices:
    """Memory that shows at each read one of the values that the entry may have; writes do nothing."""

    def __init__(self, hart: Hart, old: Old) -> None:
        self._bus = hart.bus
        self._old = old
        self.is_main_memory = hart.bus.is_main_memory
        self.context: tuple[_Replay, Stage, int] | None = None
        self.script: list[int] = []
        self.trail: list[int] = []
        """How many values there were, at each read."""
        self._global = False

    def start(self, script: list[int]) -> None:
        """Take the values numbered ``script``, then the present ones."""
        self.script, self.trail, self._global = script, [], False

    def read_u64(self, address: int) -> int:
        assert self.context is not None
        walk, stage, translated = self.context
        level = walk.level(stage is Stage.SECOND)
        present = self._bus.read_u64(address)
        former = self._old(
            walk.space, stage, address, level, translated, self._global and stage is not Stage.SECOND
        )
        values = [present, *(value for value in dict.fromkeys(former) if value != present)]
        number = self.script[len(self.trail)] if len(self.trail) < len(self.script) else 0
        self.trail.append(len(values))
        value = values[number]
        if stage is not Stage.SECOND:
            self._global |= bool(value & _GLOBAL)
        return value

    def write_u64(self, address: int, value: int) -> None:
        pass


class Candidates:
    """Tries the translations that ``old`` values allow."""

    def __init__(self, hart: Hart, old: Old) -> None:
        self._memory = _Choices(hart, old)
        self._walker = Walker(self._memory, hart.pmp)

    def of(self, space: Space, va: int, access: int, hlvx: bool) -> Iterator[tuple[bool, Outcome]]:
        """(whether it is the one by present values alone, what comes out), that one first."""
        script: list[int] = []
        for _ in range(_MOST):
            self._memory.start(script)
            outcome: Outcome
            try:
                outcome = _Replay(self._walker, space, va, access, hlvx).translate()
            except Trap as trap:
                outcome = trap
            trail = self._memory.trail
            taken = [*script[: len(trail)], *([0] * (len(trail) - len(script)))]
            yield not any(taken), outcome
            while taken and taken[-1] + 1 >= trail[len(taken) - 1]:
                taken.pop()
            if not taken:
                return
            taken[-1] += 1
            script = taken
