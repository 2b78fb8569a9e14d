"""Runs a firmware function under CPython: its source with literals typed and places made explicit.

The checked types make both worlds agree: every literal becomes a value of the type the checker gave
it, ``csr.x |= m`` one step, ``addr_of`` an address, and local aggregates memory on the fake machine.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

from rtl.isa.csrs import Csr

from . import data
from .check import checked
from .checked import LITERAL, Checked, addr_of
from .data import is_aggregate, is_scalar, is_struct, ptr
from .function import FwFunction
from .integers import u8
from .intrinsics import INTRINSICS
from .machine import current
from .statics import Static

__all__ = ["prepare"]


def prepare(function: FwFunction) -> Callable[..., Any]:
    """The Python function to call; CompileError if the source is wrong."""
    found = checked(function)
    rewriter = _Rewriter(found)
    tree = rewriter.function()
    cells = function.names
    maker = ast.FunctionDef(
        name="__fw_maker",
        args=ast.arguments(
            posonlyargs=[],
            args=[ast.arg(arg=name) for name in ["__fw", *cells]],
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[],
        ),
        body=[tree, ast.Return(ast.Name(tree.name, ast.Load()))],
        decorator_list=[],
    )
    module = ast.Module([maker], [])
    ast.fix_missing_locations(module)
    names: dict[str, Any] = {}
    exec(compile(module, function.path, "exec"), function.python.__globals__, names)
    made: Callable[..., Any] = names["__fw_maker"](_Runtime(rewriter.values), *cells.values())
    return made


class _Runtime:
    """What rewritten code refers to as ``__fw``."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values
        self.coerce = data.coerce
        self.set_csr = INTRINSICS["csr_read_set"]
        self.clear_csr = INTRINSICS["csr_read_clear"]

    @staticmethod
    def view(static: Static) -> Any:
        return static._fw_view()

    @staticmethod
    def text(content: bytes) -> Any:
        return ptr[u8](current().text(content))

    @staticmethod
    def local(kind: Any) -> Any:
        return data.load(kind, current().push(data.sizeof(kind)))

    @staticmethod
    def count(kind: Any, start: Any, stop: Any, step: int) -> Iterator[Any]:
        return (kind(number) for number in range(int(start), int(stop), step))

    @staticmethod
    def field(base: Any, name: str) -> Any:
        view = base._fw_view() if not isinstance(base, data.Pointer) else base
        if name == "value" and not is_struct(type(view).TARGET):
            return view
        offset, kind = data.field_of(view.TARGET, name)
        return _point(kind, int(view) + offset)

    @staticmethod
    def item(base: Any, index: Any) -> Any:
        view = base._fw_view() if hasattr(type(base), "_fw_view") else base
        kind = data.element(type(view))
        address = view._at(index) if isinstance(view, data.Array) else int(view + index)
        return _point(kind, address)

    @staticmethod
    def whole(static: Any) -> Any:
        view = static._fw_view() if hasattr(type(static), "_fw_view") else static
        return _point(type(view), int(view)) if is_aggregate(type(view)) else view


def _point(kind: Any, address: int) -> Any:
    inner = kind.ELEMENT if is_aggregate(kind) and not is_struct(kind) else kind
    return ptr[inner](address)


class _Rewriter(ast.NodeTransformer):
    """Rewrites a copy of the tree; nodes are looked up in the checker's results by position."""

    def __init__(self, found: Checked) -> None:
        self.found = found
        self.values: list[Any] = []

    def function(self) -> ast.FunctionDef:
        source = self.found.function.tree
        body = [self.visit(statement) for statement in source.body]
        return ast.FunctionDef(
            name=source.name,
            args=ast.arguments(
                posonlyargs=[],
                args=[ast.arg(arg=argument.arg) for argument in source.args.args],
                kwonlyargs=[],
                kw_defaults=[],
                defaults=[],
            ),
            body=body,
            decorator_list=[],
            lineno=source.lineno,
            col_offset=source.col_offset,
            end_lineno=source.end_lineno,
            end_col_offset=source.end_col_offset,
        )

    def helper(self, at: ast.AST, name: str, *arguments: ast.expr) -> ast.expr:
        """``__fw.name(arguments)``."""
        called = ast.Attribute(ast.Name("__fw", ast.Load()), name, ast.Load())
        return ast.fix_missing_locations(ast.copy_location(ast.Call(called, list(arguments), []), at))

    def held(self, at: ast.AST, value: Any) -> ast.expr:
        """A reference to a value of the checker's."""
        self.values.append(value)
        where = ast.Attribute(ast.Name("__fw", ast.Load()), "values", ast.Load())
        item = ast.Subscript(where, ast.Constant(len(self.values) - 1), ast.Load())
        return ast.fix_missing_locations(ast.copy_location(item, at))

    def visit(self, node: ast.AST) -> Any:
        made = self._visit(node)
        if node in self.found.decays and isinstance(node, ast.expr):
            return self.helper(node, "coerce", self.held(node, self.found.decays[node]), made)
        return made

    def _visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.pattern):
            return node
        if isinstance(node, ast.expr) and node in self.found.consts:
            kind, value = self.found.types[node], self.found.consts[node]
            if isinstance(value, bytes):
                return self.helper(node, "text", ast.Constant(value))
            if kind is LITERAL or isinstance(value, bool):
                return ast.copy_location(ast.Constant(value), node)
            return self.held(node, kind(value))
        static = self.found.objects.get(node)
        if isinstance(static, Static) and not is_scalar(static._fw_type):
            return self.helper(node, "view", self.held(node, static))
        method = getattr(self, f"visit_{type(node).__name__}", None)
        if method is not None:
            return method(node)
        return self.generic_visit(copy.copy(node))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(node, name, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
        return node

    def visit_If(self, node: ast.If) -> Any:
        if node.test not in self.found.consts:
            return self.generic_visit(copy.copy(node))
        taken = node.body if self.found.consts[node.test] else node.orelse
        body = [self.visit(statement) for statement in taken] or [ast.Pass()]
        return ast.copy_location(ast.If(ast.Constant(True), body, []), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        assert isinstance(node.target, ast.Name)
        kind = self.found.locals[node.target.id]
        if is_aggregate(kind):
            value = self.helper(node, "local", self.held(node, kind))
        elif node.value is None:
            return ast.copy_location(ast.Pass(), node)
        else:
            value = self.visit(node.value)
        return ast.copy_location(ast.Assign([node.target], value), node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        made = copy.copy(node)
        kind = self.found.objects.get(node.value.func) if isinstance(node.value, ast.Call) else None
        if is_aggregate(kind):
            made.value = self.helper(node, "local", self.held(node, kind))
            return made
        return self.generic_visit(made)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        register = self.found.objects.get(node.target)
        if isinstance(register, Csr) and isinstance(node.op, ast.BitOr | ast.BitAnd):
            value, name = self.visit(node.value), "set_csr"
            if isinstance(node.op, ast.BitAnd):
                value, name = ast.UnaryOp(ast.Invert(), value), "clear_csr"
            call = self.helper(node, name, ast.Constant(register.name), value)
            return ast.copy_location(ast.Expr(call), node)
        return self.generic_visit(copy.copy(node))

    def visit_For(self, node: ast.For) -> Any:
        assert isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name)
        made = copy.copy(node)
        bounds = [self.visit(bound) for bound in node.iter.args[:2]]
        if len(bounds) == 1:
            bounds.insert(0, ast.Constant(0))
        step = self.found.consts[node.iter.args[2]] if len(node.iter.args) == 3 else 1
        kind = self.held(node, self.found.locals[node.target.id])
        made.iter = self.helper(node.iter, "count", kind, *bounds, ast.Constant(step))
        made.body = [self.visit(statement) for statement in node.body]
        return made

    def visit_Call(self, node: ast.Call) -> Any:
        if self.found.objects.get(node.func) is not addr_of:
            made = copy.copy(node)
            made.args = [self.visit(argument) for argument in node.args]
            return made
        place = node.args[0]
        if isinstance(place, ast.Attribute) and place not in self.found.objects:
            return self.helper(node, "field", self.visit(place.value), ast.Constant(place.attr))
        if isinstance(place, ast.Subscript):
            return self.helper(node, "item", self.visit(place.value), self.visit(place.slice))
        return self.helper(node, "whole", self.visit(place))
