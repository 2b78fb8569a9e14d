"""Static data: objects at fixed addresses, made at module level."""

import sys
from typing import Any

from . import data
from .data import LayoutError, align_of, is_aggregate, is_scalar, is_struct, ptr, sizeof, type_name
from .machine import Machine
from .mentions import MENTIONS

__all__ = ["Static", "static"]


def encode(kind: Any, value: Any) -> bytes:
    """The bytes of an initial value: int, bool, bytes, a list, a dict of fields, or None for zero."""
    if value is None:
        return bytes(sizeof(kind))
    if is_struct(kind):
        content = bytearray(sizeof(kind))
        for name, item in dict(value).items():
            offset, field = data.field_of(kind, name)
            content[offset : offset + sizeof(field)] = encode(field, item)
        return bytes(content)
    if is_aggregate(kind):
        items = list(value)
        if len(items) > kind.LENGTH:
            raise LayoutError(f"{len(items)} values do not fit {type_name(kind)}")
        content_list = [encode(kind.ELEMENT, item) for item in items]
        return b"".join(content_list).ljust(sizeof(kind), b"\0")
    number = int(data.coerce(kind, value))
    return (number & ((1 << 8 * sizeof(kind)) - 1)).to_bytes(sizeof(kind), "little")


class Static:
    """A static object. A struct or an array is used by its name, a scalar through ``.value``."""

    def __init__(self, kind: Any, init: Any, align: int, section: str | None, const: bool) -> None:
        own = {
            "_fw_type": kind,
            "_fw_bytes": encode(kind, init),
            "_fw_align": align,
            "_fw_section": section,
            "_fw_const": const,
            "_fw_address": None,
            "_fw_name": None,
            "_fw_module": "",
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def _fw_view(self) -> Any:
        """The object in the current machine: a pointer, an array view, or a scalar's pointer."""
        if self._fw_address is None:
            object.__setattr__(self, "_fw_address", Machine.place(self._fw_bytes, self._fw_align))
        kind = self._fw_type
        return ptr[kind](self._fw_address) if is_scalar(kind) or is_struct(kind) else kind(self._fw_address)

    def _fw_symbol(self) -> tuple[str, str]:
        """Module and name: the module-level variable that holds the object."""
        if self._fw_name is None:
            for name, value in vars(sys.modules[self._fw_module]).items():
                if value is self:
                    object.__setattr__(self, "_fw_name", name)
                    break
            else:
                raise LayoutError("a static must be the value of a module-level name before it is used")
        return self._fw_module, self._fw_name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "value" and is_scalar(self._fw_type):
            return self._fw_view()[0]
        return getattr(self._fw_view(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "value" and is_scalar(self._fw_type):
            self._fw_view()[0] = value
        else:
            setattr(self._fw_view(), name, value)

    def __getitem__(self, index: object) -> Any:
        return self._fw_view()[index]

    def __setitem__(self, index: object, value: Any) -> None:
        self._fw_view()[index] = value

    def __len__(self) -> int:
        return len(self._fw_view())

    def __int__(self) -> int:
        return int(self._fw_view())

    def __str__(self) -> str:
        """The symbol, for module_asm; naming an object there exports it."""
        MENTIONS.append(self)
        return self._fw_symbol()[1]


def static(
    kind: Any, init: Any = None, align: int | None = None, section: str | None = None, const: bool = False
) -> Any:
    """Make a static object of a type, zeroed or with an initial value; ``const`` puts it in .rodata."""
    if not (is_scalar(kind) or is_aggregate(kind)):
        raise LayoutError(f"a static cannot be {type_name(kind)}")
    made = Static(kind, init, align or align_of(kind), section, const)
    object.__setattr__(made, "_fw_module", sys._getframe(1).f_globals["__name__"])
    return made
