"""``bivisor guest``: builds guests, and says where they are."""

from typing import TYPE_CHECKING, Annotated

import typer

from cosim.cli.terminal import output, working
from cosim.errors import UserError

if TYPE_CHECKING:
    from cosim.guests.linux import LinuxGuest

__all__ = ["guest", "linux_guest"]


def linux_guest(*, rebuild: bool = False) -> "LinuxGuest":
    """The Linux guest: ``image``, ``initrd`` and ``bootargs``; builds it if it is not in the cache."""
    from cosim.guests.linux import build_linux

    with working("building the Linux guest") as report:
        return build_linux(report, rebuild=rebuild)


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
