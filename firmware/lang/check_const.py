"""Compile-time objects: names resolve against the live module."""

import ast
import builtins
import enum
from typing import Any

from .checked import ERROR, LITERAL, Checked, const
from .data import is_scalar, is_struct, offsetof, ptr, sizeof
from .diagnostics import Diagnostic
from .function import FwFunction
from .integers import FixedInt, u8
from .intrinsics import CsrNamespace, Intrinsic, csr_number
from .statics import Static

__all__ = ["ConstantChecker", "NotConstant", "assigned_names", "describe"]

_COMPILE_TIME = (const, sizeof, offsetof, csr_number, len)


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def assigned_names(tree: ast.AST) -> set[str]:
    """The names that a function assigns: its locals. Comprehensions have their own."""
    found = {tree.id} if isinstance(tree, ast.Name) and _is_stored(tree) else set[str]()
    for part in ast.iter_child_nodes(tree):
        if not isinstance(part, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            found |= assigned_names(part)
    return found


class NotConstant(Exception):
    """The node has no compile-time object."""


class ConstantChecker:
    """What is known at compile time in one function; ``assigned`` is None in unreachable code."""

    def __init__(self, function: FwFunction) -> None:
        self.function = function
        self.parameters, self.result = function.signature
        self.out = Checked(function, self.parameters, self.result)
        self.local_names: set[str] = set()
        self.assigned: set[str] | None = set()

    # --- reporting ---
    def complain(self, node: ast.AST, message: str, hint: str = "") -> Any:
        """Note an error; returns the ERROR type."""
        self.out.problems.append(Diagnostic.at(self.function.path, node, message, hint))
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
        own = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and _is_stored(part)}
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in self.local_names - own:
                return self.complain(
                    part, f"{part.id} is a local: only module names are known at compile time"
                )
        code = compile(ast.unparse(node), self.function.path, "eval")
        try:
            return eval(code, {**self.function.python.__globals__, **self.function.names})
        except Exception as error:  # whatever the user's compile-time code raises is the message
            return self.complain(node, f"at compile time: {type(error).__name__}: {error}")

    def constant(self, node: ast.expr) -> Any:
        """The compile-time object of a node; NotConstant if it has none."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name) and node.id not in self.local_names:
            return self.lookup(node)
        if isinstance(node, ast.Attribute):
            base = self.constant(node.value)
            if base is ERROR or isinstance(base, CsrNamespace | Static | bytes | FixedInt):
                raise NotConstant
            if not hasattr(base, node.attr):
                return self.complain(node, f"{describe(base)} has no attribute {node.attr}")
            return getattr(base, node.attr)
        if isinstance(node, ast.Subscript):
            base = self.constant(node.value)
            if base is ERROR or isinstance(base, Static | CsrNamespace):
                raise NotConstant
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if isinstance(base, bytes) and not all(self.is_constant(part) for part in parts):
                raise NotConstant
            return self.evaluate(node)
        if isinstance(node, ast.Call) and self.is_constant(node.func):
            called = self.constant(node.func)
            if called in _COMPILE_TIME and not (called is len and not self.is_constant(node.args[0])):
                return self.evaluate(node)
        raise NotConstant

    def is_constant(self, node: ast.expr) -> bool:
        """Whether the node has a compile-time object."""
        try:
            self.constant(node)
        except NotConstant:
            return isinstance(node, ast.UnaryOp | ast.BinOp) and all(
                self.is_constant(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)
            )
        return True

    def constant_type(self, node: ast.expr, value: Any) -> Any:
        """The type of a node with a compile-time object."""
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
        return self.complain(node, f"{describe(value)} has no value in firmware", hint)


def describe(value: Any) -> str:
    """What a compile-time object is, for a message."""
    name = getattr(value, "__name__", None)
    if isinstance(value, type):
        return f"the type {name}"
    return f"{name}" if name else f"a Python {type(value).__name__}"
