"""The ``@fw`` decorator, module assembly, and the registry of both by module."""

import ast
import linecache
import re
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from . import data
from .diagnostics import CompileError, Diagnostic, source_path
from .machine import current
from .mentions import MENTIONS

__all__ = ["ASSEMBLY", "FUNCTIONS", "Assembly", "FwFunction", "fw", "module_asm"]

FUNCTIONS: dict[str, dict[str, "FwFunction"]] = {}
"""Module name -> qualified name -> function."""
ASSEMBLY: dict[str, dict[int, "Assembly"]] = {}
"""Module name -> line -> assembly text."""


@dataclass(frozen=True)
class Assembly:
    """Assembly text of a module, and where its first line stands."""

    text: str
    path: str
    line: int
    items: tuple[Any, ...] = ()
    """The functions and statics that it names; they are exported."""


@lru_cache(maxsize=16)
def _definitions(source: str) -> dict[int, ast.FunctionDef]:
    """The functions of a source text by the line where they begin, decorators included."""
    return {
        min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]): node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }


class FwFunction:
    """A firmware function: compiled into an image, or called under CPython on the fake machine."""

    def __init__(self, python: Callable[..., Any], **options: Any) -> None:
        self.python = python
        self.name = python.__name__
        self.module = python.__module__
        self.path = python.__code__.co_filename
        self.export = bool(options.pop("export", False))
        self.noreturn = bool(options.pop("noreturn", False))
        self.noinline = bool(options.pop("noinline", False))
        self.extern = bool(options.pop("extern", False))
        self.no_builtins = bool(options.pop("no_builtins", False))
        self.section: str | None = options.pop("section", None)
        if options:
            raise TypeError(f"@fw has no option {', '.join(options)}")
        self.__doc__ = python.__doc__
        self.__name__ = self.name
        self.found: Any = None
        """The checker's result, once there is one."""
        self._compiled: Callable[..., Any] | None = None

    @cached_property
    def names(self) -> dict[str, Any]:
        """Compile-time names beside the module's globals: the enclosing function's variables."""
        cells = self.python.__closure__ or ()
        found = zip(self.python.__code__.co_freevars, cells, strict=True)
        return {name: cell.cell_contents for name, cell in found}

    @cached_property
    def tree(self) -> ast.FunctionDef:
        """The syntax tree within its file's; functions of one definition share it, so it is never changed."""
        linecache.checkcache(self.path)
        line = self.python.__code__.co_firstlineno
        found = _definitions("".join(linecache.getlines(self.path))).get(line)
        if found is None:
            raise OSError(f"the source of {self.name} is not in {self.path}: write it in a file")
        return found

    @cached_property
    def signature(self) -> tuple[list[tuple[str, Any]], Any]:
        """Parameters (name, type) and the result's type."""
        problems: list[Diagnostic] = []
        arguments = self.tree.args
        simple = not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults)
        if not simple:
            message = "a firmware function has plain positional parameters only"
            problems.append(Diagnostic.at(self.path, self.tree, message))
        parameters = []
        for argument in arguments.args:
            kind = self._annotation(argument.arg, argument, problems)
            if kind is not data.LayoutError and not data.is_scalar(kind):
                what = data.type_name(kind)
                hint = "pass a pointer" if data.is_aggregate(kind) else "annotate it, for example x: u64"
                message = f"parameter {argument.arg} cannot be {what}"
                problems.append(Diagnostic.at(self.path, argument, message, hint))
            parameters.append((argument.arg, kind))
        result = self._annotation("return", self.tree.returns or self.tree, problems)
        if getattr(result, "__origin__", None) is tuple:
            result = tuple(result.__args__)
        parts = result if isinstance(result, tuple) else (result,)
        if result is not None and not all(map(data.is_scalar, parts)) and not problems:
            message = f"a function cannot return {data.type_name(result)}"
            problems.append(Diagnostic.at(self.path, self.tree.returns or self.tree, message))
        if problems:
            raise CompileError(problems)
        return parameters, result

    def _annotation(self, name: str, node: ast.AST, problems: list[Diagnostic]) -> Any:
        kind = self.python.__annotations__.get(name)
        if isinstance(kind, str):
            try:
                kind = eval(kind, self.python.__globals__, self.names)
            except Exception as error:  # whatever the annotation raises is the message
                problems.append(Diagnostic.at(self.path, node, str(error)))
                return data.LayoutError
        return None if kind is type(None) else kind

    def __call__(self, *arguments: Any) -> Any:
        if self.extern:
            return self._call_extern(arguments)
        if self._compiled is None:
            from .interpret import prepare

            self._compiled = prepare(self)
        parameters, result = self.signature
        if len(arguments) != len(parameters):
            raise TypeError(
                f"{self.name} was given {len(arguments)} arguments for {len(parameters)} parameters"
            )
        values = [data.coerce(kind, value) for (_, kind), value in zip(parameters, arguments, strict=True)]
        machine = current()
        mark = machine.mark()
        try:
            return data.coerce(result, self._compiled(*values))
        finally:
            machine.release(mark)

    def _call_extern(self, arguments: tuple[Any, ...]) -> Any:
        parameters, result = self.signature
        target = current().externs.get(self.name)
        if target is None:
            raise NotImplementedError(f"{self.name} is in assembly: give machine.externs[{self.name!r}]")
        values = [data.coerce(kind, value) for (_, kind), value in zip(parameters, arguments, strict=True)]
        return data.coerce(result, target(*values))

    def __str__(self) -> str:
        """The symbol, for module_asm; naming a function there exports it."""
        MENTIONS.append(self)
        return self.name

    def __repr__(self) -> str:
        return f"<fw {self.module}.{self.name}>"


def fw(python: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a Python function a firmware function. Options: export, noreturn, noinline, section, extern."""
    if python is None:
        return lambda function: fw(function, **options)
    made = FwFunction(python, **options)
    FUNCTIONS.setdefault(made.module, {})[python.__qualname__] = made
    return made


def _symbol(item: Any) -> str:
    return item.name if isinstance(item, FwFunction) else str(item._fw_symbol()[1])


def module_asm(text: str) -> Assembly:
    """Add assembly to every image that contains a function of the calling module."""
    frame = sys._getframe(1)
    line = frame.f_lineno
    words = set(re.findall(r"[\w.]+", text))
    items = [item for item in MENTIONS if _symbol(item) in words]
    MENTIONS.clear()
    module = frame.f_globals["__name__"]
    path = source_path(module, frame.f_code.co_filename)
    made = Assembly(textwrap.dedent(text), path, line, tuple(dict.fromkeys(items)))
    ASSEMBLY.setdefault(module, {})[line] = made
    return made
