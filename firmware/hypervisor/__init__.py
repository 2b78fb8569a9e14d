"""The thin hypervisor in HS mode. `arch` is its view of the hardware, `exits` its heart.

It is of type 1; `host` makes it a hosted one, and with `el2.lowvisor` a split one.
"""

import sys

from firmware.bootinfo import HYPERVISOR_BASE
from firmware.hypervisor import arch
from firmware.hypervisor.ending import broken
from firmware.hypervisor.exits import exit_fast, exit_slow
from firmware.hypervisor.host import host_interrupt, serve
from firmware.hypervisor.main import start
from firmware.hypervisor.options import ARCH, DESIGN, HOSTED, SHADOW
from firmware.lang import Image, module_asm

__all__ = ["image"]

if HOSTED:
    module_asm(arch.hosted_code(start, serve, host_interrupt, broken))
else:
    module_asm(arch.code(start, exit_fast, exit_slow, broken))

image = Image(
    entry="hypervisor_start",
    base=HYPERVISOR_BASE,
    stack=4096 if HOSTED else 2048,
    modules=[sys.modules[__name__]],
    functions=[start, serve] if HOSTED else [start, exit_fast, exit_slow],
    name=f"hypervisor-{ARCH}{'-shadow' if SHADOW else ''}{'' if DESIGN == 'type1' else f'-{DESIGN}'}",
)
