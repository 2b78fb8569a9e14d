"""Registers of the guest that are not plain storage (docs/xvmx.md, sections 5 and 9)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cosim.model.xvmx.boundary import clear_software_interrupt, guest_pending
from rtl.isa.csr_state import S_INTERRUPTS

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["guest_readers", "guest_writers"]


def guest_readers(hart: "Hart") -> dict[str, Callable[[], int]]:
    """What the guest's registers show, where that is not what is stored."""
    value = hart.csrs.value
    return {
        "vsip": lambda: guest_pending(hart),
        "vsie": lambda: value["vsie"],
        "stopei": lambda: _top(hart) << 16 | _top(hart),
    }


def guest_writers(hart: "Hart") -> dict[str, Callable[[int], None]]:
    """What writes of the guest do, where that is not to store."""
    value = hart.csrs.value

    def write_sie(new: int) -> None:
        value["vsie"] = new & S_INTERRUPTS

    return {
        "vsip": lambda new: clear_software_interrupt(hart, new),
        "vsie": write_sie,
        "stopei": lambda _: _claim(hart),
    }


def _top(hart: "Hart") -> int:
    """Identity of the first pending interrupt of the file, 0 for none."""
    pending = hart.vmx.vmcs.interrupt_file
    return (pending & -pending).bit_length() - 1 if pending else 0


def _claim(hart: "Hart") -> None:
    pending = hart.vmx.vmcs.interrupt_file
    hart.vmx.vmcs.interrupt_file = pending & (pending - 1) if pending else 0
