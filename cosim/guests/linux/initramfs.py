"""The kernel's first file system: ``init.c``, compiled with zig's musl, and folders to mount things on."""

from pathlib import Path

from cosim.errors import UserError
from cosim.guests import cpio

__all__ = ["FLAGS", "INIT", "initramfs"]

INIT = Path(__file__).with_name("init.c")

FLAGS = (
    "-target",
    "riscv64-linux-musl",
    "-mcpu=generic_rv64+m+a+c",
    "-mabi=lp64",
    "-static",
    "-Os",
    "-s",
    "-Wall",
    "-Wextra",
    "-Werror",
)
"""Static, soft float, no instruction beyond RV64IMAC: Debian's own programs use floating point."""


def initramfs(folder: Path) -> bytes:
    """The archive. The compiler works in ``folder``, where the program ``init`` stays."""
    from firmware.lang.diagnostics import ImageError
    from firmware.lang.image import run_zig

    try:
        run_zig([*FLAGS, str(INIT), "-o", "init"], str(folder))
    except ImageError as error:
        raise UserError(f"{INIT.name} cannot be compiled: {error}") from None
    return cpio.archive(
        [
            *(cpio.folder(name) for name in ("dev", "proc", "sys", "tmp")),
            cpio.device("dev/console", 5, 1),
            cpio.file("init", (folder / "init").read_bytes()),
        ]
    )
