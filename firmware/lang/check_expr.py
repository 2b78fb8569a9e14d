"""Type checking of expressions: every node gets a type, constants get their value."""

import ast
from typing import Any

from . import data
from .check_const import ConstantChecker, NotConstant
from .checked import BITWISE, ERROR, FOLD, LITERAL, SYMBOLS, is_int, is_pointer
from .data import LayoutError, element, is_aggregate, is_scalar, is_struct, ptr, type_name
from .integers import u64
from .intrinsics import CSRS, CsrNamespace
from .statics import Static

__all__ = ["ExpressionChecker"]


class ExpressionChecker(ConstantChecker):
    """Types the expressions of one function, calls excepted."""

    def expr(self, node: ast.expr) -> Any:
        """The type of an expression; LITERAL for an integer without a type."""
        try:
            kind = self.constant_type(node, self.constant(node))
        except NotConstant:
            method = getattr(self, f"_{type(node).__name__}", None)
            if method is None:
                message = f"a {type(node).__name__} expression is not in the language"
                kind = self.complain(node, message)
            else:
                kind = method(node)
        self.out.types[node] = kind
        return kind

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
            self.out.consts[node] = FOLD[type(node.op)](self.out.consts[node.operand])
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
            consts[node] = FOLD[type(op)](a, b)
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
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.Tuple):
            return self._membership(left, right)
        kind, other = self.expr(left), self.expr(right)
        if type(op) not in FOLD:
            return self.complain(node, "is and in are not in the language", "use ==, !=, or in (1, 2)")
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

    def _membership(self, left: ast.expr, right: ast.Tuple) -> Any:
        kind = self.expr(left)
        for part in right.elts:
            self.expr(part)
            if is_int(kind):
                self.coerce(part, kind)
        if is_int(kind) or kind is ERROR:
            return bool if is_int(kind) else ERROR
        return self.complain(left, f"in compares integers, not {type_name(kind)}")

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
        if self.is_constant(node.value):
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

    def is_struct_place(self, node: ast.Attribute | ast.Subscript) -> bool:
        """Whether the place itself is a struct, and not a pointer to one."""
        base: Any = self.out.types.get(node.value)
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
        if given is ERROR or kind is ERROR or given == kind:
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
