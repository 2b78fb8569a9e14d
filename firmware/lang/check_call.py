"""Type checking of calls: functions, intrinsics, conversions, addr_of."""

import ast
from typing import Any

from .check_const import describe
from .check_expr import ExpressionChecker
from .checked import ERROR, LITERAL, addr_of, is_int, is_pointer
from .data import element, is_aggregate, is_scalar, is_struct, ptr, type_name
from .function import FwFunction
from .integers import u64
from .intrinsics import ADDRESS, AMO_TYPES, CSRS, Intrinsic
from .statics import Static

__all__ = ["CallChecker"]


class CallChecker(ExpressionChecker):
    """Types calls."""

    def _Call(self, node: ast.Call) -> Any:
        if node.keywords:
            return self.complain(node, "arguments are positional in the language")
        if not self.is_constant(node.func):
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
        return self.complain(node.func, f"{describe(called)} cannot be called in firmware", hint)

    def arguments(self, node: ast.Call, name: str, kinds: tuple[Any, ...]) -> bool:
        """Check the number and the types of arguments."""
        for argument in node.args:
            self.expr(argument)
        if len(node.args) != len(kinds):
            self.complain(node, f"{name} takes {_arguments(len(kinds))}, not {len(node.args)}")
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
            return self.complain(node, f"{called.name} takes {_arguments(count)}, not {len(node.args)}")
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
        if self.is_constant(place) and isinstance(self.constant(place), Static):
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
            return kind if self.is_struct_place(place) else ptr[kind]
        return ptr[kind]


def _arguments(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"
