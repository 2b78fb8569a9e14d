"""What is done for people after a mismatch: the command that repeats it, and a wave of the last cycles."""

import hashlib
import os
import shlex
from dataclasses import replace
from pathlib import Path

from cosim.build import Variant, build, cache_folder
from cosim.errors import UserError
from cosim.job import Job
from cosim.lockstep.compare import Mismatch
from cosim.simulate import run_plain
from cosim.waves.savefile import write_save_file

__all__ = ["WAVE_CYCLES", "bare_command", "explain"]

WAVE_CYCLES = 2000
"""How much of what came before the mismatch is in the wave."""
_AFTER = 8


def bare_command(path: Path | str, job: Job) -> str:
    """The command that compares a bare program again."""
    words = ["bivisor", "run", "--bare", str(path), "--lockstep", "--mem", hex(job.memory)]
    words += ["--mem-latency", str(job.latency)]
    words += ["--max-cycles", str(job.max_cycles)] if job.max_cycles is not None else []
    return shlex.join(words)


def explain(mismatch: Mismatch, command: str) -> Mismatch:
    """Add to the report the ``command`` that repeats it, and a wave.

    The run is repeated in a tracing simulator of the same machine, which does the same cycle by cycle, with
    the last ``WAVE_CYCLES`` cycles written.
    """
    mismatch.more.append(f"again: {command}")
    if mismatch.job is None:
        return mismatch
    try:
        save = _wave(mismatch, mismatch.job)
    except UserError as error:
        mismatch.more.append(f"no wave: {error}")
    else:
        mismatch.more.append(f"wave of the last {WAVE_CYCLES} cycles: gtkwave {save}")
    return mismatch


def _wave(mismatch: Mismatch, job: Job) -> Path:
    """Path of the GTKWave save file next to the wave, in the cache's folder ``lockstep``."""
    last = mismatch.cycle + _AFTER
    digest = hashlib.sha256(repr((job, mismatch.config, last)).encode()).hexdigest()[:12]
    folder = cache_folder() / "lockstep"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}; make room there or set BIVISOR_CACHE") from None
    wave = folder / f"{Path(job.program.name).stem.replace(' ', '')}-{digest}.fst"
    partial = wave.with_name(wave.name + ".part")
    try:
        window = replace(
            job,
            wave=partial,
            wave_from=max(mismatch.cycle - WAVE_CYCLES, 0),
            wave_to=last,
            max_cycles=last + 1,
            dumps=(),
        )
        run_plain(build(Variant.TRACE, mismatch.config), window)
        os.replace(partial, wave)
    finally:
        partial.unlink(missing_ok=True)
    return write_save_file(wave, job.program)
