"""Type checking of expressions: every node gets a type, constants get their value."""

import ast
import builtins
import enum
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import data
from .data import LayoutError, element, is_aggregate, is_scalar, is_struct, offsetof, ptr, sizeof, type_name
from .diagnostics import Diagnostic
from .function import FwFunction
from .integers import INT_TYPES, FixedInt, u8, u64
from .intrinsics import ADDRESS, AMO_TYPES, CSRS, CsrNamespace, Intrinsic, csr_number
from .statics import Static

__all__ = ["ERROR", "LITERAL", "Checked", "ExpressionChecker", "addr_of", "const", "is_int", "is_pointer"]


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


_COMPILE_TIME = (const, sizeof, offsetof, csr_number, len)
_FOLD: dict[type, Callable[..., Any]] = {
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


class _NotConstant(Exception):
    pass


class ExpressionChecker:
    """Types expressions of one function; ``assigned`` is None in unreachable code."""

    def __init__(self, function: FwFunction) -> None:
        self.function = function
        self.parameters, self.result = function.signature
        self.out = Checked(function, self.parameters, self.result)
        self.local_names: set[str] = set()
        self.assigned: set[str] | None = set()

    # --- reporting ---
    def complain(self, node: ast.AST, message: str, hint: str = "") -> Any:
        """Note an error; returns the ERROR type."""
        shift = self.function.column_shift
        self.out.problems.append(Diagnostic.at(self.function.path, node, shift, message, hint))
        return ERROR

    # --- compile-time objects ---
    def lookup(self, node: ast.Name) -> Any:
        """The module-level, enclosing or builtin object of a name."""
        for names in (self.function.names, self.function.python.__globals__, vars(builtins)):
            if node.id in names:
                return names[node.id]
        self.complain(node, f"the name {node.id} is not defined")
        return ERROR

    def evaluate(self, node: ast.expr) -> Any:
        """Evaluate an expression as plain Python over module names."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in self.local_names:
                return self.complain(
                    part, f"{part.id} is a local: only module names are known at compile time"
                )
        code = compile(ast.Expression(node), self.function.path, "eval")
        try:
            return eval(code, self.function.python.__globals__, self.function.names)
        except Exception as error:  # whatever the user's compile-time code raises is the message
            return self.complain(node, f"at compile time: {type(error).__name__}: {error}")

    def constant(self, node: ast.expr) -> Any:
        """The compile-time object of a node; _NotConstant if it has none."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name) and node.id not in self.local_names:
            return self.lookup(node)
        if isinstance(node, ast.Attribute):
            base = self.constant(node.value)
            if base is ERROR or isinstance(base, CsrNamespace | Static | bytes | int):
                raise _NotConstant
            if not hasattr(base, node.attr):
                return self.complain(node, f"{_describe(base)} has no attribute {node.attr}")
            return getattr(base, node.attr)
        if isinstance(node, ast.Subscript):
            base = self.constant(node.value)
            if base is ERROR or isinstance(base, Static | CsrNamespace):
                raise _NotConstant
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if isinstance(base, bytes) and not all(self._is_constant(part) for part in parts):
                raise _NotConstant
            return self.evaluate(node)
        if isinstance(node, ast.Call) and self._is_constant(node.func):
            called = self.constant(node.func)
            if called in _COMPILE_TIME and not (called is len and not self._is_constant(node.args[0])):
                return self.evaluate(node)
        raise _NotConstant

    def _is_constant(self, node: ast.expr) -> bool:
        try:
            self.constant(node)
        except _NotConstant:
            return isinstance(node, ast.UnaryOp | ast.BinOp) and all(
                self._is_constant(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)
            )
        return True

    # --- expressions ---
    def expr(self, node: ast.expr) -> Any:
        """The type of an expression; LITERAL for an integer without a type."""
        try:
            kind = self._constant_type(node, self.constant(node))
        except _NotConstant:
            method = getattr(self, f"_{type(node).__name__}", None)
            if method is None:
                message = f"a {type(node).__name__} expression is not in the language"
                kind = self.complain(node, message)
            else:
                kind = method(node)
        self.out.types[node] = kind
        return kind

    def _constant_type(self, node: ast.expr, value: Any) -> Any:
        if value is ERROR:
            return ERROR
        if isinstance(value, Static):
            self.out.objects[node] = value
            if is_scalar(value._fw_type):
                return self.complain(node, "a scalar static is used through .value")
            return ptr[value._fw_type] if is_struct(value._fw_type) else value._fw_type
        if isinstance(value, FixedInt):
            self.out.consts[node] = value.value
            return type(value)
        if isinstance(value, bool):
            self.out.consts[node] = value
            return bool
        if isinstance(value, enum.Enum) and isinstance(value.value, int):
            value = value.value
        if isinstance(value, int):
            self.out.consts[node] = int(value)
            return LITERAL
        if isinstance(value, bytes):
            self.out.consts[node] = value
            return ptr[u8]
        hint = "call it" if isinstance(value, FwFunction | Intrinsic) else ""
        return self.complain(node, f"{_describe(value)} has no value in firmware", hint)

    def _Name(self, node: ast.Name) -> Any:
        if self.assigned is not None and node.id not in self.assigned:
            return self.complain(node, f"{node.id} may be used before it is assigned")
        kind = self.out.locals.get(node.id, ERROR)
        return ptr[kind] if is_struct(kind) else kind

    def _UnaryOp(self, node: ast.UnaryOp) -> Any:
        kind = self.expr(node.operand)
        if kind is ERROR:
            return ERROR
        if isinstance(node.op, ast.Not):
            self.condition(node.operand)
            if node.operand in self.out.consts:
                self.out.consts[node] = not self.out.consts[node.operand]
            return bool
        if kind is LITERAL and node.operand in self.out.consts:
            self.out.consts[node] = _FOLD[type(node.op)](self.out.consts[node.operand])
            return LITERAL
        if is_int(kind):
            return kind
        return self.complain(node, f"{SYMBOLS[type(node.op)]} of {type_name(kind)}")

    def _BinOp(self, node: ast.BinOp) -> Any:
        left, right = self.expr(node.left), self.expr(node.right)
        return self.binary(node, node.left, left, node.op, node.right, right)

    def binary(
        self, node: ast.AST, left: ast.expr, kind: Any, op: ast.operator, right: ast.expr, other: Any
    ) -> Any:
        """Type of ``left op right`` whose operands have been typed."""
        sign = SYMBOLS.get(type(op), "@")
        if kind is ERROR or other is ERROR:
            return ERROR
        if kind is LITERAL and other is LITERAL:
            return self._fold(node, left, op, right)
        if (
            (is_pointer(kind) or element(kind))
            and isinstance(op, ast.Add | ast.Sub)
            and is_scalar(element(kind))
        ):
            self.index(right)
            return ptr[element(kind)]
        if is_pointer(kind) and isinstance(op, ast.Add | ast.Sub):
            self.index(right)
            return kind
        if kind is bool and other is bool and isinstance(op, BITWISE):
            return bool
        if isinstance(op, ast.Div | ast.FloorDiv | ast.Mod | ast.Pow | ast.MatMult):
            hint = {ast.FloorDiv: "use divu or div", ast.Mod: "use remu or rem"}.get(type(op), "")
            return self.complain(node, f"{sign} is not in the language", hint)
        return self.unify(node, left, kind, sign, right, other, isinstance(op, BITWISE))

    def unify(
        self, node: ast.AST, left: ast.expr, kind: Any, sign: str, right: ast.expr, other: Any, bitwise: bool
    ) -> Any:
        """The one integer type of two operands, literals taking the other's."""
        if is_int(kind) and other is LITERAL:
            return self.literal(right, kind, bitwise)
        if is_int(other) and kind is LITERAL:
            return self.literal(left, other, bitwise)
        if is_int(kind) and kind is other:
            return kind
        message = f"{type_name(kind)} {sign} {type_name(other)}"
        if is_int(kind) and is_int(other):
            source = ast.unparse(right)
            hint = f"convert one of them, for example {type_name(kind)}({source})"
            return self.complain(node, f"{message}: the operands have different types", hint)
        return self.complain(node, f"{message} is not defined", "convert to an integer type")

    def _fold(self, node: ast.AST, left: ast.expr, op: ast.AST, right: ast.expr) -> Any:
        consts = self.out.consts
        if left not in consts or right not in consts:
            return self.complain(node, "the operands have no type", "give one a type, for example u64(1)")
        a, b = consts[left], consts[right]
        if isinstance(op, ast.LShift | ast.Pow) and b > 4096:
            return self.complain(node, "the constant is too large")
        try:
            consts[node] = _FOLD[type(op)](a, b)
        except (KeyError, ValueError, ZeroDivisionError) as error:
            return self.complain(node, f"at compile time: {error}")
        return LITERAL if isinstance(consts[node], int) else self.complain(node, "not an integer")

    def literal(self, node: ast.expr, kind: Any, bitwise: bool = False) -> Any:
        """Give an untyped constant (or a choice between such) a type."""
        if isinstance(node, ast.IfExp) and node not in self.out.consts:
            for arm in (node.body, node.orelse):
                if self.out.types.get(arm) is LITERAL:
                    self.literal(arm, kind, bitwise)
        else:
            value = self.out.consts[node]
            if not kind.fits(value, bitwise):
                shown = f"{value:#x}" if abs(value) > 9 else str(value)
                return self.complain(node, f"{shown} does not fit {type_name(kind)}")
            self.out.consts[node] = kind(value).value
        self.out.types[node] = kind
        return kind

    def _Compare(self, node: ast.Compare) -> Any:
        if len(node.ops) > 1:
            return self.complain(node, "comparisons do not chain", "join two with and")
        left, right, op = node.left, node.comparators[0], node.ops[0]
        kind, other = self.expr(left), self.expr(right)
        if type(op) not in _FOLD:
            return self.complain(node, "is and in are not in the language", "use == or !=")
        if kind is ERROR or other is ERROR:
            return ERROR
        if kind is LITERAL and other is LITERAL:
            self._fold(node, left, op, right)
            return bool
        if kind is other and (kind is bool or is_pointer(kind)):
            if not isinstance(op, ast.Eq | ast.NotEq):
                return self.complain(node, f"{type_name(kind)} has no order", "compare integers")
            return bool
        unified = self.unify(node, left, kind, SYMBOLS[type(op)], right, other, False)
        return ERROR if unified is ERROR else bool

    def _BoolOp(self, node: ast.BoolOp) -> Any:
        for value in node.values:
            self.expr(value)
            self.condition(value)
        values = [self.out.consts.get(value) for value in node.values]
        if None not in values:
            self.out.consts[node] = all(values) if isinstance(node.op, ast.And) else any(values)
        return bool

    def _IfExp(self, node: ast.IfExp) -> Any:
        self.expr(node.test)
        self.condition(node.test)
        kinds = {arm: self.expr(arm) for arm in (node.body, node.orelse)}
        if ERROR in kinds.values():
            return ERROR
        typed = [kind for kind in kinds.values() if kind is not LITERAL]
        if not typed:
            return LITERAL
        kind = ptr[element(typed[0])] if not is_scalar(typed[0]) and element(typed[0]) else typed[0]
        for arm in kinds:
            self.coerce(arm, kind)
        return kind

    def _Attribute(self, node: ast.Attribute) -> Any:
        base: Any = None
        if self._is_constant(node.value):
            base = self.constant(node.value)
        if isinstance(base, CsrNamespace):
            return self.csr_name(node)
        if isinstance(base, Static) and is_scalar(base._fw_type):
            self.out.objects[node.value] = base
            if node.attr != "value":
                return self.complain(node, f"a {type_name(base._fw_type)} static has .value only")
            return base._fw_type
        kind = self.expr(node.value)
        if kind is ERROR:
            return ERROR
        if not (is_pointer(kind) and is_struct(kind.TARGET)):
            return self.complain(node, f"{type_name(kind)} has no fields")
        try:
            found = data.field_of(kind.TARGET, node.attr)[1]
        except LayoutError as error:
            hint = f"its fields are {', '.join(data.fields_of(kind.TARGET))}"
            return self.complain(node, str(error), hint)
        return ptr[found] if is_struct(found) else found

    def csr_name(self, node: ast.Attribute, write: bool = False) -> Any:
        """Check a ``csr.NAME``."""
        if node.attr not in CSRS:
            return self.complain(node, f"there is no CSR {node.attr}")
        if write and CSRS[node.attr].read_only:
            return self.complain(node, f"{node.attr} is read-only")
        self.out.objects[node] = CSRS[node.attr]
        return u64

    def _Subscript(self, node: ast.Subscript) -> Any:
        kind = self.expr(node.value)
        inner = element(kind)
        if inner is None:
            self.expr(node.slice)
            return ERROR if kind is ERROR else self.complain(node, f"{type_name(kind)} has no elements")
        self.index(node.slice)
        position = self.out.consts.get(node.slice)
        if is_aggregate(kind) and position is not None and position >= kind.LENGTH:
            return self.complain(node.slice, f"index {position} is outside {type_name(kind)}")
        return ptr[inner] if is_struct(inner) else inner

    def index(self, node: ast.expr) -> None:
        """Check an index or a pointer offset: any integer."""
        kind = self.out.types[node] if node in self.out.types else self.expr(node)
        if kind is LITERAL:
            self.literal(node, u64)
        elif kind is not ERROR and not is_int(kind):
            self.complain(node, f"an index is an integer, not {type_name(kind)}")

    # --- calls ---
    def _Call(self, node: ast.Call) -> Any:
        if node.keywords:
            return self.complain(node, "arguments are positional in the language")
        if not self._is_constant(node.func):
            return self.complain(node.func, "only functions known at compile time can be called")
        called = self.constant(node.func)
        if called is ERROR:
            return ERROR
        self.out.objects[node.func] = called
        if isinstance(called, FwFunction):
            return self._call_function(node, called)
        if isinstance(called, Intrinsic):
            return self._call_intrinsic(node, called)
        if is_int(called) or is_pointer(called):
            return self._convert(node, called)
        if called is addr_of:
            return self._address_of(node)
        if called is len and len(node.args) == 1:
            kind = self.expr(node.args[0])
            if is_aggregate(kind) and not is_struct(kind):
                self.out.consts[node] = kind.LENGTH
                return LITERAL
            return ERROR if kind is ERROR else self.complain(node, f"{type_name(kind)} has no length")
        hints = {bool: "compare: x != 0", range: "only for loops iterate over range"}
        hint = hints.get(called, "decorate it with @fw, or wrap compile-time code in const(...)")
        return self.complain(node.func, f"{_describe(called)} cannot be called in firmware", hint)

    def arguments(self, node: ast.Call, name: str, kinds: tuple[Any, ...]) -> bool:
        """Check the number and the types of arguments."""
        for argument in node.args:
            self.expr(argument)
        if len(node.args) != len(kinds):
            self.complain(node, f"{name} takes {len(kinds)} arguments, not {len(node.args)}")
            return False
        for argument, kind in zip(node.args, kinds, strict=True):
            if kind is ADDRESS:
                given = self.out.types[argument]
                if given is LITERAL:
                    self.literal(argument, u64)
                elif given not in (ERROR, u64) and element(given) is None:
                    self.complain(argument, f"an address is a u64 or a pointer, not {type_name(given)}")
            else:
                self.coerce(argument, kind)
        return True

    def _call_function(self, node: ast.Call, called: FwFunction) -> Any:
        parameters, result = called.signature
        self.arguments(node, called.name, tuple(kind for _, kind in parameters))
        return result

    def _call_intrinsic(self, node: ast.Call, called: Intrinsic) -> Any:
        if called.shape == "fixed":
            self.arguments(node, called.name, called.params)
            return called.result
        return getattr(self, f"_shape_{called.shape}")(node, called)

    def _shape_operands(self, node: ast.Call, called: Intrinsic) -> Any:
        if len(node.args) > 2:
            return self.complain(node, f"{called.name} takes at most 2 arguments")
        for argument in node.args:
            if not (isinstance(argument, ast.Constant) and argument.value is None):
                self.expr(argument)
                self.coerce(argument, u64)
        return None

    def _shape_pair(self, node: ast.Call, called: Intrinsic) -> Any:
        if len(node.args) != 2:
            return self.complain(node, f"{called.name} takes 2 arguments, not {len(node.args)}")
        left, right = node.args
        kinds = self.expr(left), self.expr(right)
        if ERROR in kinds:
            return ERROR
        if kinds == (LITERAL, LITERAL):
            return self.complain(node, "the operands have no type", "give one a type, for example u64(1)")
        kind = self.unify(node, left, kinds[0], f"{called.name}", right, kinds[1], False)
        if kind is not ERROR and (called.name in ("div", "rem")) != kind.SIGNED:
            other = {"div": "divu", "rem": "remu", "divu": "div", "remu": "rem"}.get(
                called.name, "mulhu on u64"
            )
            return self.complain(node, f"{called.name} of {type_name(kind)}", f"use {other}")
        return kind

    def _shape_amo(self, node: ast.Call, called: Intrinsic) -> Any:
        count = 1 if called.shape == "lr" else 2
        if len(node.args) != count:
            return self.complain(node, f"{called.name} takes {count} arguments, not {len(node.args)}")
        kind = self.expr(node.args[0])
        for argument in node.args[1:]:
            self.expr(argument)
        if kind is ERROR:
            return ERROR
        if element(kind) not in AMO_TYPES:
            expected = "a pointer to u32, i32, u64 or i64"
            return self.complain(node.args[0], f"{called.name} needs {expected}, not {type_name(kind)}")
        for argument in node.args[1:]:
            self.coerce(argument, element(kind))
        return u64 if called.shape == "sc" else element(kind)

    _shape_lr = _shape_amo
    _shape_sc = _shape_amo

    def _shape_ecall(self, node: ast.Call, called: Intrinsic) -> Any:
        if not 2 <= len(node.args) <= 8:
            return self.complain(node, "ecall takes an extension, a function and up to 6 arguments")
        self.arguments(node, called.name, (u64,) * len(node.args))
        return (u64, u64)

    def _shape_csr(self, node: ast.Call, called: Intrinsic) -> Any:
        name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if len(node.args) != 2 or not isinstance(name, str):
            return self.complain(node, f'{called.name} takes a name and a value: {called.name}("hvip", x)')
        if name not in CSRS or CSRS[name].read_only:
            return self.complain(node.args[0], f"there is no writable CSR {name}")
        self.expr(node.args[1])
        self.coerce(node.args[1], u64, bitwise=True)
        return u64

    def _shape_symbol(self, node: ast.Call, called: Intrinsic) -> Any:
        if len(node.args) != 1 or not isinstance(getattr(node.args[0], "value", None), str):
            return self.complain(node, 'symbol takes a name: symbol("__image_end")')
        return u64

    def _convert(self, node: ast.Call, target: Any) -> Any:
        if len(node.args) != 1:
            return self.complain(node, f"{type_name(target)} takes 1 argument, not {len(node.args)}")
        argument = node.args[0]
        kind = self.expr(argument)
        if kind is ERROR:
            return target
        if kind is LITERAL and argument in self.out.consts:
            if is_int(target):
                self.out.consts[node] = target(self.out.consts[argument]).value
                self.out.types[argument] = target
            else:
                self.literal(argument, u64)
        elif kind is LITERAL:
            self.literal(argument, target if is_int(target) else u64)
        elif is_pointer(target) and not (kind is u64 or element(kind) is not None):
            return self.complain(argument, f"a pointer is made from u64, not {type_name(kind)}")
        elif not (is_scalar(kind) or element(kind) is not None):
            return self.complain(argument, f"{type_name(kind)} has no value to convert")
        return target

    def _address_of(self, node: ast.Call) -> Any:
        if len(node.args) != 1:
            return self.complain(node, f"addr_of takes 1 argument, not {len(node.args)}")
        place = node.args[0]
        if self._is_constant(place) and isinstance(self.constant(place), Static):
            static = self.constant(place)
            self.out.objects[place] = static
            kind = static._fw_type
        else:
            kind = self.expr(place)
            is_csr = place in self.out.objects and not isinstance(self.out.objects[place], Static)
            if not isinstance(place, ast.Attribute | ast.Subscript) or is_csr or place in self.out.consts:
                if kind is ERROR or (is_pointer(kind) and is_struct(kind.TARGET)):
                    return kind
                if element(kind) is None or is_pointer(kind):
                    return self.complain(place, "addr_of needs a static, an element or a field")
        if kind is ERROR:
            return ERROR
        self.out.types[place] = kind
        if is_aggregate(kind) and not is_struct(kind):
            return ptr[kind.ELEMENT]
        if isinstance(place, ast.Attribute | ast.Subscript) and is_pointer(kind) and is_struct(kind.TARGET):
            return kind if self._is_struct_place(place) else ptr[kind]
        return ptr[kind]

    def _is_struct_place(self, node: ast.Attribute | ast.Subscript) -> bool:
        """Whether the place itself is a struct, and not a pointer to one."""
        base = self.out.types.get(node.value)
        if isinstance(node, ast.Subscript):
            return is_struct(element(base))
        return is_pointer(base) and is_struct(data.field_of(base.TARGET, node.attr)[1])

    # --- conversions that need no word in the source ---
    def condition(self, node: ast.expr) -> None:
        """Check that a typed expression is bool."""
        kind = self.out.types[node]
        if kind is not bool and kind is not ERROR:
            hint = f"compare: {ast.unparse(node)} != 0" if is_int(kind) or kind is LITERAL else ""
            self.complain(node, f"a condition is bool, not {type_name(kind)}", hint)

    def coerce(self, node: ast.expr, kind: Any, bitwise: bool = False) -> None:
        """Check that a typed expression can stand where ``kind`` is expected."""
        given = self.out.types[node]
        if given is ERROR or kind is ERROR or given is kind:
            return
        if given is LITERAL and is_int(kind):
            self.literal(node, kind, bitwise)
        elif (
            is_aggregate(given) and kind is not None and not is_aggregate(kind) and self._decays(given, kind)
        ):
            self.out.decays[node] = kind
        else:
            hint = ""
            if is_int(kind) and (is_int(given) or given is bool or is_pointer(given)):
                hint = f"convert: {type_name(kind)}({ast.unparse(node)})"
            shown = "an integer" if given is LITERAL else type_name(given)
            self.complain(node, f"{type_name(kind)} expected, not {shown}", hint)

    def _decays(self, given: Any, kind: Any) -> bool:
        return is_pointer(kind) and element(kind) is element(given)


def _describe(value: Any) -> str:
    name = getattr(value, "__name__", None)
    if isinstance(value, type):
        return f"the type {name}"
    return f"{name}" if name else f"a Python {type(value).__name__}"
