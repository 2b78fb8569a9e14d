"""Unprivileged instructions as actions on a hart.

A maker turns a decoded instruction into a function without arguments that does it; hart.pc is the
instruction's address and hart.next_pc the one of the next, which jumps replace. A maker runs once
per instruction word, so the action holds only what is left to do.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cosim.model.bits import MASK, sext, signed, word
from cosim.model.decode import Decoded
from cosim.model.exceptions import Access, Trap
from cosim.model.integer import BRANCHES, IMMEDIATE_OPS, REGISTER_OPS
from rtl.isa.causes import Cause

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["MAKERS", "Action", "Maker"]

Action = Callable[[], None]
Maker = Callable[["Hart", Decoded], Action]

MAKERS: dict[str, Maker] = {}
"""Maker of every unprivileged instruction by name."""


def _nothing() -> None:
    """A hint."""


# ---- Arithmetic ----


def _register_maker(operation: Callable[[int, int], int]) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1, rs2 = hart.x, d.rd, d.rs1, d.rs2

        def act() -> None:
            x[rd] = operation(x[rs1], x[rs2])

        return act if rd else _nothing

    return make


def _immediate_maker(operation: Callable[[int, int], int]) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1, immediate = hart.x, d.rd, d.rs1, d.immediate

        def act() -> None:
            x[rd] = operation(x[rs1], immediate)

        return act if rd else _nothing

    return make


def _addi(hart: "Hart", d: Decoded) -> Action:
    """The most frequent instruction, without the detour through the table."""
    x, rd, rs1, immediate = hart.x, d.rd, d.rs1, d.immediate

    def act() -> None:
        x[rd] = (x[rs1] + immediate) & MASK

    def load_immediate() -> None:
        x[rd] = immediate

    if not rd:
        return _nothing
    return act if rs1 else load_immediate


def _lui(hart: "Hart", d: Decoded) -> Action:
    x, rd, immediate = hart.x, d.rd, d.immediate

    def act() -> None:
        x[rd] = immediate

    return act if rd else _nothing


def _auipc(hart: "Hart", d: Decoded) -> Action:
    x, rd, immediate = hart.x, d.rd, d.immediate

    def act() -> None:
        x[rd] = (hart.pc + immediate) & MASK

    return act if rd else _nothing


MAKERS |= {name: _register_maker(operation) for name, operation in REGISTER_OPS.items()}
MAKERS |= {name: _immediate_maker(operation) for name, operation in IMMEDIATE_OPS.items()}
MAKERS |= {"addi": _addi, "lui": _lui, "auipc": _auipc}


# ---- Control transfer ----


def _branch_maker(condition: Callable[[int, int], bool]) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        x, rs1, rs2, offset = hart.x, d.rs1, d.rs2, d.immediate

        def act() -> None:
            if condition(x[rs1], x[rs2]):
                hart.next_pc = (hart.pc + offset) & MASK

        return act

    return make


def _jal(hart: "Hart", d: Decoded) -> Action:
    x, rd, offset, size = hart.x, d.rd, d.immediate, d.size

    def act() -> None:
        if rd:
            x[rd] = (hart.pc + size) & MASK
        hart.next_pc = (hart.pc + offset) & MASK

    return act


def _jalr(hart: "Hart", d: Decoded) -> Action:
    x, rd, rs1, offset, size = hart.x, d.rd, d.rs1, d.immediate, d.size

    def act() -> None:
        hart.next_pc = (x[rs1] + offset) & MASK & ~1
        if rd:
            x[rd] = (hart.pc + size) & MASK

    return act


MAKERS |= {name: _branch_maker(condition) for name, condition in BRANCHES.items()}
MAKERS |= {"jal": _jal, "jalr": _jalr}


# ---- Loads and stores ----


def _load_maker(size: int, is_signed: bool) -> Maker:
    bits = 8 * size

    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1, offset = hart.x, d.rd, d.rs1, d.immediate

        def act() -> None:
            x[rd] = hart.load((x[rs1] + offset) & MASK, size)

        def act_signed() -> None:
            x[rd] = sext(hart.load((x[rs1] + offset) & MASK, size), bits)

        def act_discarded() -> None:
            hart.load((x[rs1] + offset) & MASK, size)

        if not rd:
            return act_discarded
        return act_signed if is_signed else act

    return make


def _store_maker(size: int) -> Maker:
    mask = (1 << 8 * size) - 1

    def make(hart: "Hart", d: Decoded) -> Action:
        x, rs1, rs2, offset = hart.x, d.rs1, d.rs2, d.immediate

        def act() -> None:
            hart.store((x[rs1] + offset) & MASK, size, x[rs2] & mask)

        return act

    return make


for _suffix, _size in (("b", 1), ("h", 2), ("w", 4), ("d", 8)):
    MAKERS[f"l{_suffix}"] = _load_maker(_size, _size < 8)
    MAKERS[f"s{_suffix}"] = _store_maker(_size)
    if _size < 8:
        MAKERS[f"l{_suffix}u"] = _load_maker(_size, False)


# ---- Atomics (A chapter) ----

_AMOS: dict[str, Callable[[int, int], int]] = {
    "amoswap": lambda old, new: new,
    "amoadd": lambda old, new: old + new,
    "amoxor": lambda old, new: old ^ new,
    "amoand": lambda old, new: old & new,
    "amoor": lambda old, new: old | new,
    "amomin": lambda old, new: min(signed(old), signed(new)),
    "amomax": lambda old, new: max(signed(old), signed(new)),
    "amominu": min,
    "amomaxu": max,
}


def _aligned(hart: "Hart", address: int, size: int, cause: Cause) -> None:
    """Atomics need natural alignment; else they raise the address-misaligned exception."""
    if address & size - 1:
        raise Trap(cause, address, gva=bool(hart.data_view.space.virt))


def _amo_maker(operation: Callable[[int, int], int], size: int) -> Maker:
    mask = (1 << 8 * size) - 1

    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1, rs2 = hart.x, d.rd, d.rs1, d.rs2

        def extend(value: int) -> int:
            return sext(value, 8 * size)

        def act() -> None:
            address = x[rs1]
            _aligned(hart, address, size, Cause.STORE_MISALIGNED)
            pa = hart.locate(address, size, Access.STORE)
            old = hart.read_located(address, pa, size)
            if operation in (min, max):  # unsigned: compare the operands' own bits
                new = operation(old, x[rs2] & mask)
            else:
                new = operation(extend(old), extend(x[rs2]))
            hart.write_located(address, pa, size, new & mask)
            if rd:
                x[rd] = extend(old)

        return act

    return make


def _lr_maker(size: int) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1 = hart.x, d.rd, d.rs1

        def act() -> None:
            address = x[rs1]
            _aligned(hart, address, size, Cause.LOAD_MISALIGNED)
            pa = hart.locate(address, size, Access.LOAD)
            value = hart.read_located(address, pa, size)
            hart.reserve(pa)
            if rd:
                x[rd] = word(value) if size == 4 else value

        return act

    return make


def _sc_maker(size: int) -> Maker:
    mask = (1 << 8 * size) - 1

    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1, rs2 = hart.x, d.rd, d.rs1, d.rs2

        def act() -> None:
            address = x[rs1]
            _aligned(hart, address, size, Cause.STORE_MISALIGNED)
            pa = hart.locate(address, size, Access.STORE, probing=True)
            success = hart.take_reservation(pa)
            if success:
                hart.write_located(address, pa, size, x[rs2] & mask)
            if rd:
                x[rd] = 0 if success else 1

        return act

    return make


for _suffix, _size in (("w", 4), ("d", 8)):
    MAKERS |= {f"{name}.{_suffix}": _amo_maker(operation, _size) for name, operation in _AMOS.items()}
    MAKERS[f"lr.{_suffix}"] = _lr_maker(_size)
    MAKERS[f"sc.{_suffix}"] = _sc_maker(_size)


# ---- Fences ----


def _fence(hart: "Hart", d: Decoded) -> Action:
    """One hart and memory in program order: nothing to wait for (Zihintpause is a fence, too)."""
    return _nothing


def _fence_i(hart: "Hart", d: Decoded) -> Action:
    return hart.forget_code


MAKERS |= {"fence": _fence, "fence.i": _fence_i}
