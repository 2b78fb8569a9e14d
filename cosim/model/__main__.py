"""``python -m cosim.model PROGRAM.elf [--trace] [--max-instructions N]``: run a program on the model."""

import argparse
import sys
from pathlib import Path

from cosim.errors import UserError
from cosim.model.machine import print_bytes, run

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Command line; the exit status is the program's own, 124 if the limit came first, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m cosim.model", description="Run an ELF on the golden model."
    )
    parser.add_argument("program", type=Path)
    parser.add_argument("--trace", action="store_true", help="commit log in Spike's format on standard error")
    parser.add_argument("--max-instructions", type=int, default=1 << 62, metavar="N")
    parser.add_argument("--mem", type=int, default=128, metavar="MIB")
    options = parser.parse_args(arguments)
    try:
        result = run(
            options.program,
            memory=options.mem << 20,
            limit=options.max_instructions,
            trace=sys.stderr if options.trace else None,
            output=print_bytes,
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    if result.status is None:
        print(f"{options.program} did not end within {result.instructions} instructions", file=sys.stderr)
        return 124
    return result.status if result.status < 256 else 255


if __name__ == "__main__":
    sys.exit(main())
