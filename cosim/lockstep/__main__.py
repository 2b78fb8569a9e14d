"""``python -m cosim.lockstep PROGRAM.elf...``: run bare programs on both, instruction by instruction."""

import sys

from cosim.errors import UserError
from cosim.lockstep.compare import Mismatch
from cosim.lockstep.run import run_lockstep


def main() -> int:
    """Exit status 0 if every program agreed to its end, 1 after a mismatch, 2 for a user's error."""
    failed = 0
    for path in sys.argv[1:]:
        try:
            compared = run_lockstep(path)
            print(f"{path}: {compared} instructions agree")
        except Mismatch as mismatch:
            failed = 1
            print(f"{path}: {mismatch}")
        except UserError as error:
            print(error, file=sys.stderr)
            return 2
    return failed


if __name__ == "__main__":
    sys.exit(main())
