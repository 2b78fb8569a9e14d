"""The figures that ``bivisor bench`` measures: what each means, its goal, and which program gives it."""

import json
import re
import struct
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from statistics import median_low

from cosim.bench.programs import SAMPLES, Compiler, build_program, clang, find_gcc
from cosim.bench.speed import simulation_speed
from cosim.bench.verification import verification_speed
from cosim.build import Variant, build
from cosim.elf import Program, Segment, read_elf
from cosim.errors import UserError
from cosim.job import Job
from cosim.simulate import run_plain
from rtl.config import SocConfig

__all__ = ["FIGURES", "Figure", "measure", "notes_on", "of_cycles"]

SYNTHESIS_REPORT = Path(__file__).resolve().parents[2] / "docs" / "synthesis.json"
"""The kept report of ``bivisor synth``."""

_ROUNDS = 3
"""kRounds of kernels.c."""

_CHAIN, _LONG = 8, 64
"""Loads of the short and the long chain in translation.S."""


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes
    ----------
    meaning: for people
    source: which of ``_SOURCES`` measures it
    compute: from the source's medians, one per row
    goal: at most this much (at least, if ``more``); None if there is no goal
    """

    meaning: str
    source: str
    compute: Callable[[Sequence[float]], float]
    goal: float | None = None
    more: bool = False

    @property
    def goal_text(self) -> str:
        """``<= 10``, ``>= 800`` or nothing."""
        return "" if self.goal is None else f"{'>=' if self.more else '<='} {self.goal:g}"

    def met(self, value: float) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        return value >= self.goal if self.more else value <= self.goal


def _over(row: int, base: int = 0) -> Callable[[Sequence[float]], float]:
    """A row above what its empty measurement takes."""
    return lambda rows: rows[row] - rows[base]


def _per_load(row: int, base: int) -> Callable[[Sequence[float]], float]:
    """A chain above the chain that hits, per load."""
    return lambda rows: (rows[row] - rows[base]) / _CHAIN


def _row(row: int) -> Callable[[Sequence[float]], float]:
    return lambda rows: rows[row]


def _long_chain(rows: Sequence[float]) -> float:
    """The long chain misses the first level on every load and hits the second."""
    return rows[7] / _LONG - rows[1] / _CHAIN


def _rounds(rows: Sequence[float]) -> float:
    """Of the kernels, in a million cycles."""
    return 1e6 * _ROUNDS / rows[0]


def _cpi(piece: int) -> Callable[[Sequence[float]], float]:
    return lambda rows: rows[2 * piece] / rows[2 * piece + 1]


def _ipc(piece: int) -> Callable[[Sequence[float]], float]:
    return lambda rows: rows[2 * piece + 1] / rows[2 * piece]


_WORKLOADS = {
    "kernels": ("kernels", 0, "list, matrix, scanner and CRC in CoreMark's mix"),
    "compute": ("compute", 0, "lists, matrix, scanner, CRC, sort"),
    "memory": ("memory", 0, "4 MiB chase, copy, scattered writes"),
    "copy": ("pieces", 0, "memcpy in the data cache"),
    "chase": ("pieces", 1, "pointer chase over 4 MiB"),
    "sort": ("pieces", 2, "heap sort"),
    "hash": ("pieces", 3, "hashes of strings"),
}
"""Name -> measuring program, workload in it, what it does."""

_NOT_OF_CYCLES = ("speed", "verification", "synthesis")
_SYNTHESIS = ("fmax_mhz", "luts", "luts_without_h")
"""What the source ``synthesis`` tells, in this order."""


def _workload_figures() -> dict[str, "Figure"]:
    """Cycles per instruction of every workload, and instructions per cycle."""
    figures = {}
    for name, (source, piece, meaning) in _WORKLOADS.items():
        figures[f"cpi_{name}"] = Figure(f"cycles per instruction: {meaning}", source, _cpi(piece))
        figures[f"ipc_{name}"] = Figure(f"instructions per cycle: {meaning}", source, _ipc(piece))
    return figures


FIGURES: dict[str, Figure] = {
    "sim_khz_per_cpu_s": Figure("thousand cycles per CPU second, with cocotb", "speed", _row(0), 800, True),
    "sim_ratio_to_plain_cpp": Figure("the same against a plain C++ main", "speed", _row(1), 0.8, True),
    "model_ips": Figure("golden model's instructions per CPU second", "verification", _row(0), 1e5, True),
    "lockstep_ips": Figure("the same in lockstep, the hardware's CPU time too", "verification", _row(1), 5e4,
                           True),
    "kernels_per_mhz": Figure("rounds of the CoreMark-like kernels per million cycles", "kernels_gcc",
                              _rounds, 3.3, True),
    "kernels_per_mhz_clang": Figure("the same, by the project's compiler", "kernels", _rounds),
    **_workload_figures(),
    "hypercall_cycles": Figure("guest ecall to resume, whole hypervisor", "hypercall", _row(0)),
    "hypercall_instret": Figure("the same in instructions", "hypercall", _row(1), 90),
    "trap_roundtrip_cycles": Figure("ecall, csrr/addi/csrw/sret in HS", "transitions", _over(1), 10),
    "exit_half_cycles": Figure("guest's rdcycle to handler's", "transitions", _over(2), 4),
    "entry_half_cycles": Figure("handler's rdcycle to guest's", "transitions", _over(3), 4),
    "guest_page_fault_cycles": Figure("load that faults in the G-stage", "transitions", _over(4), 22),
    "world_switch_cycles": Figure("registers, VS CSRs, hgatp, away and back", "transitions", _over(5), 190),
    "csrw_hgatp_cycles": Figure("csrw hgatp", "transitions", _over(6), 2),
    "hfence_all_cycles": Figure("hfence.gvma or hfence.vvma of everything, the dearer", "transitions",
                                lambda rows: max(rows[7], rows[8]) - rows[0], 4),
    "vmx_hypercall_cycles": Figure("the same on Xvmx", "vmx_hypercall", _row(0)),
    "vmx_exit_cycles": Figure("Xvmx: guest's rdcycle, vmcall, handler's rdcycle", "vmx", _over(1), 8),
    "vmx_entry_cycles": Figure("handler's rdcycle, vmresume, guest's rdcycle", "vmx", _over(2), 8),
    "vmx_null_exit_cycles": Figure("vmcall, vmread/addi/vmwrite G_PC, vmresume", "vmx", _over(3), 24),
    "vmx_vmptrld_switch_cycles": Figure("vmptrld of another VMCS, all cached", "vmx", _over(4), 150),
    "tlb_miss_bare": Figure("load after a fence, no translation", "translation", _per_load(0, 1)),
    "tlb_miss_sv39": Figure("TLB miss of a load, Sv39, tables in the data cache", "translation",
                            _per_load(2, 1), 4),
    "tlb_miss_g_only": Figure("TLB miss, G-stage only", "translation", _per_load(4, 3)),
    "tlb_miss_two_stage": Figure("TLB miss, both stages in 4 KiB pages", "translation", _per_load(6, 5), 6),
    "l2_tlb_hit_cycles": Figure("first-level TLB miss that the second level serves", "translation",
                                _long_chain, 2),
    "walk_two_stage_uncached_cycles": Figure("two-stage walk, walk caches flushed and no help: 15 reads",
                                             "translation", _over(11, 10), 36),
    "walk_two_stage_near_cycles": Figure("the same, all tables in one 2 MiB area: 10 reads", "translation",
                                         _over(9, 8)),
    "two_stage_miss_cold_lat20_cycles": Figure("two-stage TLB miss, data cache cold, latency 20", "cold_miss",
                                               _over(1), 110),
    "fmax_mhz": Figure("clock on the ULX3S, as last synthesized", "synthesis", _row(0), 50, True),
    "luts": Figure("LUTs there", "synthesis", _row(1)),
    "luts_without_h": Figure("LUTs there without the H extension", "synthesis", _row(2)),
}  # fmt: skip


def measure(
    names: Sequence[str], report: Callable[[str], None], machine: SocConfig | None = None
) -> dict[str, float | None]:
    """The named figures, in the order of the names; None for what cannot be measured here. Each source runs
    once. ``machine``: another one than the simulator's own, for
    figures of cycles (:func:`of_cycles`)."""
    rows: dict[str, Sequence[float]] = {}
    for source in dict.fromkeys(FIGURES[name].source for name in names):
        report(f"measuring {source}")
        rows[source] = _rows(source, report, machine)
    values = {name: FIGURES[name].compute(rows[FIGURES[name].source]) for name in names}
    return {name: None if isnan(value) else round(value, 4) for name, value in values.items()}


def _kernels_compiler() -> Compiler:
    """The goal for ``kernels_per_mhz`` is one for GCC's code; without a GCC, clang's."""
    return find_gcc() or clang()


def notes_on(names: Sequence[str]) -> dict[str, str]:
    """What the reader of a figure should know of how it was measured here."""
    return {name: _kernels_compiler().name for name in names if FIGURES[name].source == "kernels_gcc"}


def of_cycles(name: str) -> bool:
    """Whether the figure is one of cycles, which each machine has its own of."""
    return FIGURES[name].source not in _NOT_OF_CYCLES


def _rows(source: str, report: Callable[[str], None], machine: SocConfig | None) -> Sequence[float]:
    if source == "speed":
        return simulation_speed(report)
    if source == "verification":
        return verification_speed(report)
    if source in ("hypercall", "vmx_hypercall"):
        return _hypercall("vmx" if source == "vmx_hypercall" else "el2", report, machine)
    if source == "synthesis":
        return _synthesis()
    if source == "kernels_gcc":
        return struct.unpack(
            "<2Q", run_program("kernels", 2, report, compiler=_kernels_compiler(), machine=machine)
        )
    if any(source == program for program, _, _ in _WORKLOADS.values()):
        count = 2 * max(piece + 1 for program, piece, _ in _WORKLOADS.values() if program == source)
        return struct.unpack(f"<{count}Q", run_program(source, count, report, machine=machine))
    latency = 20 if source == "cold_miss" else 1
    raw = run_program(source, None, report, latency=latency, machine=machine)
    values = struct.unpack(f"<{len(raw) // 8}Q", raw)
    return [median_low(values[at : at + SAMPLES]) for at in range(0, len(values), SAMPLES)]


def run_program(
    name: str,
    words: int | None,
    report: Callable[[str], None],
    latency: int = 1,
    compiler: Compiler | None = None,
    machine: SocConfig | None = None,
) -> bytes:
    """Run a measuring program; the bytes of its results (``words`` 64-bit words, or results..results_end)."""
    program = read_elf(build_program(name, compiler))
    begin = program.symbols["results"]
    length = 8 * words if words else program.symbols["results_end"] - begin
    with tempfile.TemporaryDirectory(prefix="bivisor-") as folder:
        raw = Path(folder, "results")
        job = Job(program, latency=latency, max_cycles=10_000_000, dumps=[(begin, length, raw)])
        result = run_plain(build(Variant.FAST, machine, report=report), job)
        if result.outcome != "exit" or result.code:
            raise UserError(
                f"the measuring program {name} failed: {result.outcome}, code {result.code}", status=1
            )
        return raw.read_bytes()


def _synthesis() -> Sequence[float]:
    """From the last report of ``bivisor synth`` that was kept; NaN for what it does not tell."""
    try:
        kept = json.loads(SYNTHESIS_REPORT.read_text())
    except (OSError, ValueError):
        kept = {}
    return [float(kept.get(name, nan)) for name in _SYNTHESIS]


def _hypercall(arch: str, report: Callable[[str], None], machine: SocConfig | None) -> Sequence[float]:
    """The guest ``hypercall`` prints its medians."""
    from firmware.images import Guest, small_guest, virtual

    boot = virtual([Guest(small_guest("hypercall"))], arch=arch)
    segments = tuple(Segment(address, data) for address, data in boot.segments)
    program = Program("hypercall", boot.entry, segments, {}, boot.device_tree)
    job = Job(program, memory=boot.memory, max_cycles=100_000_000)
    result = run_plain(build(Variant.FAST, machine, report=report), job)
    found = dict(re.findall(r"hypercall: (\w+) (\w+)", result.console))
    try:
        return int(found["cycles"], 0), int(found["instructions"], 0)
    except (KeyError, ValueError):
        lines = result.console.strip().splitlines() or ["nothing"]
        raise UserError(
            f"the hypercall guest did not report; it printed last: {lines[-1]}", status=1
        ) from None
