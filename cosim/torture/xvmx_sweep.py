"""The sweep without the H extension: every CSR from every mode, with ARCH 0 and ARCH 2 (docs/xvmx.md).

As in ``sweep`` nothing is random, and a write sets no bits. With ARCH 2 a guest makes the accesses too, with
and without CSR_BITMAP saying that they exit. All exceptions go to M, whose handler goes on behind the access.
"""

from dataclasses import dataclass
from itertools import product

from cosim.elf import Program, Segment
from cosim.torture.assembler import Assembler, encode
from cosim.torture.layout import CODE
from rtl.isa.csr_state import csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import FIELDS, REVISION, Arch, ProcControl

__all__ = ["XVMX_SWEEP_INSTRUCTIONS", "xvmx_sweep_program"]

XVMX_SWEEP_INSTRUCTIONS = 72_000
"""It does something new for so many, and then loops."""

_ALL = (1 << 64) - 1
_TARGET, _ZERO, _A, _B, _SCRATCH, _AFTER = 5, 6, 28, 29, 30, 31
"""Registers. ``_AFTER`` is where M mode goes on after the next trap, if it is not 0."""
_REGION = DRAM_BASE + 0x20_0000
_VMCS = _REGION + 0x1000
_BITMAP = _REGION + 0x2000
_EXITING = ProcControl.CSRBM


@dataclass(frozen=True)
class _State:
    """Which enables are on: of counters and timers in M and S, and the traps of TVM."""

    machine: bool
    supervisor: bool
    traps: bool


_STATES = (_State(True, True, False), _State(False, True, True), _State(True, False, True))


def xvmx_sweep_program() -> Program:
    """The program; with tohost nowhere, it ends in a loop."""
    asm = Assembler(CODE)
    asm.jump("jal", "begin")
    _handlers(asm)
    asm.label("begin")
    for name, value in (("pmpaddr0", _ALL), ("pmpcfg0", 0x1F), ("mtvec", asm.labels["trap"]), ("mie", 0)):
        _set(asm, name, value)
    for arch, state in product((Arch.NONE, Arch.XVMX), _STATES):
        _set(asm, "mvirt", arch)
        for privilege in (Privilege.M, Privilege.S, Privilege.U):
            _enables(asm, state)
            _go(asm, privilege)
            _accesses(asm)
            _leave(asm)
    _enables(asm, _STATES[0])
    _go(asm, Privilege.S)
    _vmx(asm)
    _leave(asm)
    for state, privilege, control in product(_STATES, (Privilege.S, Privilege.U), (0, _EXITING)):
        _enables(asm, state)
        _go(asm, Privilege.S)
        _enter(asm, privilege, control, state.supervisor)
        _accesses(asm)
        _leave(asm)
    asm.label("end")
    asm.jump("jal", "end")
    revision = REVISION.to_bytes(4, "little")
    segments = [Segment(region, revision + bytes(4)) for region in (_REGION, _VMCS)]
    segments += [Segment(_BITMAP, b"\xff" * 1024), Segment(CODE, asm.finish())]
    return Program("CSR sweep without H", CODE, tuple(segments), asm.labels)


def _handlers(asm: Assembler) -> None:
    """Of M mode, and of root S for VM exits."""
    asm.label("trap")
    asm.jump("bne", "after", _AFTER, 0)
    asm.csr("csrrs", _SCRATCH, "mepc")
    asm.op("addi", _SCRATCH, _SCRATCH, imm=4)
    asm.csr("csrrw", 0, "mepc", _SCRATCH)
    asm.op("mret")
    asm.label("after")
    asm.op("jalr", 0, _AFTER)
    asm.label("exit")
    asm.jump("bne", "exited", _AFTER, 0)
    asm.op("addi", _A, 0, imm=FIELDS["G_PC"].number)
    asm.op("vmread", _B, _A)
    asm.op("addi", _B, _B, imm=4)
    asm.op("vmwrite", _B, _A, _B)
    asm.op("vmresume", _A)
    asm.label("exited")
    asm.op("ecall")


def _set(asm: Assembler, name: str, value: int) -> None:
    asm.constant(_SCRATCH, value)
    asm.csr("csrrw", 0, name, _SCRATCH)


def _enables(asm: Assembler, state: _State) -> None:
    _set(asm, "mcounteren", _ALL * state.machine)
    _set(asm, "menvcfg", CSRS["menvcfg"].mask("STCE") * state.machine)
    _set(asm, "scounteren", _ALL * state.supervisor)
    _set(asm, "stimecmp", _ALL)
    _set(asm, "mstatus", CSRS["mstatus"].mask("TVM") * state.traps)


def _go(asm: Assembler, privilege: int) -> None:
    """To another mode, at the instruction behind."""
    asm.constant(_SCRATCH, privilege << 11)
    asm.csr("csrrs", 0, "mstatus", _SCRATCH)
    asm.op("addi", _AFTER, 0)
    asm.op("addi", _ZERO, 0)
    asm.op("auipc", _SCRATCH)
    asm.op("addi", _SCRATCH, _SCRATCH, imm=16)
    asm.csr("csrrw", 0, "mepc", _SCRATCH)
    asm.op("mret")


def _leave(asm: Assembler) -> None:
    """Back to M mode, at the instruction behind; from the guest's S by an exit."""
    asm.op("auipc", _AFTER)
    asm.op("addi", _AFTER, _AFTER, imm=12)
    asm.op("ecall")


def _accesses(asm: Assembler) -> None:
    for state in csr_states(hypervisor=True, xvmx=True).values():
        for source in (0, _ZERO):
            asm.word(encode("csrrs", _TARGET, source, imm=state.csr.number))


def _field(asm: Assembler, name: str, value: int) -> None:
    asm.op("addi", _A, 0, imm=FIELDS[name].number)
    asm.constant(_B, value)
    asm.op("vmwrite", _B, _A, _B)


def _vmx(asm: Assembler) -> None:
    """A current VMCS that has been launched: its first guest only leaves."""
    for name, address in (("vmxon", _REGION), ("vmclear", _VMCS), ("vmptrld", _VMCS)):
        asm.constant(_A, address)
        asm.op(name, _B, _A)
    _field(asm, "H_PC", asm.labels["exit"])
    _field(asm, "CSR_BITMAP", _BITMAP)
    _field(asm, "G_STIMECMP", _ALL)
    _field(asm, "H_STIMECMP", _ALL)
    _field(asm, "G_PRIV", Privilege.S)
    _guest(asm, "vmlaunch")


def _enter(asm: Assembler, privilege: int, control: int, counters: bool) -> None:
    """From root S to the guest, at the instruction behind."""
    _field(asm, "PROC_CTLS", control)
    _field(asm, "G_PRIV", privilege)
    _field(asm, "G_SCOUNTEREN", _ALL * counters)
    _guest(asm, "vmresume")


def _guest(asm: Assembler, instruction: str) -> None:
    asm.op("auipc", _B)
    asm.op("addi", _B, _B, imm=20)
    asm.op("addi", _A, 0, imm=FIELDS["G_PC"].number)
    asm.op("vmwrite", _B, _A, _B)
    asm.op(instruction, _A)
