"""``bivisor suite``: every ELF file of a folder on the bare machine."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cosim.build import Variant
from cosim.cli.terminal import built, output
from cosim.errors import UserError
from cosim.job import BARE_MEMORY, parse_size
from cosim.suite import Rules, find_programs, run_suite

__all__ = ["suite"]


def suite(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of ELF files")],
    jobs: Annotated[int, typer.Option(help="programs at a time; 0 means one per processor")] = 0,
    signature: Annotated[
        bool, typer.Option("--signature", help="write DIR/NAME.signature for each program")
    ] = False,
    signature_dir: Annotated[Path | None, typer.Option(help="write the signatures there")] = None,
    mem: Annotated[str | None, typer.Option(help="memory of the machine (256M)")] = None,
    mem_latency: Annotated[int, typer.Option(help="cycles from an address to its first data, less one")] = 1,
    max_cycles: Annotated[int, typer.Option(help="stop each program there")] = 50_000_000,
    until: Annotated[
        str | None, typer.Option(help="a program that has printed this is done, and has passed")
    ] = None,
    fail_on: Annotated[
        list[str] | None, typer.Option(help="a program that prints this has failed; repeatable")
    ] = None,
    lockstep: Annotated[
        bool, typer.Option("--lockstep", help="compare every instruction with the golden model")
    ] = False,
    logs: Annotated[Path | None, typer.Option(help="write there what each program printed")] = None,
) -> int:
    """Run every ELF file of DIR bare, in M mode with tohost, and print pass or fail for each.

    The exit status is 0 if all passed, else 1.
    """
    paths = find_programs(folder)
    where = signature_dir or (folder if signature else None)
    for path in (where, logs):
        if path is not None and not path.is_dir():
            raise UserError(f"{path}: there is no such folder; make it first")
    simulator = built(Variant.OBSERVE if lockstep else Variant.FAST)
    width = max(len(path.name) for path in paths)
    passed = 0
    texts = tuple(fail_on or ())
    memory = parse_size(mem) if mem else BARE_MEMORY
    rules = Rules(memory, mem_latency, max_cycles, until, texts, where, logs, lockstep)
    for verdict in run_suite(simulator, paths, jobs=jobs or os.cpu_count() or 1, rules=rules):
        word, style = ("FAIL", "red") if verdict.problem else ("pass", "green")
        name = verdict.path.name.ljust(width)
        cycles = f"{verdict.result.cycles:>12,} cycles" if verdict.result else ""
        output.print(word, style=style, end=" ")
        output.print(f"{name} {verdict.problem or cycles}".rstrip(), markup=False, soft_wrap=True)
        if verdict.report:
            output.print(verdict.report, markup=False, soft_wrap=True)
        passed += not verdict.problem
    output.print(f"{passed} of {len(paths)} passed")
    return 0 if passed == len(paths) else 1
