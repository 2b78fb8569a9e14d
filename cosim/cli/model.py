"""``bivisor model``: a program on the golden model, instruction by instruction."""

from pathlib import Path
from typing import Annotated

import typer

from cosim.elf import read_elf

__all__ = ["model"]


def model(
    program: Annotated[Path, typer.Argument(help="ELF file, started in M mode")],
    trace: Annotated[
        bool, typer.Option("--trace", help="print each instruction as Spike's commit log does")
    ] = False,
    max_instructions: Annotated[int, typer.Option(help="stop there")] = 100_000_000,
) -> int:
    """Run PROGRAM on the golden model; the exit status is the program's."""
    from cosim.model import run

    read_elf(program)
    return run(program, trace=trace, max_instructions=max_instructions)
