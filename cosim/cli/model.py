"""``bivisor model``: a program on the golden model, instruction by instruction."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cosim.errors import UserError

__all__ = ["model"]


def model(
    program: Annotated[Path, typer.Argument(help="ELF file, started in M mode")],
    trace: Annotated[bool, typer.Option("--trace", help="Spike's commit log on standard error")] = False,
    max_instructions: Annotated[int, typer.Option(help="stop there")] = 100_000_000,
) -> int:
    """Run PROGRAM on the golden model; the exit status is the program's."""
    from cosim.model.machine import print_bytes, run

    log = sys.stderr if trace else None
    result = run(program, limit=max_instructions, trace=log, output=print_bytes)
    if result.status is None:
        raise UserError(
            f"{program}: still running after {result.instructions:,} instructions; "
            "give more with --max-instructions",
            status=124,
        )
    return min(result.status, 255)
