"""Building the blocks of a function in LLVM IR."""

import ast
from typing import Any

from .checked import Checked
from .emit import ModuleEmitter

__all__ = ["BlockBuilder"]


class BlockBuilder:
    """Lines of one function, and the block that is open at their end."""

    def __init__(self, module: ModuleEmitter, checked: Checked, scope: int) -> None:
        self.module, self.checked, self.scope = module, checked, scope
        self.function = checked.function
        self.lines: list[str] = []
        self.reserved: list[str] = []
        self.open = True
        self._count = 0
        self._location = 0

    def at(self, node: ast.AST) -> None:
        """What follows belongs to this node's line."""
        line = getattr(node, "lineno", self.function.tree.lineno)
        column = getattr(node, "col_offset", 0) + 1
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
