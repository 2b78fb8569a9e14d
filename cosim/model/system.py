"""Instructions of the SYSTEM opcode: CSRs, calls, returns, fences, and the hypervisor's loads and stores.

Who may execute what: privileged spec, "Supervisor Instructions" and "Trap-Return Instructions", and
H chapter, "Hypervisor Instructions" and "Trap Cause Codes".
"""

from typing import TYPE_CHECKING

from cosim.model.bits import MASK, sext
from cosim.model.decode import Decoded
from cosim.model.exceptions import Trap
from cosim.model.execute import Action, Maker
from cosim.model.traps import mret, sret
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.privilege import Privilege

if TYPE_CHECKING:
    from cosim.model.hart import Hart

__all__ = ["SYSTEM_MAKERS"]

_M, _S, _U = int(Privilege.M), int(Privilege.S), int(Privilege.U)
_TSR, _TVM, _TW = (CSRS["mstatus"].mask(name) for name in ("TSR", "TVM", "TW"))
_VTSR, _VTVM, _VTW, _HU = (CSRS["hstatus"].mask(name) for name in ("VTSR", "VTVM", "VTW", "HU"))


def _illegal(d: Decoded) -> Trap:
    return Trap(Cause.ILLEGAL_INSTRUCTION, d.bits)


def _virtual(d: Decoded) -> Trap:
    return Trap(Cause.VIRTUAL_INSTRUCTION, d.bits)


def _allow_supervisor(hart: "Hart", d: Decoded, trap_bit: int = 0, guest_trap_bit: int = 0) -> None:
    """A supervisor instruction: not from U; from VU virtual; ``trap_bit`` of mstatus stops HS, and
    ``guest_trap_bit`` of hstatus stops VS. The guest of Xvmx, which is not in U, knows neither."""
    if hart.privilege == _M or hart.vmx.in_guest:
        return
    if hart.virt:
        if hart.privilege == _U or hart.csrs.value["hstatus"] & guest_trap_bit:
            raise _virtual(d)
    elif hart.privilege == _U or hart.csrs.value["mstatus"] & trap_bit:
        raise _illegal(d)


def _allow_hypervisor(hart: "Hart", d: Decoded, trap_bit: int = 0) -> None:
    """A hypervisor instruction: virtual from VS and VU, illegal from U; ``trap_bit`` stops HS."""
    if hart.virt:
        raise _virtual(d)
    if hart.privilege == _U or (hart.privilege == _S and hart.csrs.value["mstatus"] & trap_bit):
        raise _illegal(d)


# ---- CSR instructions (Zicsr chapter) ----


def _csr_maker(kind: str, immediate_form: bool) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1, number, bits = hart.x, d.rd, d.rs1, d.immediate, d.bits
        # csrrs and csrrc with x0 or 0 do not write; csrrw always does.
        write = kind == "w" or rs1 != 0

        def act() -> None:
            operand = rs1 if immediate_form else x[rs1]
            if kind == "w":
                old = hart.csrs.access(number, bits, True, lambda _: operand)
            elif kind == "s":
                old = hart.csrs.access(number, bits, write, lambda value: value | operand)
            else:
                old = hart.csrs.access(number, bits, write, lambda value: value & ~operand)
            if rd:
                x[rd] = old

        return act

    return make


# ---- Calls and returns ----


def _ecall(hart: "Hart", d: Decoded) -> Action:
    def act() -> None:
        if hart.privilege == _U:
            raise Trap(Cause.ECALL_U)
        if hart.privilege == _S:
            raise Trap(Cause.ECALL_VS if hart.virt else Cause.ECALL_HS)
        raise Trap(Cause.ECALL_M)

    return act


def _ebreak(hart: "Hart", d: Decoded) -> Action:
    def act() -> None:
        raise Trap(Cause.BREAKPOINT, hart.pc, gva=bool(hart.virt))

    return act


def _mret(hart: "Hart", d: Decoded) -> Action:
    def act() -> None:
        if hart.privilege != _M:
            raise _illegal(d)
        mret(hart)

    return act


def _sret(hart: "Hart", d: Decoded) -> Action:
    def act() -> None:
        _allow_supervisor(hart, d, _TSR, _VTSR)
        sret(hart)

    return act


def _wfi(hart: "Hart", d: Decoded) -> Action:
    """TW stops every mode below M, U always stops; then VTW stops VS, and VU always stops."""

    def act() -> None:
        value = hart.csrs.value
        if hart.privilege != _M:
            if value["mstatus"] & _TW or (hart.privilege == _U and not hart.virt):
                raise _illegal(d)
            if hart.virt and (hart.privilege == _U or value["hstatus"] & _VTW):
                raise _virtual(d)
        hart.sleep()

    return act


def _illegal_instruction(hart: "Hart", d: Decoded) -> Action:
    def act() -> None:
        raise _illegal(d)

    return act


# ---- Fences: the model keeps few translations, and forgets them all ----


def _supervisor_fence(trap_bit: int, guest_trap_bit: int) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        def act() -> None:
            _allow_supervisor(hart, d, trap_bit, guest_trap_bit)
            hart.forget_translations()

        return act

    return make


def _hypervisor_fence(trap_bit: int) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        def act() -> None:
            _allow_hypervisor(hart, d, trap_bit)
            hart.forget_translations()

        return act

    return make


# ---- Hypervisor loads and stores ----


def _allow_guest_access(hart: "Hart", d: Decoded) -> None:
    """HLV, HLVX and HSV: from M and HS, and from U if hstatus.HU; virtual with V = 1."""
    if hart.virt:
        raise _virtual(d)
    if hart.privilege == _U and not hart.csrs.value["hstatus"] & _HU:
        raise _illegal(d)


def _hlv_maker(size: int, is_signed: bool, hlvx: bool) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        x, rd, rs1 = hart.x, d.rd, d.rs1

        def act() -> None:
            _allow_guest_access(hart, d)
            value = hart.guest_load(x[rs1], size, hlvx)
            if rd:
                x[rd] = sext(value, 8 * size) if is_signed else value

        return act

    return make


def _hsv_maker(size: int) -> Maker:
    def make(hart: "Hart", d: Decoded) -> Action:
        x, rs1, rs2 = hart.x, d.rs1, d.rs2

        def act() -> None:
            _allow_guest_access(hart, d)
            hart.guest_store(x[rs1], size, x[rs2] & ((1 << 8 * size) - 1) & MASK)

        return act

    return make


SYSTEM_MAKERS: dict[str, Maker] = {
    **{f"csrr{kind}": _csr_maker(kind, False) for kind in "wsc"},
    **{f"csrr{kind}i": _csr_maker(kind, True) for kind in "wsc"},
    "ecall": _ecall,
    "ebreak": _ebreak,
    "mret": _mret,
    "sret": _sret,
    "wfi": _wfi,
    "sfence.vma": _supervisor_fence(_TVM, _VTVM),
    "sinval.vma": _supervisor_fence(_TVM, _VTVM),
    "sfence.w.inval": _supervisor_fence(0, 0),
    "sfence.inval.ir": _supervisor_fence(0, 0),
    "hfence.vvma": _hypervisor_fence(0),
    "hinval.vvma": _hypervisor_fence(0),
    "hfence.gvma": _hypervisor_fence(_TVM),
    "hinval.gvma": _hypervisor_fence(_TVM),
    "illegal": _illegal_instruction,
}
"""Maker of every SYSTEM instruction by name, and of ``illegal``."""

_SIZES: tuple[tuple[str, int], ...] = (("b", 1), ("h", 2), ("w", 4), ("d", 8))
for _suffix, _size in _SIZES:
    SYSTEM_MAKERS[f"hlv.{_suffix}"] = _hlv_maker(_size, _size < 8, False)
    SYSTEM_MAKERS[f"hsv.{_suffix}"] = _hsv_maker(_size)
    if _size < 8:
        SYSTEM_MAKERS[f"hlv.{_suffix}u"] = _hlv_maker(_size, False, False)
for _suffix, _size in (("h", 2), ("w", 4)):
    SYSTEM_MAKERS[f"hlvx.{_suffix}u"] = _hlv_maker(_size, False, True)
