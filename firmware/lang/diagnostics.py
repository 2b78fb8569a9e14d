"""Errors in firmware source: collected, and shown with the line, a caret and a hint."""

import ast
import linecache
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CompileError", "Diagnostic", "ImageError", "display_path", "source_path"]


def display_path(path: str) -> str:
    """The path relative to the working directory if it lies inside it."""
    try:
        return str(Path(path).resolve().relative_to(Path.cwd()))
    except ValueError:
        return os.path.basename(path) if path.startswith("/") else path


def source_path(module: str, path: str) -> str:
    """The path of a module's source as it is everywhere: from the root of its package."""
    parts = module.replace(".", "/")
    actual = path.replace(os.sep, "/")
    for relative in (f"{parts}.py", f"{parts}/__init__.py"):
        if actual.endswith(f"/{relative}"):
            return relative
    return os.path.basename(actual)


@dataclass(frozen=True)
class Diagnostic:
    """One error: where (1-based line and column, and the column after the end), what, and what to do."""

    path: str
    line: int
    column: int
    end_column: int
    message: str
    hint: str = ""

    @staticmethod
    def at(path: str, node: ast.AST, message: str, hint: str = "") -> "Diagnostic":
        """An error about a syntax node."""
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0)
        end = getattr(node, "end_col_offset", column)
        if getattr(node, "end_lineno", line) != line:
            end = len(linecache.getline(path, line).rstrip())
        return Diagnostic(path, line, column + 1, max(end, column + 1) + 1, message, hint)

    def __str__(self) -> str:
        text = linecache.getline(self.path, self.line).rstrip("\n")
        caret = " " * (self.column - 1) + "^" + "~" * max(0, self.end_column - self.column - 1)
        lines = [
            f"{display_path(self.path)}:{self.line}:{self.column}: error: {self.message}",
            f"    {text.strip()}",
            f"    {caret[len(text) - len(text.lstrip()) :]}",
        ]
        return "\n".join(lines + ([f"hint: {self.hint}"] if self.hint else []))


class CompileError(Exception):
    """All errors found in a run."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        self.diagnostics = sorted(set(diagnostics), key=lambda d: (d.path, d.line, d.column, d.message))
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))


class ImageError(Exception):
    """An image that cannot be built: one line that says why and what to do."""
