"""Intrinsics: what the machine can do beyond the language, as CPython sees it and as assembly.

Each is an ``Intrinsic``: a shape of operands that the checker knows, a Python function for the fake
machine, and an assembly template where one instruction does the work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Format

from . import data
from .integers import FixedInt, i8, i16, i32, i64, u8, u16, u32, u64
from .machine import MachineError, current
from .statics import Static

__all__ = ["ADDRESS", "AMO_TYPES", "INTRINSICS", "CsrNamespace", "Intrinsic", "csr", "csr_number"]

ADDRESS = object()
"""Operand that is a u64 or any pointer."""
AMO_TYPES = (u32, i32, u64, i64)


@dataclass(frozen=True)
class Intrinsic:
    """An intrinsic function.

    ``shape`` tells the checker how to type it: ``fixed`` (``params`` -> ``result``), ``operands`` (up
    to two u64 or None), ``pair`` (two of one integer type), ``amo``, ``lr``, ``sc``, ``ecall``, ``csr``.
    ``asm`` has operands $0…; ``memory`` says that memory may change.
    """

    name: str
    shape: str
    run: Callable[..., Any]
    params: tuple[Any, ...] = ()
    result: Any = None
    asm: str = ""
    memory: bool = True

    def __call__(self, *arguments: Any) -> Any:
        if self.shape == "fixed":
            if len(arguments) != len(self.params):
                raise TypeError(f"{self.name} takes {len(self.params)} arguments, not {len(arguments)}")
            arguments = tuple(map(_convert, self.params, arguments))
        value = self.run(*arguments)
        return data.coerce(self.result, value) if self.shape == "fixed" else value


def _convert(kind: Any, value: Any) -> Any:
    if kind is not ADDRESS:
        return data.coerce(kind, value)
    if isinstance(value, bytes):
        return u64(current().text(value))
    view = value._fw_view() if isinstance(value, Static) else value
    return u64(view)


INTRINSICS: dict[str, Intrinsic] = {}
"""All of them by name."""


def _add(name: str, shape: str, run: Callable[..., Any], **rest: Any) -> None:
    INTRINSICS[name] = Intrinsic(name, shape, run, **rest)


def _event(name: str) -> Callable[..., None]:
    return lambda *operands: current().trace.append(
        (name, *(None if o is None else int(o) for o in operands))
    )


# --- volatile accesses ---
def _loads() -> None:
    for kind in (u8, u16, u32, u64):
        size = kind.WIDTH // 8

        def read(address: u64, kind: Any = kind, size: int = size) -> Any:
            return kind(current().read(int(address), size))

        def write(address: u64, value: Any, size: int = size) -> None:
            current().write(int(address), size, int(value))

        _add(f"load{kind.WIDTH}", "fixed", read, params=(ADDRESS,), result=kind)
        _add(f"store{kind.WIDTH}", "fixed", write, params=(ADDRESS, kind))


# --- hypervisor loads and stores ---
def _guest_accesses() -> None:
    results = {"b": i8, "bu": u8, "h": i16, "hu": u16, "w": i32, "wu": u32, "d": u64}
    values = {"b": u8, "h": u16, "w": u32, "d": u64}
    for mnemonic, instruction in INSTRUCTIONS.items():
        stem, _, width = mnemonic.partition(".")
        funct = f"{instruction.match & 0x7F}, {instruction.match >> 12 & 7}, {instruction.match >> 25}"
        if instruction.format is Format.HLV:
            kind = results[width]

            def read(address: u64, kind: Any = kind) -> Any:
                machine = current()
                return kind(machine.read(machine.guest(int(address), False), kind.WIDTH // 8))

            asm = f".insn r {funct}, $0, $1, x{instruction.match >> 20 & 31}"
            _add(f"{stem}_{width}", "fixed", read, params=(u64,), result=kind, asm=asm)
        elif instruction.format is Format.HSV:

            def write(address: u64, value: Any) -> None:
                machine = current()
                machine.write(machine.guest(int(address), True), type(value).WIDTH // 8, int(value))

            asm = f".insn r {funct}, x0, $0, $1"
            _add(f"{stem}_{width}", "fixed", write, params=(u64, values[width]), asm=asm)


# --- fences and the rest without operands ---
def _fences() -> None:
    for mnemonic, instruction in INSTRUCTIONS.items():
        if instruction.format is Format.RS1_RS2:
            funct = f"{instruction.match & 0x7F}, {instruction.match >> 12 & 7}, {instruction.match >> 25}"
            name = mnemonic.replace(".", "_")
            _add(name, "operands", _event(name), asm=f".insn r {funct}, x0, {{0}}, {{1}}")
    plain = {
        "sfence_w_inval": f".4byte {INSTRUCTIONS['sfence.w.inval'].match:#x}",
        "sfence_inval_ir": f".4byte {INSTRUCTIONS['sfence.inval.ir'].match:#x}",
        "fence": "fence rw, rw",
        "fence_io": "fence iorw, iorw",
        "fence_i": "fence.i",
        "pause": ".4byte 0x0100000f",
        "ebreak": "ebreak",
        "nop": "nop",
    }
    for name, asm in plain.items():
        _add(name, "fixed", _event(name), asm=asm)


def _wfi() -> None:
    machine = current()
    machine.trace.append(("wfi",))
    machine.wfi()


# --- arithmetic with RISC-V's results for zero and overflow (unprivileged spec, "M") ---
def _quotient(a: FixedInt, b: FixedInt) -> Any:
    kind = type(a)
    if b.value == 0:
        return kind(-1)
    magnitude = abs(a.value) // abs(b.value)
    return kind(-magnitude if (a.value < 0) != (b.value < 0) else magnitude)


def _remainder(a: FixedInt, b: FixedInt) -> Any:
    if b.value == 0:
        return a
    magnitude = abs(a.value) % abs(b.value)
    return type(a)(-magnitude if a.value < 0 else magnitude)


def _high(a: FixedInt, b: FixedInt) -> Any:
    return type(a)(a.value * b.value >> a.WIDTH)


# --- atomics ---
def _amo(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def run(pointer: Any, value: Any) -> Any:
        old = pointer[0]
        pointer[0] = combine(old, data.coerce(type(old), value))
        return old

    return run


def _unsigned(pick: Callable[..., int]) -> Callable[[Any, Any], Any]:
    def combine(a: Any, b: Any) -> Any:
        mask = (1 << a.WIDTH) - 1
        return type(a)(pick(a.value & mask, b.value & mask))

    return combine


def _signed(pick: Callable[..., int]) -> Callable[[Any, Any], Any]:
    def combine(a: Any, b: Any) -> Any:
        signed = i32 if a.WIDTH == 32 else i64
        return type(a)(pick(signed(a.value).value, signed(b.value).value))

    return combine


def _load_reserved(pointer: Any) -> Any:
    current().reservation = int(pointer)
    return pointer[0]


def _store_conditional(pointer: Any, value: Any) -> u64:
    machine = current()
    held, machine.reservation = machine.reservation == int(pointer), None
    if held:
        pointer[0] = value
    return u64(0 if held else 1)


def _ecall(*arguments: Any) -> tuple[u64, u64]:
    machine = current()
    numbers = [int(data.coerce(u64, argument)) for argument in arguments]
    machine.trace.append(("ecall", *numbers))
    if machine.ecall is None:
        raise MachineError("an ecall without machine.ecall")
    error, value = machine.ecall(*numbers)
    return u64(error), u64(value)


# --- CSRs ---
class CsrNamespace:
    """``csr.NAME`` reads, assignment writes; ``|=`` and ``&= ~`` become one csrrs or csrrc."""

    def __getattr__(self, name: str) -> u64:
        if name not in CSRS:
            raise AttributeError(f"there is no CSR {name}")
        return u64(current().csrs[name])

    def __setattr__(self, name: str, value: object) -> None:
        if name not in CSRS:
            raise AttributeError(f"there is no CSR {name}")
        current().write_csr(name, int(data.coerce(u64, value)))


csr = CsrNamespace()


def csr_number(name: str) -> int:
    """The number of a CSR by its specification name."""
    return CSRS[name].number


def _csr_change(combine: Callable[[int, int], int], always: bool = False) -> Callable[..., Any]:
    def run(name: str, value: Any) -> u64:
        machine = current()
        old, operand = machine.csrs[name], int(data.coerce(u64, value))
        if operand or always:
            machine.write_csr(name, combine(old, operand))
        return u64(old)

    return run


# --- memory blocks and symbols ---
def _memcpy(to: u64, source: u64, count: u64) -> None:
    machine = current()
    machine.write_bytes(int(to), machine.read_bytes(int(source), int(count)))


def _memset(to: u64, byte: u8, count: u64) -> None:
    current().write_bytes(int(to), bytes([int(byte)]) * int(count))


def _symbol(name: str) -> u64:
    symbols = current().symbols
    if name not in symbols:
        raise MachineError(f"symbol {name}: give machine.symbols[{name!r}] an address")
    return u64(symbols[name])


def _xvmx() -> None:
    operands = {Format.RD_RS1: (u64,), Format.RD: (), Format.R: (u64, u64), Format.NONE: ()}
    for name, instruction in INSTRUCTIONS.items():
        if instruction.extension == "Xvmx":
            params = operands[instruction.format]
            result = None if instruction.format is Format.NONE else u64
            funct = f"{instruction.match & 0x7F}, {instruction.match >> 12 & 7}, {instruction.match >> 25}"
            places = [f"${index + 1}" for index in range(len(params))] + ["x0", "x0"]
            asm = f".insn r {funct}, {'$0' if result else 'x0'}, {places[0]}, {places[1]}"

            def run(*values: Any, name: str = name, result: Any = result) -> Any:
                machine = current()
                machine.trace.append((name, *map(int, values)))
                hook = machine.externs.get(name)
                value = hook(*map(int, values)) if hook else 0
                return u64(value) if result else None

            _add(name, "fixed", run, params=params, result=result, asm=asm)


_loads()
_guest_accesses()
_fences()
_xvmx()
_add("wfi", "fixed", _wfi, asm="wfi")
for _name, _run in {"divu": _quotient, "div": _quotient, "remu": _remainder, "rem": _remainder}.items():
    _add(_name, "pair", _run)
_add("mulhu", "pair", _high)
for _name, _combine in {
    "amoswap": lambda a, b: b,
    "amoadd": lambda a, b: a + b,
    "amoxor": lambda a, b: a ^ b,
    "amoand": lambda a, b: a & b,
    "amoor": lambda a, b: a | b,
    "amomin": _signed(min),
    "amomax": _signed(max),
    "amominu": _unsigned(min),
    "amomaxu": _unsigned(max),
}.items():
    _add(_name, "amo", _amo(_combine))
_add("lr", "lr", _load_reserved)
_add("sc", "sc", _store_conditional)
_add("ecall", "ecall", _ecall)
_add("csr_swap", "csr", _csr_change(lambda old, value: value, always=True), asm="csrrw")
_add("csr_read_set", "csr", _csr_change(lambda old, value: old | value), asm="csrrs")
_add("csr_read_clear", "csr", _csr_change(lambda old, value: old & ~value), asm="csrrc")
_add("memcpy", "fixed", _memcpy, params=(ADDRESS, ADDRESS, u64))
_add("memset", "fixed", _memset, params=(ADDRESS, u8, u64))
_add("symbol", "symbol", _symbol)
