"""Runs simulators as processes: the plain one, cocotb's driver, and cocotb regressions of the user's own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cosim.build import Build
from cosim.errors import UserError
from cosim.job import Job
from cosim.result import Result

__all__ = ["cocotb_environment", "complaint", "plain_result", "run_cocotb", "run_plain", "run_regression"]


def run_plain(build: Build, job: Job) -> Result:
    """Run ``job`` without Python in the loop: for suites and benchmarks."""
    job.check()
    with tempfile.TemporaryDirectory(prefix="bivisor-") as folder:
        console, result = Path(folder, "console"), Path(folder, "result.json")
        try:
            arguments = job.arguments(Path(folder, "image"))
        except OSError as error:
            raise UserError(f"{folder}: {error.strerror}; make room there or set TMPDIR") from None
        arguments += ["--console", str(console), "--json", str(result)]
        done = subprocess.run([str(build.plain), *arguments], capture_output=True, text=True)
        if done.returncode:
            raise UserError(complaint(done.stderr, done.returncode))
        return plain_result(result.read_text(), console.read_text("utf-8", "replace"))


def plain_result(text: str, console: str) -> Result:
    """The plain simulator's answer."""
    due = json.loads(text)["due"]
    outcome = "until" if due & 2 and not due & 4 else "reset" if due & 64 else None
    return Result.from_native(text, outcome=outcome, console=console)


def complaint(stderr: str, status: int) -> str:
    """What a simulator that failed has to say, on one line."""
    lines = stderr.strip().splitlines()
    if status < 0:
        return f"the simulator died of signal {-status}: {lines[-1] if lines else 'no message'}"
    return lines[-1] if lines else f"the simulator failed with status {status}"


def cocotb_environment(test_modules: str) -> dict[str, str]:
    """Environment in which a cocotb simulator finds Python and the tests."""
    import cocotb_tools.config
    import find_libpython

    libpython = find_libpython.find_libpython()
    if libpython is None:
        raise UserError(
            "cocotb needs libpython as a shared library; install it with: apt-get install libpython3-dev"
        )
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYGPI_PYTHON_BIN": sys.executable,
        "GPI_USERS": f"{libpython};{cocotb_tools.config.pygpi_entry_point()}",
        "COCOTB_TOPLEVEL": "top",
        "COCOTB_TEST_MODULES": test_modules,
        "TOPLEVEL_LANG": "verilog",
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "COCOTB_LOG_LEVEL": os.environ.get("COCOTB_LOG_LEVEL", "WARNING"),
    }


def run_cocotb(build: Build, job: Job, on_console: Callable[[bytes], None] | None = None) -> Result:
    """Run ``job`` with cocotb's driver; ``on_console`` gets the console output as it comes."""
    job.check()
    with tempfile.TemporaryDirectory(prefix="bivisor-") as folder:
        try:
            arguments = job.arguments(Path(folder, "image"))
        except OSError as error:
            raise UserError(f"{folder}: {error.strerror}; make room there or set TMPDIR") from None
        out, into = os.pipe()
        answer = Path(folder, "answer.json")
        order = {"console": into, "max_cycles": job.max_cycles, "result": str(answer)}
        environment = cocotb_environment("cosim.harness") | {
            "BIVISOR_JOB": json.dumps(order),
            "COCOTB_RESULTS_FILE": str(Path(folder, "results.xml")),
        }
        before = os.times()
        with Path(folder, "log").open("w+") as log, os.fdopen(out, "rb", buffering=0) as console:
            child = subprocess.Popen(
                [str(build.cocotb), *arguments],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                pass_fds=[into],
            )
            os.close(into)
            try:
                while chunk := console.read(65536):
                    if on_console:
                        on_console(chunk)
                status = child.wait()
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()
            if status or not answer.exists():
                log.seek(0)
                raise UserError(complaint(log.read(), status))
        after = os.times()
        result = Result.from_json(json.loads(answer.read_text()))
        result.cpu_seconds = after.children_user + after.children_system
        result.cpu_seconds -= before.children_user + before.children_system
        return result


def run_regression(build: Build, test_modules: str, job: Job | None = None, *, folder: Path) -> None:
    """Run cocotb tests of one's own on the machine; raises if one fails.

    ``test_modules`` are module names (comma-separated) that the current ``sys.path`` finds; ``job`` may load
    a program beforehand. Results and log stay in ``folder`` (``results.xml``, ``simulation.log``).
    """
    folder.mkdir(parents=True, exist_ok=True)
    arguments = job.arguments(folder / "image") if job else []
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    environment = cocotb_environment(test_modules) | {"COCOTB_RESULTS_FILE": str(results)}
    with (folder / "simulation.log").open("w") as log:
        done = subprocess.run(
            [str(build.cocotb), *arguments], env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder
        )
    if not results.exists():
        raise UserError(f"the simulation ended without results (status {done.returncode}); see {log.name}")
    from cocotb_tools.runner import get_results

    tests, failures = get_results(results)
    if failures or not tests:
        raise UserError(f"{failures} of {tests} tests failed; see {log.name}", status=1)
