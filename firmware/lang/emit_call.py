"""LLVM IR of calls: functions, conversions, intrinsics."""

import ast
from typing import Any

from rtl.isa.csrs import CSRS

from .checked import addr_of, is_int
from .data import align_of, element, sizeof
from .emit import llvm_type, passing, passing_type
from .emit_expr import ExpressionEmitter
from .function import FwFunction
from .integers import u64
from .intrinsics import Intrinsic

__all__ = ["CallEmitter"]

_AMO = {
    "amoswap": "xchg",
    "amoadd": "add",
    "amoxor": "xor",
    "amoand": "and",
    "amoor": "or",
    "amomin": "min",
    "amomax": "max",
    "amominu": "umin",
    "amomaxu": "umax",
}


class CallEmitter(ExpressionEmitter):
    """Emits calls."""

    def _Call(self, node: ast.Call) -> str:
        called = self.checked.objects[node.func]
        if isinstance(called, FwFunction):
            return self._call_function(node, called)
        if isinstance(called, Intrinsic):
            return str(getattr(self, f"_shape_{called.shape}")(node, called))
        if called is addr_of:
            place = node.args[0]
            return (
                self.address(place) if isinstance(place, ast.Attribute | ast.Subscript) else self.value(place)
            )
        return self.convert(self.value(node.args[0]), self.kind(node.args[0]), called)

    def _call_function(self, node: ast.Call, called: FwFunction) -> str:
        values = [self.value(argument) for argument in node.args]
        parameters, result = called.signature
        arguments = ", ".join(
            f"{passing_type(kind)} {v}" for (_, kind), v in zip(parameters, values, strict=True)
        )
        call = f'call {passing(result)} @"{self.module.symbols[called]}"({arguments})'
        self.at(node)
        if result is None:
            self.line(call)
            return ""
        return self.let(call)

    def convert(self, value: str, kind: Any, target: Any) -> str:
        """A scalar as another type: extended by the source's sign, or truncated."""
        if not is_int(target):
            return value if not is_int(kind) else self.let(f"inttoptr i64 {value} to ptr")
        if not is_int(kind) and kind is not bool:
            value, kind = self.let(f"ptrtoint ptr {value} to i64"), u64
        width = 1 if kind is bool else kind.WIDTH
        if width == target.WIDTH:
            return value
        name = "trunc" if width > target.WIDTH else "sext" if kind is not bool and kind.SIGNED else "zext"
        return self.let(f"{name} i{width} {value} to i{target.WIDTH}")

    def _as_pointer(self, node: ast.expr) -> str:
        value, kind = self.value(node), self.kind(node)
        return self.let(f"inttoptr i64 {value} to ptr") if is_int(kind) else value

    def _shape_fixed(self, node: ast.Call, called: Intrinsic) -> str:
        if called.asm:
            given = [(self.value(argument), self.kind(argument)) for argument in node.args]
            return self._assembly(called, [self.convert(value, kind, u64) for value, kind in given])
        pointer = self._as_pointer(node.args[0])
        if called.name == "memcpy":
            source, count = self._as_pointer(node.args[1]), self.value(node.args[2])
            symbol = "@llvm.memcpy.p0.p0.i64"
            self.module.declare(symbol, f"declare void {symbol}(ptr, ptr, i64, i1)")
            self.line(f"call void {symbol}(ptr {pointer}, ptr {source}, i64 {count}, i1 false)")
            return ""
        values = [self.value(argument) for argument in node.args[1:]]
        if called.name == "memset":
            self.fill(pointer, values[0], values[1])
            return ""
        kind = called.result or called.params[1]
        access = f"ptr {pointer}, align {sizeof(kind)}"
        if called.result is not None:
            return self.let(f"load volatile {llvm_type(kind)}, {access}")
        self.line(f"store volatile {llvm_type(kind)} {values[0]}, {access}")
        return ""

    def _assembly(self, called: Intrinsic, values: list[str]) -> str:
        inputs = ["r"] * len(values)
        constraints = ",".join((["=r"] if called.result else []) + inputs + ["~{memory}"])
        arguments = ", ".join(f"i64 {value}" for value in values)
        call = f'asm sideeffect "{called.asm}", "{constraints}"({arguments})'
        if called.result is None:
            self.line(f"call void {call}")
            return ""
        got = self.let(f"call i64 {call}")
        return self.convert(got, u64, called.result)

    def _shape_operands(self, node: ast.Call, called: Intrinsic) -> str:
        words, values = ["x0", "x0"], list[str]()
        for number, argument in enumerate(node.args):
            if not (isinstance(argument, ast.Constant) and argument.value is None):
                words[number] = f"${len(values)}"
                values.append(self.value(argument))
        constraints = ",".join(["r"] * len(values) + ["~{memory}"])
        arguments = ", ".join(f"i64 {value}" for value in values)
        self.line(f'call void asm sideeffect "{called.asm.format(*words)}", "{constraints}"({arguments})')
        return ""

    def _shape_pair(self, node: ast.Call, called: Intrinsic) -> str:
        a, b = (self.value(argument) for argument in node.args)
        kind = self.kind(node)
        form, width = llvm_type(kind), kind.WIDTH
        if called.name == "mulhu":
            wide = [self.let(f"zext {form} {value} to i{2 * width}") for value in (a, b)]
            product = self.let(f"mul i{2 * width} {wide[0]}, {wide[1]}")
            high = self.let(f"lshr i{2 * width} {product}, {width}")
            return self.let(f"trunc i{2 * width} {high} to {form}")
        return self._divide(called.name, form, a, b)

    def _divide(self, name: str, form: str, a: str, b: str) -> str:
        """Quotient or remainder; by zero all ones or the dividend, and no trap on overflow."""
        op = {"divu": "udiv", "remu": "urem", "div": "sdiv", "rem": "srem"}[name]
        if b not in ("0", "-1") and b.lstrip("-").isdigit():
            return self.let(f"{op} {form} {a}, {b}")
        zero = self.let(f"icmp eq {form} {b}, 0")
        safe = self.let(f"select i1 {zero}, {form} 1, {form} {b}")
        minus = ""
        if op[0] == "s":
            minus = self.let(f"icmp eq {form} {b}, -1")
            safe = self.let(f"select i1 {minus}, {form} 1, {form} {safe}")
        result = self.let(f"{op} {form} {a}, {safe}")
        if op.endswith("rem"):
            return self.let(f"select i1 {zero}, {form} {a}, {form} {result}")
        if minus:
            negative = self.let(f"sub {form} 0, {a}")
            result = self.let(f"select i1 {minus}, {form} {negative}, {form} {result}")
        return self.let(f"select i1 {zero}, {form} -1, {form} {result}")

    def _shape_amo(self, node: ast.Call, called: Intrinsic) -> str:
        pointer, value = (self.value(argument) for argument in node.args)
        kind = element(self.kind(node.args[0]))
        size = f"align {align_of(kind)}"
        return self.let(
            f"atomicrmw {_AMO[called.name]} ptr {pointer}, {llvm_type(kind)} {value} seq_cst, {size}"
        )

    def _shape_lr(self, node: ast.Call, called: Intrinsic) -> str:
        kind = element(self.kind(node.args[0]))
        pointer = self.value(node.args[0])
        width = "d" if kind.WIDTH == 64 else "w"
        got = self.let(f'call i64 asm sideeffect "lr.{width}.aq $0, ($1)", "=r,r,~{{memory}}"(ptr {pointer})')
        return self.convert(got, u64, kind)

    def _shape_sc(self, node: ast.Call, called: Intrinsic) -> str:
        kind = element(self.kind(node.args[0]))
        pointer, value = (self.value(argument) for argument in node.args)
        width = "d" if kind.WIDTH == 64 else "w"
        value = self.convert(value, kind, u64)
        asm = f'asm sideeffect "sc.{width}.rl $0, $2, ($1)", "=&r,r,r,~{{memory}}"'
        return self.let(f"call i64 {asm}(ptr {pointer}, i64 {value})")

    def _shape_ecall(self, node: ast.Call, called: Intrinsic) -> str:
        values = [self.value(argument) for argument in node.args]
        registers = ["a7", "a6", "a0", "a1", "a2", "a3", "a4", "a5"][: len(values)]
        inputs = "".join(f",{{{register}}}" for register in registers)
        arguments = ", ".join(f"i64 {value}" for value in values)
        constraints = f"={{a0}},={{a1}}{inputs},~{{memory}}"
        return self.let(f'call {{ i64, i64 }} asm sideeffect "ecall", "{constraints}"({arguments})')

    def _shape_csr(self, node: ast.Call, called: Intrinsic) -> str:
        number = CSRS[_text(node.args[0])].number
        value = self.value(node.args[1])
        asm = f'asm sideeffect "{called.asm} $0, {number:#x}, $1", "=r,rK,~{{memory}}"'
        return self.let(f"call i64 {asm}(i64 {value})")

    def _shape_symbol(self, node: ast.Call, called: Intrinsic) -> str:
        name = _text(node.args[0])
        if name not in self.module.symbols.values():
            self.module.declare(name, f'@"{name}" = external global i8')
        return self.let(f'ptrtoint ptr @"{name}" to i64')


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value
