"""What the observing simulator writes about each instruction: how it stands in 64-bit words.

A *record* is a head word and its payload. The head has the cycle in bits 47:0, the kind in bits 51:48, and
the number of payload words above. Kinds (``cosim/native/recorder.h`` writes them):

``RETIRE``: an instruction retired or trapped. The words of ``rtl.core.interface.Retire`` as ``RETIRE_PLACES``
tells; the physical addresses that its first and last halves were fetched from (0 if that is not known); then
two words for each register of the ``state`` port that has changed: its index in ``STATE_NAMES``, and its new
value. (The first record tells all that are not zero.)

``WRITE``: somebody else's write to memory begins (address, length in bytes, the bytes in words): from here on
the hart may see it. ``WRITTEN``: the oldest of them has ended (no payload).
"""

from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data

from rtl.core.csr.snapshot import state_layout
from rtl.core.interface import Retire

__all__ = [
    "PORT_WORDS",
    "RETIRE_PLACES",
    "RETIRE_WORDS",
    "STATE_NAMES",
    "Kind",
    "companion_record",
    "retire_words",
]


class Kind(IntEnum):
    """Bits 51:48 of a record's head."""

    RETIRE = 0
    WRITE = 1
    WRITTEN = 2


STATE_NAMES = tuple(state_layout().members)
"""The registers that records tell about, in the order of their index."""


def _flat() -> dict[str, tuple[int, int]]:
    """(offset, width) of each field of Retire, the mode's own two in its place. ``valid`` is not told; the
    companion has a record of its own."""
    layout = data.Layout.cast(Retire)
    fields: dict[str, tuple[int, int]] = {}
    for name, field in layout:
        if name == "mode":
            inner = data.Layout.cast(field.shape)
            fields |= {part: (field.offset + f.offset, f.width) for part, f in inner}
        elif name not in ("valid", "companion"):
            fields[name] = (field.offset, field.width)
    return fields


def _places() -> dict[str, tuple[int, int, int]]:
    """Addresses and data have a word each; the others share words, by falling width."""
    used: list[int] = []
    places = {}
    for name, (_, width) in sorted(_flat().items(), key=lambda item: -item[1][1]):
        word = next((n for n, bits in enumerate(used) if width <= 32 and bits + width <= 64), len(used))
        if word == len(used):
            used.append(0)
        places[name] = (word, used[word], width)
        used[word] += width if width <= 32 else 64
    return places


_PORT_PLACES = _places()

PORT_WORDS = 1 + max(word for word, _, _ in _PORT_PLACES.values())
"""Words of the ``retire`` port."""

RETIRE_PLACES = _PORT_PLACES | {
    "fetch_paddr": (PORT_WORDS, 0, 64),
    "fetch_paddr_last": (PORT_WORDS + 1, 0, 64),
}
"""Field -> (word, lowest bit in it, width)."""

RETIRE_WORDS = PORT_WORDS + 2
"""Words that a record tells of every instruction."""


def companion_record(m: Module, retire: data.View) -> Value:
    """The instruction that retired beside the one in ``retire``, as a record of its own."""
    record = Signal(Retire)
    companion = retire.companion
    m.d.comb += [
        record.valid.eq(companion.valid),
        record.mode.eq(retire.mode),
        record.pc.eq(companion.pc),
        record.instruction.eq(companion.instruction),
        record.rd_write.eq(companion.rd.any()),
        record.rd.eq(companion.rd),
        record.rd_data.eq(companion.rd_data),
    ]
    return record.as_value()


def retire_words(retire: Value) -> Value:
    """``retire`` rearranged as ``RETIRE_PLACES`` says."""
    fields = _flat()
    words: list[list[Value]] = [[] for _ in range(PORT_WORDS)]
    for name, (word, _, width) in _PORT_PLACES.items():
        offset = fields[name][0]
        words[word].append(retire[offset : offset + width])
    return Cat(Cat(*parts, Const(0, 64 - sum(len(part) for part in parts))) for parts in words)
