"""LLVM IR of a set of functions: the module around them, static data, and line tables."""

from dataclasses import dataclass, field
from typing import Any

from .checked import Checked
from .diagnostics import ImageError, source_path
from .function import FwFunction
from .integers import FixedInt, u32
from .statics import Static

__all__ = ["HOST", "RISCV", "ModuleEmitter", "Target", "llvm_type", "memory_type", "module_names", "passing"]


@dataclass(frozen=True)
class Target:
    """What the IR is for: ``triple`` and data ``layout`` as LLVM writes them."""

    triple: str
    layout: str


RISCV = Target("riscv64-unknown-unknown-unknown", "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128")
HOST = Target(
    "x86_64-unknown-linux-gnu",
    "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128",
)


def llvm_type(kind: Any) -> str:
    """The type of a value in a register."""
    if kind is None:
        return "void"
    if isinstance(kind, tuple):
        return "{ " + ", ".join(llvm_type(part) for part in kind) + " }"
    if kind is bool:
        return "i1"
    return f"i{kind.WIDTH}" if isinstance(kind, type) and issubclass(kind, FixedInt) else "ptr"


def memory_type(kind: Any) -> str:
    """The type of a scalar in memory."""
    return "i8" if kind is bool else llvm_type(kind)


def passing(kind: Any) -> str:
    """Type and extension of a parameter or result (RISC-V psABI: 32-bit values are sign-extended)."""
    text = llvm_type(kind)
    if kind is bool:
        return f"zeroext {text}"
    if isinstance(kind, type) and issubclass(kind, FixedInt) and kind.WIDTH < 64:
        return f"{'signext' if kind.SIGNED or kind is u32 else 'zeroext'} {text}"
    return text


@dataclass
class ModuleEmitter:
    """Collects definitions; ``text`` gives the module."""

    target: Target
    optsize: bool = False
    symbols: dict[Any, str] = field(default_factory=dict)
    exported: frozenset[Any] = frozenset()
    definitions: list[str] = field(default_factory=list)
    declarations: dict[str, str] = field(default_factory=dict)
    texts: dict[bytes, str] = field(default_factory=dict)
    attributes: dict[str, int] = field(default_factory=dict)
    metadata: list[str] = field(default_factory=list)
    _nodes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.unit = self.node(
            'distinct !DICompileUnit(language: DW_LANG_C99, file: !1, producer: "firmware.lang", '
            "isOptimized: true, runtimeVersion: 0, emissionKind: LineTablesOnly)"
        )
        self.node('!DIFile(filename: "firmware", directory: ".")')
        self.flags = [
            self.node('!{i32 2, !"Debug Info Version", i32 3}'),
            self.node('!{i32 7, !"Dwarf Version", i32 4}'),
        ]
        self.subroutine = self.node("!DISubroutineType(types: !{})")

    def node(self, text: str) -> int:
        """Number of a metadata node; equal nodes are one."""
        if text not in self._nodes:
            self._nodes[text] = len(self.metadata)
            self.metadata.append(text)
        return self._nodes[text]

    def file(self, function: FwFunction) -> int:
        """Metadata of a source file, by a path that does not depend on the machine."""
        path = source_path(function.module, function.path)
        return self.node(f'!DIFile(filename: "{path}", directory: ".")')

    def subprogram(self, function: FwFunction) -> int:
        """Debug information of a function."""
        place, line = self.file(function), function.tree.lineno
        local = "" if function in self.exported else "DISPFlagLocalToUnit | "
        return self.node(
            f'distinct !DISubprogram(name: "{function.name}", linkageName: "{self.symbols[function]}", '
            f"scope: !{place}, file: !{place}, line: {line}, type: !{self.subroutine}, scopeLine: {line}, "
            f"spFlags: {local}DISPFlagDefinition | DISPFlagOptimized, unit: !{self.unit})"
        )

    def attribute_group(self, function: FwFunction) -> int:
        """Number of the group of function attributes."""
        words = ["nounwind", "null_pointer_is_valid"]
        words += ["optsize"] if self.optsize else []
        words += ["noinline"] if function.noinline else []
        words += ["noreturn"] if function.noreturn else []
        words += ['"no-builtins"'] if function.no_builtins else []
        return self.attributes.setdefault(" ".join(words), len(self.attributes))

    def declare(self, symbol: str, text: str) -> None:
        """Declare an external function or object once."""
        self.declarations.setdefault(symbol, text)

    def text_constant(self, content: bytes) -> str:
        """A byte string, a zero byte after it."""
        if content not in self.texts:
            self.texts[content] = f"@.str.{len(self.texts)}"
        return self.texts[content]

    def static(self, item: Static) -> str:
        """The symbol of a static object."""
        return f'@"{self.symbols[item]}"'

    def define_static(self, item: Static) -> None:
        """Emit a static object."""
        linkage = "dso_local" if item in self.exported else "internal"
        kind = "constant" if item._fw_const else "global"
        content = item._fw_bytes
        value = "zeroinitializer" if not any(content) else 'c"' + _escape(content) + '"'
        section = f', section "{item._fw_section}"' if item._fw_section else ""
        self.definitions.append(
            f"{self.static(item)} = {linkage} {kind} [{len(content)} x i8] {value}{section}, "
            f"align {item._fw_align}"
        )

    def define(self, checked: Checked) -> None:
        """Emit a function, or declare it if it is in assembly."""
        from .emit_code import FunctionEmitter

        function = checked.function
        name = f'@"{self.symbols[function]}"'
        result = passing(checked.result)
        if function.extern:
            kinds = ", ".join(passing_type(kind) for _, kind in checked.parameters)
            group = self.attribute_group(function)
            self.declare(name, f"declare {result} {name}({kinds}) #{group}")
            return
        linkage = "dso_local" if function in self.exported else "internal"
        parameters = ", ".join(
            f"{passing_type(kind)} %arg.{n}" for n, (_, kind) in enumerate(checked.parameters)
        )
        section = f' section "{function.section}"' if function.section else ""
        head = f"define {linkage} {result} {name}({parameters}) #{self.attribute_group(function)}{section}"
        scope = self.subprogram(function)
        body = FunctionEmitter(self, checked, scope).run()
        self.definitions.append("\n".join([f"{head} !dbg !{scope} {{", *body, "}"]))

    def text(self) -> str:
        """The whole module."""
        strings = [
            f"{symbol} = private unnamed_addr constant [{len(content) + 1} x i8] "
            f'c"{_escape(content)}\\00", align 1'
            for content, symbol in self.texts.items()
        ]
        groups = [f"attributes #{number} = {{ {words} }}" for words, number in self.attributes.items()]
        flags = ", ".join(f"!{number}" for number in self.flags)
        lines = [
            f'target datalayout = "{self.target.layout}"',
            f'target triple = "{self.target.triple}"',
            *strings,
            *self.definitions,
            *self.declarations.values(),
            *groups,
            f"!llvm.dbg.cu = !{{!{self.unit}}}",
            f"!llvm.module.flags = !{{{flags}}}",
            *(f"!{number} = {text}" for number, text in enumerate(self.metadata)),
        ]
        return "\n".join(lines) + "\n"


def passing_type(kind: Any) -> str:
    """A parameter: the type first, then its attribute."""
    words = passing(kind).split()
    return " ".join(reversed(words)) if len(words) == 2 else passing(kind)


def _escape(content: bytes) -> str:
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02X}" for b in content)


def module_names(items: list[Any], exported: frozenset[Any]) -> dict[Any, str]:
    """Symbols of functions and statics: the bare name if exported, else module.name."""
    symbols: dict[Any, str] = {}
    taken: set[str] = set()
    for item in sorted(items, key=lambda item: item not in exported):
        module, name = (item.module, item.name) if isinstance(item, FwFunction) else item._fw_symbol()
        options = [name]
        if item not in exported:
            options = [f"{module.split('.')[-1]}.{name}", f"{module}.{name}"]
            options += [f"{module}.{name}.{number}" for number in range(1, len(items))]
        symbol = next((option for option in options if option not in taken), None)
        if symbol is None:
            raise ImageError(f"two exported objects are called {name}: rename one")
        taken.add(symbol)
        symbols[item] = symbol
    return symbols
