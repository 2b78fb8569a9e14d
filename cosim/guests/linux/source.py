"""Where the kernel's source and the tools to build it come from: Debian packages, asked for by name."""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cosim.errors import UserError

__all__ = ["CROSS", "SOURCES", "Source", "find_source", "missing_packages", "need_packages", "tool_versions"]

SOURCES = Path("/usr/src")
"""Where Debian's linux-source packages put their archives."""

CROSS = "riscv64-linux-gnu-"
_SERIES = ((6, 12), (6, 1))
"""Kernels that the configuration is for, the preferred one first."""

_TOOLS = {
    f"{CROSS}gcc": "gcc-riscv64-linux-gnu",
    f"{CROSS}ld": "binutils-riscv64-linux-gnu",
    "gcc": "gcc",
    "make": "make",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "perl": "perl",
    "tar": "tar",
    "xz": "xz-utils",
}
"""Programs the build runs, and the packages they are in."""


@dataclass(frozen=True)
class Source:
    """An archive of kernel source: its series (6, 12), and ``identity``, which changes with its content."""

    archive: Path
    series: tuple[int, int]
    identity: str


def _package(series: tuple[int, int]) -> str:
    return f"linux-source-{series[0]}.{series[1]}"


def _archive(series: tuple[int, int]) -> Path:
    return SOURCES / f"{_package(series)}.tar.xz"


def missing_packages() -> list[str]:
    """Debian packages to install before the kernel can be built."""
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    if not any(_archive(series).is_file() for series in _SERIES):
        missing.insert(0, _package(_SERIES[0]))
    return missing


def need_packages() -> None:
    """Refuse, with the one command that helps, if anything is missing."""
    missing = missing_packages()
    if not missing:
        return
    what = "a package that is" if len(missing) == 1 else "packages that are"
    other = f" (or {_package(_SERIES[1])})" if _package(_SERIES[0]) in missing else ""
    raise UserError(
        f"the Linux guest needs {what} not installed{other}; "
        f"install with: apt-get install {' '.join(missing)}"
    )


def find_source() -> Source:
    """The best kernel source there is. `need_packages` has made sure that there is one."""
    series = next(series for series in _SERIES if _archive(series).is_file())
    archive = _archive(series)
    return Source(archive, series, _identity(series, archive))


def _identity(series: tuple[int, int], archive: Path) -> str:
    """The package's version; the archive's own hash, which takes a while, if it came from elsewhere."""
    query = shutil.which("dpkg-query")
    if query:
        command = [query, "-W", "-f", "${Version}", _package(series)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout:
            return done.stdout
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tool_versions() -> tuple[str, ...]:
    """What decides the code that comes out: cross compiler and linker."""
    versions = []
    for tool in (f"{CROSS}gcc", f"{CROSS}ld"):
        done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
        versions.append(done.stdout.split("\n")[0])
    return tuple(versions)
