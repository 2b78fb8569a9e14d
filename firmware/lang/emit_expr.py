"""LLVM IR of expressions. Nothing here may be undefined behaviour: no nsw, masked shifts, guarded division."""

import ast
from typing import Any

from rtl.isa.csrs import CSRS, Csr

from . import data
from .check_expr import Checked, addr_of, is_int, is_pointer
from .data import align_of, element, is_aggregate, is_scalar, is_struct, sizeof
from .emit import ModuleEmitter, llvm_type, memory_type, passing, passing_type
from .function import FwFunction
from .integers import u64
from .intrinsics import Intrinsic
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


class ExpressionEmitter:
    """Lines of one function; ``value`` emits an expression and returns its operand."""

    def __init__(self, module: ModuleEmitter, checked: Checked, scope: int) -> None:
        self.module, self.checked, self.scope = module, checked, scope
        self.function = checked.function
        self.lines: list[str] = []
        self.reserved: list[str] = []
        self.open = True
        self._count = 0
        self._location = 0

    # --- building ---
    def at(self, node: ast.AST) -> None:
        """What follows belongs to this node's line."""
        line = getattr(node, "lineno", self.function.tree.lineno)
        column = getattr(node, "col_offset", 0) + self.function.column_shift + 1
        self._location = self.module.node(
            f"!DILocation(line: {line}, column: {column}, scope: !{self.scope})"
        )

    def line(self, text: str) -> None:
        """An instruction without a result."""
        if not self.open:
            self.begin(self.label("dead"))
        self.lines.append(f"  {text}, !dbg !{self._location}")

    def let(self, text: str) -> str:
        """An instruction with a result; returns its name."""
        self._count += 1
        name = f"%.{self._count}"
        self.line(f"{name} = {text}")
        return name

    def end(self, text: str) -> None:
        """A terminator."""
        self.line(text)
        self.open = False

    def label(self, stem: str) -> str:
        """A new label."""
        self._count += 1
        return f".{stem}.{self._count}"

    def begin(self, label: str) -> None:
        """Start a block; falls through from an open one."""
        if self.open:
            self.jump(label)
        self.lines.append(f"{label}:")
        self.open = True

    def jump(self, label: str) -> None:
        """Go to a block, unless the end of the current one has been emitted."""
        if self.open:
            self.end(f"br label %{label}")

    def branch(self, test: ast.expr, then: str, other: str) -> None:
        """Go one way or the other."""
        self.end(f"br i1 {self.value(test)}, label %{then}, label %{other}")

    def reserve(self, name: str, form: str, align: int | None = None) -> None:
        """A variable in the entry block."""
        self.reserved.append(f"  {name} = alloca {form}" + (f", align {align}" if align else ""))

    def temporary(self, form: str) -> str:
        """An unnamed variable."""
        self._count += 1
        self.reserve(f"%.{self._count}", form)
        return f"%.{self._count}"

    def kind(self, node: ast.expr) -> Any:
        """The type of the node's value."""
        return self.checked.decays.get(node, self.checked.types[node])

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
        base = self.checked.types.get(node.value)
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

    # --- calls ---
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
            values = [(self.value(argument), self.kind(argument)) for argument in node.args]
            return self._assembly(called, [self.convert(value, kind, u64) for value, kind in values])
        values = [self._as_pointer(node.args[0])]
        if called.name == "memcpy":
            values += [self._as_pointer(node.args[1]), self.value(node.args[2])]
            symbol = "@llvm.memcpy.p0.p0.i64"
            self.module.declare(symbol, f"declare void {symbol}(ptr, ptr, i64, i1)")
            to, source, count = values
            self.line(f"call void {symbol}(ptr {to}, ptr {source}, i64 {count}, i1 false)")
            return ""
        values += [self.value(argument) for argument in node.args[1:]]
        if called.name == "memset":
            self.fill(*values)
            return ""
        if called.result is not None:
            form, size = llvm_type(called.result), sizeof(called.result)
            return self.let(f"load volatile {form}, ptr {values[0]}, align {size}")
        form, size = llvm_type(called.params[1]), sizeof(called.params[1])
        self.line(f"store volatile {form} {values[1]}, ptr {values[0]}, align {size}")
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
        words, values = ["x0", "x0"], []
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
        assert isinstance(node.args[0], ast.Constant)
        number = CSRS[node.args[0].value].number
        value = self.value(node.args[1])
        asm = f'asm sideeffect "{called.asm} $0, {number:#x}, $1", "=r,rK,~{{memory}}"'
        return self.let(f"call i64 {asm}(i64 {value})")

    def _shape_symbol(self, node: ast.Call, called: Intrinsic) -> str:
        assert isinstance(node.args[0], ast.Constant)
        name = f'@"{node.args[0].value}"'
        if node.args[0].value not in self.module.symbols.values():
            self.module.declare(name, f"{name} = external global i8")
        return self.let(f"ptrtoint ptr {name} to i64")
