"""The thin type-1 hypervisor in HS mode. `arch` is its view of the hardware, `exits` its heart."""

import sys

from firmware.bootinfo import HYPERVISOR_BASE
from firmware.hypervisor import arch
from firmware.hypervisor.ending import broken
from firmware.hypervisor.exits import exit_fast, exit_slow
from firmware.hypervisor.main import start
from firmware.hypervisor.options import ARCH, SHADOW
from firmware.lang import Image, module_asm

__all__ = ["image"]

module_asm(arch.code(start, exit_fast, exit_slow, broken))

image = Image(
    entry="hypervisor_start",
    base=HYPERVISOR_BASE,
    stack=2048,
    modules=[sys.modules[__name__]],
    functions=[start, exit_fast, exit_slow],
    name=f"hypervisor-{ARCH}{'-shadow' if SHADOW else ''}",
)
