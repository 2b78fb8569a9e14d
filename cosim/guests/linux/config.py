"""The kernel's configuration: tinyconfig and the options below.

Chosen for a boot to init in about ten million instructions with 32 MB of memory, on a machine that has no
floating point and one hart, natively and as a guest, from one Image.
"""

import re

from cosim.errors import UserError

__all__ = ["BOOTARGS", "INITRAMFS", "check", "fragment"]

BOOTARGS = "console=hvc0 quiet panic=-1"
"""Kernel arguments: the console is the SBI's (one call per line, where a UART is an exit per byte), no log
of the boot, and a kernel that cannot go on resets instead of staying forever."""

INITRAMFS = "userspace/initramfs.cpio"
"""The archive's place in the folder the kernel is built in: relative, so the Image is the same anywhere."""

_ENABLED = (
    "64BIT",
    "MMU",
    "NONPORTABLE",
    "RISCV_ISA_C",
    "RISCV_SBI",
    # The system and its log.
    "PRINTK",
    "BINFMT_ELF",
    "BLK_DEV_INITRD",
    "DEVTMPFS",
    "DEVTMPFS_MOUNT",
    "PROC_FS",
    "SYSFS",
    # Consoles: SBI and 16550, with either as the early one.
    "TTY",
    "HVC_RISCV_SBI",
    "SERIAL_8250",
    "SERIAL_8250_CONSOLE",
    "SERIAL_OF_PLATFORM",
    "SERIAL_EARLYCON_RISCV_SBI",
    # Power off through the test finisher where there is no SBI SRST.
    "POWER_RESET",
    "POWER_RESET_SYSCON",
    "POWER_RESET_SYSCON_POWEROFF",
    # Without these two a self-test of 8 million instructions runs at boot.
    "CRYPTO",
    "CRYPTO_MANAGER_DISABLE_TESTS",
)
_DISABLED = (
    "FPU",
    "SMP",
    "VT",
    "LEGACY_PTYS",
    # There is no firmware to give EFI's tables.
    "EFI",
    # The archive is not compressed: unpacking would cost more than copying.
    *(f"RD_{name}" for name in ("GZIP", "BZIP2", "LZMA", "XZ", "LZO", "LZ4", "ZSTD")),
)
_SINCE: dict[tuple[int, int], tuple[str, ...]] = {
    # Known to be emulated: without it 107,000 misaligned accesses measure how fast they are.
    (6, 10): ("RISCV_EMULATED_UNALIGNED_ACCESS",),
}
_BEFORE: dict[tuple[int, int], tuple[str, ...]] = {
    # The SBI console was the legacy one until DBCN came.
    (6, 8): ("RISCV_SBI_V01",),
}


def _values(version: tuple[int, int]) -> dict[str, str]:
    """Every option that is decided here, and its value as in a configuration file."""
    enabled = [*_ENABLED]
    for since, names in _SINCE.items():
        enabled += names if version >= since else ()
    for before, names in _BEFORE.items():
        enabled += names if version < before else ()
    values = dict.fromkeys(enabled, "y") | dict.fromkeys(_DISABLED, "n")
    values["INITRAMFS_SOURCE"] = f'"{INITRAMFS}"'
    return values


def fragment(version: tuple[int, int]) -> str:
    """What to append to tinyconfig's ``.config`` for Linux ``version`` (major, minor)."""
    lines = []
    for name, value in _values(version).items():
        lines.append(f"# CONFIG_{name} is not set" if value == "n" else f"CONFIG_{name}={value}")
    return "\n".join(lines) + "\n"


def check(version: tuple[int, int], text: str) -> None:
    """Refuse a finished ``.config`` in which an option is not as decided: Kconfig drops them in silence."""
    found = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.MULTILINE))
    wrong = [name for name, value in _values(version).items() if found.get(name, "n") != value]
    if wrong:
        raise UserError(
            f"Linux {version[0]}.{version[1]} does not take the configuration ({', '.join(wrong)} came out "
            "differently); install linux-source-6.12 or linux-source-6.1"
        )
