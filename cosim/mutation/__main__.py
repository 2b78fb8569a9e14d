"""``python -m cosim.mutation``: seed the faults one by one and say what notices each."""

import argparse
import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cosim.errors import UserError
from cosim.mutation.fault import StaleFault
from cosim.mutation.faults import FAULTS
from cosim.mutation.hunt import Outcome, prepare

__all__ = ["main"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cosim.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FAULT", help="only these faults")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--seeds", type=int, default=20, help="random programs for each fault (default 20)")
    parser.add_argument("--random", action="store_true", help="try random programs only")
    parser.add_argument("--json", type=Path, help="keep the outcome in this file")
    arguments = parser.parse_args()
    known = {fault.name for fault in FAULTS}
    for name in arguments.names:
        if name not in known:
            parser.error(f"no fault {name}; --list says which there are")
    if arguments.jobs < 1 or arguments.seeds < 0:
        parser.error("--jobs must be at least 1, --seeds at least 0")
    return arguments


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(box=None)
    for title in ("fault", "what", "noticed by"):
        table.add_column(title, overflow="fold")
    table.add_column("tests tried", justify="right")
    for outcome in outcomes:
        noticed = outcome.detector or "[red]nothing[/red]"
        table.add_row(outcome.fault.name, outcome.fault.what, noticed, str(outcome.tried))
    return table


def main() -> int:
    """Exit status 0 if every fault is noticed, 1 if one survives, 2 if they cannot be tried."""
    arguments = _arguments()
    console = Console()
    wanted = [fault for fault in FAULTS if not arguments.names or fault.name in arguments.names]
    if arguments.list:
        for fault in wanted:
            console.print(f"{fault.name}: {fault.what} ({fault.file})", highlight=False, soft_wrap=True)
        return 0
    outcomes: list[Outcome] = []
    try:
        with tempfile.TemporaryDirectory(prefix="bivisor-mutation-") as name:
            hunt = prepare(Path(name), arguments.seeds, arguments.random)
            with ProcessPoolExecutor(arguments.jobs) as pool:
                runs = [pool.submit(hunt.hunt, fault) for fault in wanted]
                for run in as_completed(runs):
                    outcome = run.result()
                    outcomes.append(outcome)
                    print(
                        f"{outcome.fault.name}: {outcome.detector or 'SURVIVES'}", file=sys.stderr, flush=True
                    )
    except (UserError, StaleFault) as error:
        print(error, file=sys.stderr)
        return 2
    outcomes.sort(key=lambda outcome: wanted.index(outcome.fault))
    console.print(_table(outcomes))
    noticed = sum(outcome.detector is not None for outcome in outcomes)
    console.print(f"{noticed} of {len(outcomes)} faults noticed")
    if arguments.json:
        rows = [{"fault": one.fault.name, "noticed by": one.detector, "tried": one.tried} for one in outcomes]
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if noticed == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
