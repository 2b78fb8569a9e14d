"""``bivisor guest``: builds guests, and says where they are."""

import importlib.util
from typing import Annotated

import typer

from cosim.cli.terminal import output, working
from cosim.errors import UserError

__all__ = ["guest", "linux_guest"]


def linux_guest(*, rebuild: bool = False):
    """The Linux guest: ``image``, ``initrd`` and ``bootargs``; builds it if it is not in the cache."""
    if importlib.util.find_spec("firmware.guests.linux") is None:
        raise UserError("this checkout has no Linux guest (firmware/guests/linux)")
    from firmware.guests import linux

    with working("building the Linux guest") as report:
        return linux.build(report=report, rebuild=rebuild)


def guest(
    name: Annotated[str, typer.Argument(help="linux, or one of the small guests")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="even if it is in the cache")] = False,
) -> int:
    """Build a guest and print the path of its program, to be run with: bivisor run --guest NAME."""
    from firmware.guests import GUESTS

    if name == "linux":
        output.print(str(linux_guest(rebuild=rebuild).image), markup=False, soft_wrap=True)
        return 0
    if name not in GUESTS:
        raise UserError(f"there is no guest {name!r}: choose linux, {', '.join(GUESTS)}")
    from firmware.images import small_guest

    with working(f"building {name}") as report:
        report(f"building {name}")
        path = small_guest(name)
    output.print(str(path), markup=False, soft_wrap=True)
    return 0
