"""What passes from one pipeline stage to the next.

::

    Frontend --Fetched--> Decode --ExecuteOp--> Execute --MemoryOp--> Memory --> registers, retire port

The fetch queue at the end of the frontend is the decode stage's register; Execute and Memory each begin with
the register that holds their operation. Traps, xRET and CSR writes act in Execute once the older operation in
Memory can no longer fault, so every architectural change happens in program order.
"""

from amaranth.lib import data, enum

from rtl.core.interface import CsrOp, Mode, SystemOp
from rtl.isa.paging import PA_BITS
from rtl.mmu.interface import Fault

__all__ = [
    "ASelect",
    "AluOp",
    "AmoOp",
    "BSelect",
    "BranchKind",
    "BranchOp",
    "BranchUpdate",
    "Companion",
    "CompanionResult",
    "Control",
    "ExecuteOp",
    "Fetched",
    "Forward",
    "ImmediateFormat",
    "MemoryKind",
    "MemoryOp",
    "MicroOp",
    "Redirect",
]


class AluOp(enum.Enum, shape=4):
    """Integer operation; the low three bits are funct3 of OP, bit 3 is instruction bit 30."""

    ADD = 0
    SLL = 1
    SLT = 2
    SLTU = 3
    XOR = 4
    SRL = 5
    OR = 6
    AND = 7
    SUB = 8
    SRA = 13


class ASelect(enum.Enum, shape=2):
    """First ALU operand."""

    RS1 = 0
    PC = 1
    ZERO = 2


class BSelect(enum.Enum, shape=1):
    """Second ALU operand."""

    RS2 = 0
    IMMEDIATE = 1


class ImmediateFormat(enum.Enum, shape=3):
    """Which bits of the instruction make the immediate."""

    NONE = 0
    I = 1  # noqa: E741 -- the specification's name
    S = 2
    B = 3
    U = 4
    J = 5
    Z = 6
    """CSR number in bits 31:20, zero-extended."""


class BranchOp(enum.Enum, shape=4):
    """Control transfer; conditional branches are 8 + funct3."""

    NONE = 0
    JAL = 1
    JALR = 2
    BEQ = 8
    BNE = 9
    BLT = 12
    BGE = 13
    BLTU = 14
    BGEU = 15


class BranchKind(enum.Enum, shape=2):
    """What the predictor needs to know of a control transfer."""

    CONDITIONAL = 0
    JUMP = 1
    CALL = 2
    RETURN = 3


class MemoryKind(enum.Enum, shape=3):
    """What the memory stage does."""

    NONE = 0
    LOAD = 1
    STORE = 2
    LR = 3
    SC = 4
    AMO = 5


class AmoOp(enum.Enum, shape=4):
    """Function of an AMO: instruction bits 31:29, and bit 27 (swap) on top."""

    ADD = 0
    XOR = 1
    OR = 2
    AND = 3
    MIN = 4
    MAX = 5
    MINU = 6
    MAXU = 7
    SWAP = 8


class Control(data.Struct):
    """The decoder's verdict on an instruction."""

    illegal: 1
    use_rs1: 1
    use_rs2: 1
    rd_write: 1
    immediate: ImmediateFormat
    alu: AluOp
    word: 1
    """Operate on the low 32 bits and sign-extend."""
    a: ASelect
    b: BSelect
    branch: BranchOp
    memory: MemoryKind
    size: 2
    unsigned: 1
    hypervisor: 1
    """HLV, HLVX, HSV."""
    hlvx: 1
    amo: AmoOp
    multiply: 1
    divide: 1
    csr: CsrOp
    csr_immediate: 1
    system: SystemOp
    fence_i: 1
    vmx: 1
    """An instruction of Xvmx."""
    pause: 1
    simple: 1
    """Nothing but a result of the ALU: may go along with another instruction."""
    leads: 1
    """A simple one may go along with it: arithmetic, loads, stores, control transfers."""


class Fetched(data.Struct):
    """An instruction as the frontend delivers it."""

    pc: 64
    instruction: 32
    """Raw bits; the upper half is meaningless when ``compressed``."""
    compressed: 1
    predicted_taken: 1
    predicted_target: 64
    bad_prediction: 1
    """The predictor ended the block inside this instruction: its bits are not to be trusted."""
    fault_valid: 1
    fault_second: 1
    """The fault is on the instruction's second half, at ``pc + 2``."""
    fault: Fault


class Companion(data.Struct):
    """An arithmetic instruction that goes down the pipeline beside another one."""

    valid: 1
    older: 1
    """It comes before the other one in program order, else behind it."""
    pc: 64
    instruction: 32
    alu: AluOp
    word: 1
    rd: 5
    a: 64
    b: 64


class CompanionResult(data.Struct):
    """The same past execute."""

    valid: 1
    older: 1
    pc: 64
    instruction: 32
    rd: 5
    result: 64


class ExecuteOp(data.Struct):
    """A decoded instruction with its operands, and perhaps a simple one beside it."""

    fetched: Fetched
    expanded: 32
    """The 32-bit form of a compressed instruction."""
    control: Control
    rd: 5
    rs1: 5
    a: 64
    """Value of rs1."""
    b: 64
    """Value of rs2."""
    immediate: 64
    stores_companion: 1
    """A store of the companion's result; ``b`` means nothing."""
    companion: Companion


class MicroOp(data.Struct):
    """An access of an aligned word that the VMX unit makes on its own, through the memory stage."""

    kind: MemoryKind
    amo: AmoOp
    size: 2
    address: PA_BITS
    """Physical; the PMP checks it as an access from S mode."""
    data: 64


class MemoryOp(data.Struct):
    """An operation past execute."""

    micro: 1
    """A MicroOp: ``vaddr`` is physical, nothing retires, and a fault is the VMX unit's."""

    pc: 64
    instruction: 32
    compressed: 1
    tinst: 32
    """Transformed instruction with a zero address offset (H chapter, "Transformed Instruction")."""
    mode: Mode
    rd: 5
    rd_write: 1
    result: 64
    kind: MemoryKind
    size: 2
    unsigned: 1
    hypervisor: 1
    hlvx: 1
    amo: AmoOp
    vaddr: 64
    wdata: 64
    multiply: 1
    trap: 1
    """Trapped in execute: nothing to do but to report it."""
    vm_exit: 1
    interrupt: 1
    cause: 6
    companion: CompanionResult


class Redirect(data.Struct):
    """A new fetch address; everything younger is thrown away."""

    valid: 1
    target: 64


class BranchUpdate(data.Struct):
    """What execute found out about a control transfer, for the predictor."""

    valid: 1
    last_parcel: 64
    """Address of the instruction's last 16-bit parcel."""
    taken: 1
    target: 64
    kind: BranchKind
    remove: 1
    """There is no control transfer at this address: forget the entry."""
    link: 64
    """Address of the following instruction (pushed by calls)."""


class Forward(data.Struct):
    """A result on its way to the register file."""

    valid: 1
    rd: 5
    ready: 1
    """``data`` is good in this cycle, provided the stage advances."""
    data: 64
