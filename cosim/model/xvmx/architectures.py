"""Which instructions exist at each mvirt.ARCH (docs/xvmx.md, section 1), and who makes their actions."""

from cosim.model.execute import MAKERS, Maker
from cosim.model.system import SYSTEM_MAKERS
from cosim.model.xvmx.instructions import VMX_MAKERS
from cosim.model.xvmx.intercepts import INTERCEPTING_MAKERS
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.xvmx import Arch

__all__ = ["MAKERS_OF"]

_WITH_H = MAKERS | SYSTEM_MAKERS
_PLAIN = {
    name: maker
    for name, maker in _WITH_H.items()
    if name not in INSTRUCTIONS or INSTRUCTIONS[name].extension != "H"
}

MAKERS_OF: dict[Arch, dict[str, Maker]] = {
    Arch.NONE: _PLAIN,
    Arch.H: _WITH_H,
    Arch.XVMX: _PLAIN | VMX_MAKERS | INTERCEPTING_MAKERS,
}
"""Makers by instruction name; a name that is missing is an illegal instruction."""
