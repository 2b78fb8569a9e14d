"""The registers of the fake machine, with the WARL rules of ``rtl.isa.csr_state``."""

from collections.abc import Iterator, MutableMapping

from rtl.isa.causes import VS_INTERRUPTS
from rtl.isa.csr_state import (
    PMPADDR_NAPOT_ONES,
    PMPADDR_OFF_ZEROS,
    S_INTERRUPTS,
    CsrState,
    WriteRule,
    csr_states,
)
from rtl.isa.csrs import CSRS
from rtl.isa.paging import PMP_ENTRIES

__all__ = ["CsrFile"]

_ALL = (1 << 64) - 1
_MODES = (0, 8)
_VISIBLE = {
    "sstatus": CSRS["sstatus"].mask() & ~CSRS["sstatus"].mask("UBE", "FS", "VS", "XS", "SD"),
    "hie": CSRS["hie"].mask(),
    "hip": CSRS["hip"].mask(),
}


def _pmp_byte(old: int, new: int) -> int:
    """A byte of pmpcfg: locked ones stay, NA4 becomes OFF, W needs R."""
    if old & 0x80:
        return old
    new &= ~0x18 if new & 0x18 == 0x10 else _ALL
    return new & ~2 if new & 3 == 2 else new


class CsrFile(MutableMapping[str, int]):
    """The registers by name. Writing keeps only what the register can hold (WARL).

    hvip and the pending bits of hip and mip are one, as VS interrupts come from hvip alone here;
    setting mip, sip or hip from a test sets any interrupt bit, as a device would.
    """

    def __init__(self) -> None:
        self._states = csr_states()
        self._values = {name: self._states[name].reset if name in self._states else 0 for name in CSRS}

    def __getitem__(self, name: str) -> int:
        if name == "hvip":
            return self._values["mip"] & VS_INTERRUPTS
        if name.startswith("pmpaddr") and int(name[7:]) < PMP_ENTRIES:
            napot = self._values["pmpcfg0"] >> 8 * int(name[7:]) + 3 & 3 == 3
            stored = self._values[name]
            return stored | PMPADDR_NAPOT_ONES if napot else stored & ~PMPADDR_OFF_ZEROS
        state = self._states.get(name)
        if state is None or state.rule is not WriteRule.VIEW:
            return self._values[name]
        assert state.view is not None
        return (self[state.view] & self._visible(name)) >> (name in ("vsie", "vsip"))

    def _visible(self, name: str) -> int:
        """The bits of the register behind that a view shows."""
        if name in ("sie", "sip"):
            return self._values["mideleg"] & S_INTERRUPTS
        if name in ("vsie", "vsip"):
            return self._values["hideleg"] & VS_INTERRUPTS
        return _VISIBLE[name]

    def __setitem__(self, name: str, value: int) -> None:
        """Set a register as hardware would: also read-only ones, and pending bits of devices."""
        if name in ("mip", "sip", "hip", "hvip", "vsip"):
            self._set_pending(name, value)
        elif name not in self._states or self._states[name].csr.read_only:
            self._values[name] = value & _ALL
        elif self._states[name].rule is WriteRule.VIEW:
            self._set_view(name, value)
        else:
            self._values[name] = self._legal(self._states[name], self._values[name], value & _ALL)

    def _set_pending(self, name: str, value: int) -> None:
        if name == "vsip":
            value <<= 1
        shown = {"mip": CSRS["mip"].mask(), "hvip": VS_INTERRUPTS}.get(name) or self._visible(name)
        self._values["mip"] = self._values["mip"] & ~shown | value & shown

    def _set_view(self, name: str, value: int) -> None:
        behind = self._states[name].view
        assert behind is not None
        shown = self._visible(name) & (_ALL if name == "vsie" else self._states[name].writable)
        value = value << 1 if name == "vsie" else value
        self[behind] = self[behind] & ~shown | value & shown

    @staticmethod
    def _legal(state: CsrState, old: int, value: int) -> int:
        """The value after a write."""
        if state.rule is WriteRule.SATP and value >> 60 not in _MODES:
            return old
        if state.rule is WriteRule.HGATP and value >> 60 not in _MODES:
            value = value & (_ALL >> 4) | old & 0xF << 60
        if state.rule is WriteRule.MSTATUS and value >> 11 & 3 == 2:
            value = value & ~(3 << 11) | old & 3 << 11
        if state.rule is WriteRule.PMPCFG:
            value = sum(_pmp_byte(old >> n & 0xFF, value >> n & 0xFF) << n for n in range(0, 64, 8))
        return value & state.writable | state.fixed

    def __delitem__(self, name: str) -> None:
        raise TypeError("registers cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(CSRS)

    def __len__(self) -> int:
        return len(CSRS)
