"""Pointers, arrays and structs: types with C layout, and their values under CPython.

A value of an aggregate type is never copied: a struct in memory stands for a pointer to it, an
array for a view of its elements (which decays to a pointer to the first).
"""

import inspect
import re
import sys
from typing import Any, ClassVar

from . import machine as _machine
from .integers import INT_TYPES, FixedInt, u64

__all__ = [
    "Array",
    "LayoutError",
    "Pointer",
    "align_of",
    "array",
    "coerce",
    "element",
    "field_of",
    "fields_of",
    "is_aggregate",
    "is_struct",
    "load",
    "offsetof",
    "ptr",
    "sizeof",
    "store",
    "struct",
    "type_name",
]


class LayoutError(TypeError):
    """A type that cannot stand in memory, or a field that does not exist."""


class Pointer:
    """A pointer value; ``ptr[T]`` are its subclasses. The address is 64 bits wide."""

    __slots__ = ("_address",)
    TARGET: ClassVar[Any]
    _address: int

    def __init__(self, address: object) -> None:
        object.__setattr__(self, "_address", int(u64(address)))

    def __int__(self) -> int:
        return self._address

    def __index__(self) -> int:
        return self._address

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            raise TypeError(f"comparison of {type_name(type(self))} with {type(other).__name__}")
        return self._address == other._address  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self._address)

    def __bool__(self) -> bool:
        raise TypeError("a condition must be bool: compare u64(pointer) with 0")

    def __add__(self, count: object) -> "Pointer":
        return type(self)(self._address + int(count) * sizeof(self.TARGET))  # type: ignore[call-overload]

    def __sub__(self, count: object) -> "Pointer":
        return type(self)(self._address - int(count) * sizeof(self.TARGET))  # type: ignore[call-overload]

    def __getitem__(self, index: object) -> Any:
        return load(self.TARGET, int(self + index))

    def __setitem__(self, index: object, value: object) -> None:
        store(self.TARGET, int(self + index), value)

    def __getattr__(self, name: str) -> Any:
        offset, kind = field_of(self.TARGET, name)
        return load(kind, self._address + offset)

    def __setattr__(self, name: str, value: object) -> None:
        offset, kind = field_of(self.TARGET, name)
        store(kind, self._address + offset, value)

    def __repr__(self) -> str:
        return f"{type_name(type(self))}({self._address:#x})"


class Array:
    """A view of an array in memory; ``array[T, n]`` are its subclasses. Indices are checked."""

    __slots__ = ("_address",)
    ELEMENT: ClassVar[Any]
    LENGTH: ClassVar[int]

    def __init__(self, address: int) -> None:
        self._address = address

    def __len__(self) -> int:
        return self.LENGTH

    def _at(self, index: object) -> int:
        number = int(index)  # type: ignore[call-overload]
        if not 0 <= number < self.LENGTH:
            raise IndexError(f"index {number} is outside {type_name(type(self))}")
        return self._address + number * sizeof(self.ELEMENT)

    def __getitem__(self, index: object) -> Any:
        return load(self.ELEMENT, self._at(index))

    def __setitem__(self, index: object, value: object) -> None:
        store(self.ELEMENT, self._at(index), value)

    def __add__(self, count: object) -> Pointer:
        return ptr[self.ELEMENT](self._address) + count

    def __int__(self) -> int:
        return self._address

    def __repr__(self) -> str:
        return f"{type_name(type(self))} at {self._address:#x}"


class _PointerFamily:
    def __init__(self) -> None:
        self._made: dict[Any, type[Pointer]] = {}

    def __getitem__(self, target: Any) -> Any:
        if not (is_scalar(target) or is_struct(target)):
            hint = "; point to its element" if isinstance(target, type) and issubclass(target, Array) else ""
            raise LayoutError(f"ptr cannot point to {type_name(target)}{hint}")
        if target not in self._made:
            body = {"TARGET": target, "__slots__": ()}
            self._made[target] = type(f"ptr[{type_name(target)}]", (Pointer,), body)
        return self._made[target]


class _ArrayFamily:
    def __init__(self) -> None:
        self._made: dict[Any, type[Array]] = {}

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, tuple) or len(key) != 2 or not isinstance(key[1], int) or key[1] < 1:
            raise LayoutError("array needs an element type and a length of at least 1: array[u64, 32]")
        kind, length = key
        if not (is_scalar(kind) or is_aggregate(kind)):
            raise LayoutError(f"an array cannot hold {type_name(kind)}")
        if key not in self._made:
            body = {"ELEMENT": kind, "LENGTH": length, "__slots__": ()}
            self._made[key] = type(f"array[{type_name(kind)}, {length}]", (Array,), body)
        return self._made[key]


ptr: Any = _PointerFamily()
"""``ptr[T]``: the type of pointers to ``T``."""
array: Any = _ArrayFamily()
"""``array[T, n]``: the type of ``n`` elements in memory."""


def is_scalar(kind: Any) -> bool:
    """Whether a value of the type fits a register."""
    return kind in INT_TYPES or kind is bool or (isinstance(kind, type) and issubclass(kind, Pointer))


def is_struct(kind: Any) -> bool:
    """Whether the type is a ``@struct`` class."""
    return isinstance(kind, type) and "_fw_annotations" in kind.__dict__


def is_aggregate(kind: Any) -> bool:
    """Whether the type is a struct or an array."""
    return is_struct(kind) or (isinstance(kind, type) and issubclass(kind, Array))


def element(kind: Any) -> Any:
    """What subscripting a value of the type gives, or None."""
    if isinstance(kind, type) and issubclass(kind, Array):
        return kind.ELEMENT
    return kind.TARGET if isinstance(kind, type) and issubclass(kind, Pointer) else None


def type_name(kind: Any) -> str:
    """The type as the source writes it."""
    if kind is None or kind is type(None):
        return "None"
    if isinstance(kind, tuple):
        return f"tuple[{', '.join(type_name(part) for part in kind)}]"
    return getattr(kind, "__name__", None) or repr(kind)


def struct(cls: type) -> type:
    """Make a class with annotated fields a struct with C layout."""
    annotations = dict(inspect.get_annotations(cls))
    if not annotations:
        raise LayoutError(f"struct {cls.__name__} has no fields")
    cls._fw_annotations = annotations  # type: ignore[attr-defined]
    cls._fw_layout = None  # type: ignore[attr-defined]
    return cls


def fields_of(kind: Any) -> dict[str, tuple[int, Any]]:
    """Offset (bytes) and type of each field of a struct, in order."""
    if not is_struct(kind):
        raise LayoutError(f"{type_name(kind)} has no fields")
    if kind._fw_layout is None:
        names = {**vars(sys.modules.get(kind.__module__, sys)), kind.__name__: kind}
        layout, offset = {}, 0
        for name, annotation in kind._fw_annotations.items():
            field = eval(annotation, names) if isinstance(annotation, str) else annotation
            if not (is_scalar(field) or is_aggregate(field)) or field is kind:
                raise LayoutError(f"field {name} of {kind.__name__} cannot be {type_name(field)}")
            offset += -offset % align_of(field)
            layout[name] = (offset, field)
            offset += sizeof(field)
        kind._fw_layout = layout
    return kind._fw_layout  # type: ignore[no-any-return]


def field_of(kind: Any, name: str) -> tuple[int, Any]:
    """Offset and type of one field; LayoutError if there is none."""
    fields = fields_of(kind)
    if name not in fields:
        raise LayoutError(f"{type_name(kind)} has no field {name}")
    return fields[name]


def align_of(kind: Any) -> int:
    """Alignment in bytes."""
    if is_struct(kind):
        return max(align_of(field) for _, field in fields_of(kind).values())
    return align_of(kind.ELEMENT) if is_aggregate(kind) else sizeof(kind)


def sizeof(kind: Any) -> int:
    """Size in bytes, padding included."""
    if isinstance(kind, type) and issubclass(kind, FixedInt):
        return kind.WIDTH // 8
    if kind is bool:
        return 1
    if isinstance(kind, type) and issubclass(kind, Pointer):
        return 8
    if isinstance(kind, type) and issubclass(kind, Array):
        return sizeof(kind.ELEMENT) * kind.LENGTH
    offset, last = list(fields_of(kind).values())[-1]
    end = offset + sizeof(last)
    return end + -end % align_of(kind)


def offsetof(kind: Any, path: str) -> int:
    """Offset in bytes of ``"field"``, ``"field.inner"`` or ``"field[3]"`` in a struct."""
    offset = 0
    for name, index in re.findall(r"(\w+)|\[(\w+)\]", path):
        if name and not index:
            step, kind = field_of(kind, name)
            offset += step
        elif is_aggregate(kind) and not is_struct(kind) and int(index, 0) < kind.LENGTH:
            kind = kind.ELEMENT
            offset += int(index, 0) * sizeof(kind)
        else:
            raise LayoutError(f"{type_name(kind)} has no element [{index}]")
    return offset


def load(kind: Any, address: int) -> Any:
    """Read a scalar from the current machine; an aggregate stays where it is."""
    if is_struct(kind):
        return ptr[kind](address)
    if is_aggregate(kind):
        return kind(address)
    value = _machine.current().read(address, sizeof(kind))
    return bool(value) if kind is bool else kind(value)


def store(kind: Any, address: int, value: Any) -> None:
    """Write a scalar to the current machine."""
    if is_aggregate(kind):
        raise TypeError("aggregates are not copied by assignment: use memcpy")
    number = int(coerce(kind, value))
    size = sizeof(kind)
    _machine.current().write(address, size, number & ((1 << 8 * size) - 1))


def coerce(kind: Any, value: Any) -> Any:
    """Make a value that the checker lets pass for the type into one: literals, decay of aggregates."""
    if type(value) is kind or (kind is None and value is None):
        return value
    if isinstance(kind, tuple) and isinstance(value, tuple) and len(kind) == len(value):
        return tuple(coerce(part, item) for part, item in zip(kind, value, strict=True))
    if kind in INT_TYPES and isinstance(value, int) and not isinstance(value, bool):
        return kind.literal(value)
    if (view := getattr(type(value), "_fw_view", None)) is not None:
        return coerce(kind, view(value))
    if isinstance(value, Array) and kind is ptr[value.ELEMENT]:
        return kind(value._address)
    if isinstance(value, bytes) and kind is ptr[INT_TYPES[0]]:
        return kind(_machine.current().text(value))
    raise TypeError(f"{type_name(kind)} expected, not {type_name(type(value))}")
