"""From the Amaranth design to Verilog, and to the C++ header that says where each event bit is."""

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib import data
from amaranth.lib.wiring import In

from cosim.top import SimTop
from cosim.verilog import processes_without_inputs, split_assignments
from rtl.core.interface import Events, Retire

__all__ = ["design_header", "to_verilog"]

_FLATTEN = """
proc -nomux -norom
opt_clean
flatten
opt_clean -purge
memory_collect
write_verilog -norename -noattr
"""
"""Hierarchy and names are lost. Processes stay processes: Verilator turns their cases into branches, of which
it runs one, while multiplexers all run; Linux's boot went 1.7 times as fast as with ``proc; opt -full``.
``opt_expr; opt_merge`` behind it was measured too: 9 % slower."""

_KEEP_NAMES = """
proc -norom
memory_collect
write_verilog -norename -noattr
"""
"""Processes become assignments. Nothing is removed: what people look at in a wave drives nothing."""


def to_verilog(top: SimTop, *, flatten: bool) -> str:
    """Verilog of ``top`` with module name ``top``; ``flatten`` for the build that only has to be fast."""
    text = rtlil.convert(top, name="top", ports=_ports(top), emit_src=False)
    yosys = find_yosys(lambda version: version >= (0, 40))
    script = f"read_rtlil <<rtlil\n{text}\nrtlil\n{_FLATTEN if flatten else _KEEP_NAMES}"
    verilog = split_assignments(yosys.run(["-q", "-"], script, ignore_warnings=True))
    if idle := processes_without_inputs(verilog):
        raise RuntimeError(f"a process would never run in the simulator: {idle[0]}")
    return verilog


def _ports(top: SimTop) -> dict[str, tuple[Value, PortDirection]]:
    """Ports named with single underscores: Verilator would spell double ones ``___05F`` in C++."""
    return {
        "_".join(map(str, path)): (
            Value.cast(value),
            PortDirection.Input if member.flow == In else PortDirection.Output,
        )
        for path, member, value in top.signature.flatten(top)
    }


def design_header() -> str:
    """C++ constants for the fields of ``events`` and the words of ``retire``."""
    layout = data.Layout.cast(Events)
    lines = ["// Generated from rtl.core.interface.Events and Retire.", "#pragma once", "#include <cstdint>"]
    lines.append("struct EventName { const char* name; unsigned bit; };")
    qualifiers = {"exit_interrupt", "exit_cause", "exit_to_machine", "vmid"}
    counted = []
    for name, field in layout:
        lines.append(f"constexpr unsigned kEvent_{name} = {field.offset};")
        lines.append(f"constexpr unsigned kWidth_{name} = {field.width};")
        if name not in qualifiers:
            counted.append((name, field.offset))
    names = ", ".join(f'{{"{name}", {bit}}}' for name, bit in counted)
    lines.append(f"constexpr EventName kEventNames[] = {{{names}}};")
    lines.append(f"constexpr unsigned kEventCount = {len(counted)};")
    lines.append(f"constexpr uint64_t kCountedEvents = {sum(1 << bit for _, bit in counted):#x}ull;")
    lines.append(f"constexpr unsigned kRetireWords = {(data.Layout.cast(Retire).size + 31) // 32};")
    return "\n".join(lines) + "\n"
