"""What type checking is about: the marks, constants and results that its parts share."""

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import data
from .diagnostics import Diagnostic
from .function import FwFunction
from .integers import INT_TYPES
from .statics import Static

__all__ = [
    "BITWISE",
    "ERROR",
    "FOLD",
    "LITERAL",
    "SYMBOLS",
    "Checked",
    "addr_of",
    "const",
    "is_int",
    "is_pointer",
]


class _Mark:
    def __init__(self, name: str) -> None:
        self.__name__ = name


LITERAL = _Mark("literal")
"""Type of an integer whose type is not known yet."""
ERROR = _Mark("error")
"""Type of an expression that has been complained about."""


def const(value: Any) -> Any:
    """A compile-time value: any Python expression over module names."""
    return value


def addr_of(place: Any) -> Any:
    """A pointer to a static, an element or a field (within firmware functions)."""
    return place._fw_view() if isinstance(place, Static) else place


FOLD: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
SYMBOLS: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.USub: "-",
    ast.UAdd: "+",
    ast.Invert: "~",
}
BITWISE = (ast.BitAnd, ast.BitOr, ast.BitXor)


def is_int(kind: Any) -> bool:
    """Whether the type is a fixed-width integer."""
    return kind in INT_TYPES


def is_pointer(kind: Any) -> bool:
    """Whether the type is a ``ptr``."""
    return isinstance(kind, type) and issubclass(kind, data.Pointer)


@dataclass
class Checked:
    """What the checker found out about a function."""

    function: FwFunction
    parameters: list[tuple[str, Any]]
    result: Any
    locals: dict[str, Any] = field(default_factory=dict)
    types: dict[ast.AST, Any] = field(default_factory=dict)
    consts: dict[ast.AST, Any] = field(default_factory=dict)
    objects: dict[ast.AST, Any] = field(default_factory=dict)
    decays: dict[ast.AST, Any] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)

    def used(self, kind: type) -> list[Any]:
        """The functions or statics that the function uses, in the order of the source."""
        return list(dict.fromkeys(item for item in self.objects.values() if isinstance(item, kind)))
