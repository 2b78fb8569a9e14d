"""LLVM IR of expressions. Nothing may be undefined behaviour: no nsw, masked shifts, guarded division."""

import ast
from typing import Any

from rtl.isa.csrs import Csr

from . import data
from .checked import is_pointer
from .data import element, is_aggregate, is_scalar, is_struct, sizeof
from .emit import llvm_type, memory_type
from .emit_block import BlockBuilder
from .statics import Static

__all__ = ["ExpressionEmitter"]

_BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
}
_ORDER = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}


class ExpressionEmitter(BlockBuilder):
    """``value`` emits an expression and returns its operand; ``address`` that of a place."""

    def branch(self, test: ast.expr, then: str, other: str) -> None:
        """Go one way or the other."""
        self.end(f"br i1 {self.value(test)}, label %{then}, label %{other}")

    # --- memory ---
    def load(self, kind: Any, address: str) -> str:
        """Read a scalar from memory."""
        got = self.let(f"load {memory_type(kind)}, ptr {address}, align {sizeof(kind)}")
        return self.let(f"icmp ne i8 {got}, 0") if kind is bool else got

    def store(self, kind: Any, address: str, value: str) -> None:
        """Write a scalar to memory."""
        if kind is bool:
            value = self.let(f"zext i1 {value} to i8")
        self.line(f"store {memory_type(kind)} {value}, ptr {address}, align {sizeof(kind)}")

    def fill(self, address: str, byte: str, count: str, align: int = 1) -> None:
        """Set bytes of memory."""
        symbol = "@llvm.memset.p0.i64"
        self.module.declare(symbol, f"declare void {symbol}(ptr, i8, i64, i1)")
        self.line(f"call void {symbol}(ptr align {align} {address}, i8 {byte}, i64 {count}, i1 false)")

    def address(self, node: ast.expr) -> str:
        """The address of a place."""
        owner = self.checked.objects.get(node)
        if isinstance(owner, Static):
            return self.module.static(owner)
        if isinstance(node, ast.Attribute):
            owner = self.checked.objects.get(node.value)
            if isinstance(owner, Static) and is_scalar(owner._fw_type):
                return self.module.static(owner)
            base = self.value(node.value)
            offset = data.field_of(self.checked.types[node.value].TARGET, node.attr)[0]
            return self.let(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base
        assert isinstance(node, ast.Subscript)
        base = self.value(node.value)
        size = sizeof(element(self.checked.types[node.value]))
        return self.let(f"getelementptr [{size} x i8], ptr {base}, i64 {self.widened(node.slice)}")

    def widened(self, node: ast.expr) -> str:
        """An integer's value in 64 bits."""
        value, kind = self.value(node), self.checked.types[node]
        if kind.WIDTH == 64 or node in self.checked.consts:
            return value
        return self.let(f"{'sext' if kind.SIGNED else 'zext'} {llvm_type(kind)} {value} to i64")

    def _is_aggregate_place(self, node: ast.Attribute | ast.Subscript) -> bool:
        base: Any = self.checked.types.get(node.value)
        if isinstance(node, ast.Subscript):
            return is_aggregate(element(base))
        return (
            is_pointer(base)
            and is_struct(base.TARGET)
            and is_aggregate(data.field_of(base.TARGET, node.attr)[1])
        )

    # --- CSRs ---
    def csr_number(self, node: ast.expr) -> int | None:
        """The number if the node is ``csr.NAME``."""
        found = self.checked.objects.get(node)
        return found.number if isinstance(found, Csr) else None

    def csr_read(self, number: int) -> str:
        """csrr."""
        return self.let(f'call i64 asm sideeffect "csrr $0, {number:#x}", "=r"()')

    def csr_write(self, mnemonic: str, number: int, value: str) -> None:
        """csrw, csrs or csrc; it may change how memory is seen."""
        asm = f'asm sideeffect "{mnemonic} {number:#x}, $0", "rK,~{{memory}}"'
        self.line(f"call void {asm}(i64 {value})")

    # --- expressions ---
    def value(self, node: ast.expr) -> str:
        """Emit an expression; the result is a name or a constant."""
        consts = self.checked.consts
        if node in consts:
            found = consts[node]
            if isinstance(found, bytes):
                return self.module.text_constant(found)
            return str(found).lower() if isinstance(found, bool) else str(found)
        found = self.checked.objects.get(node)
        if isinstance(found, Static):
            return self.module.static(found)
        return str(getattr(self, f"_{type(node).__name__}")(node))

    def _Name(self, node: ast.Name) -> str:
        kind = self.checked.locals[node.id]
        if is_aggregate(kind):
            return f"%{node.id}"
        return self.let(f"load {llvm_type(kind)}, ptr %{node.id}")

    def _Attribute(self, node: ast.Attribute) -> str:
        if (number := self.csr_number(node)) is not None:
            return self.csr_read(number)
        return self._place(node)

    def _place(self, node: ast.Attribute | ast.Subscript) -> str:
        address = self.address(node)
        return address if self._is_aggregate_place(node) else self.load(self.checked.types[node], address)

    def _Subscript(self, node: ast.Subscript) -> str:
        return self._place(node)

    def _UnaryOp(self, node: ast.UnaryOp) -> str:
        value, kind = self.value(node.operand), self.checked.types[node]
        if isinstance(node.op, ast.Not):
            return self.let(f"xor i1 {value}, true")
        if isinstance(node.op, ast.USub):
            return self.let(f"sub {llvm_type(kind)} 0, {value}")
        return value if isinstance(node.op, ast.UAdd) else self.inverse(value, kind)

    def inverse(self, value: str, kind: Any) -> str:
        """All bits flipped."""
        if value.lstrip("-").isdigit():
            return str(kind(~int(value)).value)
        return self.let(f"xor {llvm_type(kind)} {value}, -1")

    def _BinOp(self, node: ast.BinOp) -> str:
        left = self.value(node.left)
        kind = self.kind(node.left)
        if is_pointer(kind) or is_aggregate(kind):
            return self._move_pointer(node.op, element(kind), left, self.widened(node.right))
        return self.binary(node.op, kind, left, self.kind(node.right), self.value(node.right))

    def _move_pointer(self, op: ast.operator, inner: Any, base: str, count: str) -> str:
        if isinstance(op, ast.Sub):
            count = self.let(f"sub i64 0, {count}")
        return self.let(f"getelementptr [{sizeof(inner)} x i8], ptr {base}, i64 {count}")

    def binary(self, op: ast.operator, kind: Any, left: str, other: Any, right: str) -> str:
        """``left op right`` on two computed values."""
        form = llvm_type(kind)
        if is_pointer(kind):
            if other.WIDTH < 64 and right.startswith("%"):
                right = self.let(f"{'sext' if other.SIGNED else 'zext'} {llvm_type(other)} {right} to i64")
            return self._move_pointer(op, kind.TARGET, left, right)
        if isinstance(op, ast.LShift | ast.RShift):
            return self.shift(op, kind, left, right)
        return self.let(f"{_BINARY[type(op)]} {form} {left}, {right}")

    def shift(self, op: ast.operator, kind: Any, left: str, right: str) -> str:
        """A shift, its amount masked to the width."""
        form, mask = llvm_type(kind), kind.WIDTH - 1
        amount = str(int(right) & mask) if right.isdigit() else self.let(f"and {form} {right}, {mask}")
        name = "shl" if isinstance(op, ast.LShift) else "ashr" if kind.SIGNED else "lshr"
        return self.let(f"{name} {form} {left}, {amount}")

    def _Compare(self, node: ast.Compare) -> str:
        left = self.value(node.left)
        kind, op = self.kind(node.left), node.ops[0]
        if isinstance(op, ast.In | ast.NotIn):
            assert isinstance(node.comparators[0], ast.Tuple)
            parts = [self.value(part) for part in node.comparators[0].elts]
            found = "false"
            for part in parts:
                same = self.let(f"icmp eq {llvm_type(kind)} {left}, {part}")
                found = self.let(f"or i1 {found}, {same}")
            return found if isinstance(op, ast.In) else self.let(f"xor i1 {found}, true")
        right = self.value(node.comparators[0])
        if isinstance(op, ast.Eq | ast.NotEq):
            order = "eq" if isinstance(op, ast.Eq) else "ne"
        else:
            order = ("s" if kind.SIGNED else "u") + _ORDER[type(op)]
        return self.let(f"icmp {order} {llvm_type(kind)} {left}, {right}")

    def _BoolOp(self, node: ast.BoolOp) -> str:
        result = self.temporary("i1")
        after = self.label("decided")
        for number, part in enumerate(node.values):
            value = self.value(part)
            self.line(f"store i1 {value}, ptr {result}")
            if number == len(node.values) - 1:
                break
            more = self.label("also")
            ways = (more, after) if isinstance(node.op, ast.And) else (after, more)
            self.end(f"br i1 {value}, label %{ways[0]}, label %{ways[1]}")
            self.begin(more)
        self.begin(after)
        return self.let(f"load i1, ptr {result}")

    def _IfExp(self, node: ast.IfExp) -> str:
        form = llvm_type(self.checked.types[node])
        then, other, after = self.label("then"), self.label("else"), self.label("chosen")
        result = self.temporary(form)
        self.branch(node.test, then, other)
        for label, arm in ((then, node.body), (other, node.orelse)):
            self.begin(label)
            self.line(f"store {form} {self.value(arm)}, ptr {result}")
            self.jump(after)
        self.begin(after)
        return self.let(f"load {form}, ptr {result}")
