"""``python -m cosim.judge``: compare random programs on QEMU with the golden model."""

import argparse
import sys
from collections import Counter

from cosim.errors import UserError
from cosim.judge.compare import judge
from cosim.judge.numbers import judge_numbers
from cosim.judge.qemu import qemu_missing

__all__ = ["main"]


def main() -> int:
    """Exit status 0 if QEMU agrees but for the known rules, 1 if it does not, 2 if it cannot be asked."""
    parser = argparse.ArgumentParser(prog="python -m cosim.judge", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="first seed (default 1)")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds (default 1)")
    parser.add_argument("--timeout", type=float, default=60, help="seconds of QEMU per seed (default 60)")
    parser.add_argument(
        "--numbers", action="store_true", help="instead: which exception each CSR number raises in each mode"
    )
    arguments = parser.parse_args()
    if arguments.seeds < 1 or arguments.seed < 0 or arguments.timeout <= 0:
        parser.error("--seeds and --timeout must be positive, --seed not negative")
    if why := qemu_missing():
        print(why, file=sys.stderr)
        return 2
    return _numbers(arguments.timeout) if arguments.numbers else _programs(arguments)


def _numbers(timeout: float) -> int:
    answers = judge_numbers(timeout)
    print(f"{answers.compared} accesses compared; {answers.allowed} differ as rules allow")
    print(*answers.differences, sep="\n", end="\n" if answers.differences else "")
    return 1 if answers.differences else 0


def _programs(arguments: argparse.Namespace) -> int:
    used: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    cut_short: Counter[str] = Counter()
    traps = instructions = 0
    failed = []
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        try:
            verdict = judge(seed, arguments.timeout)
        except UserError as error:
            print(error)
            failed.append(seed)
            continue
        traps, instructions = traps + verdict.traps, instructions + verdict.instructions
        used.update(verdict.used)
        left_out.update(verdict.left_out)
        cut_short.update([verdict.cut_short] if verdict.cut_short else [])
        if verdict.differences:
            failed.append(seed)
            print("\n  ".join([f"seed {seed}:", *verdict.differences]), flush=True)
    print(f"{traps} traps of {instructions} instructions compared; differing seeds: {failed or 'none'}")
    for name, count in used.most_common():
        print(f"  {count:6} differences explained by {name}")
    for name, count in left_out.most_common():
        print(f"  {count:6} units left out because of {name}")
    for name, count in cut_short.most_common():
        print(f"  {count:6} programs cut short because of {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
