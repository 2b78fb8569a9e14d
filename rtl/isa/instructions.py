"""Instruction encodings of the machine, one line each: name, format, fixed fields, extension.

The 32-bit table and the compressed table generate the decoder, the disassembler, the model's
dispatch and the compiler's intrinsics. Sources: RISC-V unprivileged spec (RV64I, M, A, Zicsr,
Zifencei, Zihintpause, C), privileged spec (Svinval, H), and xvmx.md section 3.
"""

from dataclasses import dataclass
from enum import Enum

__all__ = ["COMPRESSED", "INSTRUCTIONS", "PAUSE", "Compressed", "Format", "Instruction", "Opcode", "find"]


class Format(Enum):
    """Which operand fields an instruction has."""

    R = "rd, rs1, rs2"
    I = "rd, rs1, imm12"  # noqa: E741 -- the specification's name
    SHIFT6 = "rd, rs1, shamt6"
    SHIFT5 = "rd, rs1, shamt5"
    LOAD = "rd, imm12(rs1)"
    S = "rs2, imm12(rs1)"
    B = "rs1, rs2, offset13"
    U = "rd, imm20"
    J = "rd, offset21"
    CSR = "rd, csr, rs1"
    CSRI = "rd, csr, uimm5"
    FENCE = "pred, succ"
    NONE = ""
    RS1_RS2 = "rs1, rs2"
    LR = "rd, (rs1)"
    AMO = "rd, rs2, (rs1)"
    HLV = "rd, (rs1) hypervisor load"
    HSV = "rs2, (rs1) hypervisor store"
    RD = "rd"
    RD_RS1 = "rd, rs1"


class Opcode:
    """Major opcodes (bits 6:0)."""

    LOAD = 0x03
    MISC_MEM = 0x0F
    OP_IMM = 0x13
    AUIPC = 0x17
    OP_IMM_32 = 0x1B
    STORE = 0x23
    AMO = 0x2F
    OP = 0x33
    LUI = 0x37
    OP_32 = 0x3B
    BRANCH = 0x63
    JALR = 0x67
    JAL = 0x6F
    SYSTEM = 0x73
    CUSTOM_3 = 0x7B


@dataclass(frozen=True)
class Instruction:
    """A 32-bit encoding: an instruction word ``w`` is this one if ``w & mask == match``."""

    name: str
    format: Format
    match: int
    mask: int
    extension: str

    def matches(self, word: int) -> bool:
        """Whether the 32-bit ``word`` encodes this instruction."""
        return word & self.mask == self.match

    @property
    def pattern(self) -> str:
        """32 characters of ``0``, ``1`` and ``-`` (any), most significant bit first."""
        return "".join(
            "-" if not self.mask >> bit & 1 else str(self.match >> bit & 1) for bit in range(31, -1, -1)
        )


# name format opcode [field=value ...]; f3 14:12, f7 31:25, f6 31:26, f5 31:27, rs2 24:20, rs1 19:15,
# rd 11:7, i12 31:20
_FIELDS = {
    "op": (0, 7),
    "rd": (7, 5),
    "f3": (12, 3),
    "rs1": (15, 5),
    "rs2": (20, 5),
    "f7": (25, 7),
    "f6": (26, 6),
    "f5": (27, 5),
    "i12": (20, 12),
}

_TEXT = {
    "I": """
        lui U op=0x37
        auipc U op=0x17
        jal J op=0x6f
        jalr LOAD op=0x67 f3=0
        beq B op=0x63 f3=0
        bne B op=0x63 f3=1
        blt B op=0x63 f3=4
        bge B op=0x63 f3=5
        bltu B op=0x63 f3=6
        bgeu B op=0x63 f3=7
        lb LOAD op=0x03 f3=0
        lh LOAD op=0x03 f3=1
        lw LOAD op=0x03 f3=2
        ld LOAD op=0x03 f3=3
        lbu LOAD op=0x03 f3=4
        lhu LOAD op=0x03 f3=5
        lwu LOAD op=0x03 f3=6
        sb S op=0x23 f3=0
        sh S op=0x23 f3=1
        sw S op=0x23 f3=2
        sd S op=0x23 f3=3
        addi I op=0x13 f3=0
        slti I op=0x13 f3=2
        sltiu I op=0x13 f3=3
        xori I op=0x13 f3=4
        ori I op=0x13 f3=6
        andi I op=0x13 f3=7
        slli SHIFT6 op=0x13 f3=1 f6=0
        srli SHIFT6 op=0x13 f3=5 f6=0
        srai SHIFT6 op=0x13 f3=5 f6=0x10
        add R op=0x33 f3=0 f7=0
        sub R op=0x33 f3=0 f7=0x20
        sll R op=0x33 f3=1 f7=0
        slt R op=0x33 f3=2 f7=0
        sltu R op=0x33 f3=3 f7=0
        xor R op=0x33 f3=4 f7=0
        srl R op=0x33 f3=5 f7=0
        sra R op=0x33 f3=5 f7=0x20
        or R op=0x33 f3=6 f7=0
        and R op=0x33 f3=7 f7=0
        addiw I op=0x1b f3=0
        slliw SHIFT5 op=0x1b f3=1 f7=0
        srliw SHIFT5 op=0x1b f3=5 f7=0
        sraiw SHIFT5 op=0x1b f3=5 f7=0x20
        addw R op=0x3b f3=0 f7=0
        subw R op=0x3b f3=0 f7=0x20
        sllw R op=0x3b f3=1 f7=0
        srlw R op=0x3b f3=5 f7=0
        sraw R op=0x3b f3=5 f7=0x20
        fence FENCE op=0x0f f3=0
        ecall NONE op=0x73 f3=0 i12=0 rs1=0 rd=0
        ebreak NONE op=0x73 f3=0 i12=1 rs1=0 rd=0
    """,
    "Zifencei": """
        fence.i FENCE op=0x0f f3=1
    """,
    "Zicsr": """
        csrrw CSR op=0x73 f3=1
        csrrs CSR op=0x73 f3=2
        csrrc CSR op=0x73 f3=3
        csrrwi CSRI op=0x73 f3=5
        csrrsi CSRI op=0x73 f3=6
        csrrci CSRI op=0x73 f3=7
    """,
    "M": """
        mul R op=0x33 f3=0 f7=1
        mulh R op=0x33 f3=1 f7=1
        mulhsu R op=0x33 f3=2 f7=1
        mulhu R op=0x33 f3=3 f7=1
        div R op=0x33 f3=4 f7=1
        divu R op=0x33 f3=5 f7=1
        rem R op=0x33 f3=6 f7=1
        remu R op=0x33 f3=7 f7=1
        mulw R op=0x3b f3=0 f7=1
        divw R op=0x3b f3=4 f7=1
        divuw R op=0x3b f3=5 f7=1
        remw R op=0x3b f3=6 f7=1
        remuw R op=0x3b f3=7 f7=1
    """,
    "A": """
        lr.w LR op=0x2f f3=2 f5=2 rs2=0
        sc.w AMO op=0x2f f3=2 f5=3
        amoswap.w AMO op=0x2f f3=2 f5=1
        amoadd.w AMO op=0x2f f3=2 f5=0
        amoxor.w AMO op=0x2f f3=2 f5=4
        amoand.w AMO op=0x2f f3=2 f5=12
        amoor.w AMO op=0x2f f3=2 f5=8
        amomin.w AMO op=0x2f f3=2 f5=16
        amomax.w AMO op=0x2f f3=2 f5=20
        amominu.w AMO op=0x2f f3=2 f5=24
        amomaxu.w AMO op=0x2f f3=2 f5=28
        lr.d LR op=0x2f f3=3 f5=2 rs2=0
        sc.d AMO op=0x2f f3=3 f5=3
        amoswap.d AMO op=0x2f f3=3 f5=1
        amoadd.d AMO op=0x2f f3=3 f5=0
        amoxor.d AMO op=0x2f f3=3 f5=4
        amoand.d AMO op=0x2f f3=3 f5=12
        amoor.d AMO op=0x2f f3=3 f5=8
        amomin.d AMO op=0x2f f3=3 f5=16
        amomax.d AMO op=0x2f f3=3 f5=20
        amominu.d AMO op=0x2f f3=3 f5=24
        amomaxu.d AMO op=0x2f f3=3 f5=28
    """,
    "S": """
        mret NONE op=0x73 f3=0 i12=0x302 rs1=0 rd=0
        sret NONE op=0x73 f3=0 i12=0x102 rs1=0 rd=0
        wfi NONE op=0x73 f3=0 i12=0x105 rs1=0 rd=0
        sfence.vma RS1_RS2 op=0x73 f3=0 f7=0x09 rd=0
    """,
    "Svinval": """
        sinval.vma RS1_RS2 op=0x73 f3=0 f7=0x0b rd=0
        sfence.w.inval NONE op=0x73 f3=0 i12=0x180 rs1=0 rd=0
        sfence.inval.ir NONE op=0x73 f3=0 i12=0x181 rs1=0 rd=0
    """,
    "H": """
        hfence.vvma RS1_RS2 op=0x73 f3=0 f7=0x11 rd=0
        hfence.gvma RS1_RS2 op=0x73 f3=0 f7=0x31 rd=0
        hinval.vvma RS1_RS2 op=0x73 f3=0 f7=0x13 rd=0
        hinval.gvma RS1_RS2 op=0x73 f3=0 f7=0x33 rd=0
        hlv.b HLV op=0x73 f3=4 f7=0x30 rs2=0
        hlv.bu HLV op=0x73 f3=4 f7=0x30 rs2=1
        hlv.h HLV op=0x73 f3=4 f7=0x32 rs2=0
        hlv.hu HLV op=0x73 f3=4 f7=0x32 rs2=1
        hlvx.hu HLV op=0x73 f3=4 f7=0x32 rs2=3
        hlv.w HLV op=0x73 f3=4 f7=0x34 rs2=0
        hlv.wu HLV op=0x73 f3=4 f7=0x34 rs2=1
        hlvx.wu HLV op=0x73 f3=4 f7=0x34 rs2=3
        hlv.d HLV op=0x73 f3=4 f7=0x36 rs2=0
        hsv.b HSV op=0x73 f3=4 f7=0x31 rd=0
        hsv.h HSV op=0x73 f3=4 f7=0x33 rd=0
        hsv.w HSV op=0x73 f3=4 f7=0x35 rd=0
        hsv.d HSV op=0x73 f3=4 f7=0x37 rd=0
    """,
    "Xvmx": """
        vmxon RD_RS1 op=0x7b f3=0 f7=0x00 rs2=0
        vmxoff RD op=0x7b f3=0 f7=0x01 rs2=0 rs1=0
        vmclear RD_RS1 op=0x7b f3=0 f7=0x02 rs2=0
        vmptrld RD_RS1 op=0x7b f3=0 f7=0x03 rs2=0
        vmptrst RD op=0x7b f3=0 f7=0x04 rs2=0 rs1=0
        vmread RD_RS1 op=0x7b f3=0 f7=0x05 rs2=0
        vmwrite R op=0x7b f3=0 f7=0x06
        vmlaunch RD op=0x7b f3=0 f7=0x07 rs2=0 rs1=0
        vmresume RD op=0x7b f3=0 f7=0x08 rs2=0 rs1=0
        vmcall NONE op=0x7b f3=0 f7=0x09 rs2=0 rs1=0 rd=0
        vmfunc R op=0x7b f3=0 f7=0x0a
        invept R op=0x7b f3=0 f7=0x0b
        invvpid R op=0x7b f3=0 f7=0x0c
    """,
}


def _parse(text: str, extension: str) -> list[Instruction]:
    found = []
    for line in text.split("\n"):
        words = line.split()
        if not words:
            continue
        match = mask = 0
        for word in words[2:]:
            field, _, value = word.partition("=")
            lo, width = _FIELDS[field]
            mask |= ((1 << width) - 1) << lo
            match |= int(value, 0) << lo
        found.append(Instruction(words[0], Format[words[1]], match, mask, extension))
    return found


INSTRUCTIONS: dict[str, Instruction] = {
    instruction.name: instruction
    for extension, text in _TEXT.items()
    for instruction in _parse(text, extension)
}
"""Every 32-bit instruction by name. ``pause`` is the ``fence`` hint 0x0100000f (Zihintpause)."""


PAUSE = 0x0100_000F
"""``pause``: a hint of FENCE (Zihintpause)."""


def find(word: int) -> Instruction | None:
    """The instruction that the 32-bit ``word`` encodes, or None."""
    for instruction in INSTRUCTIONS.values():
        if instruction.matches(word):
            return instruction
    return None


@dataclass(frozen=True)
class Compressed:
    """A 16-bit encoding and the 32-bit instruction it stands for (unprivileged spec, "C" chapter).

    ``match``/``mask`` fix bits; ``avoid`` lists ``(mask, value)`` pairs that make the word another
    instruction or reserved (for example rd = x0). ``expands_to`` names the 32-bit instruction.
    """

    name: str
    match: int
    mask: int
    expands_to: str
    avoid: tuple[tuple[int, int], ...] = ()

    def matches(self, word: int) -> bool:
        """Whether the 16-bit ``word`` encodes this instruction."""
        return word & self.mask == self.match and all(word & m != v for m, v in self.avoid)


_RD0 = (0x0F80, 0)
_RD2 = (0x0F80, 2 << 7)
_IMM6_0 = (0x107C, 0)

COMPRESSED: tuple[Compressed, ...] = (
    Compressed("c.addi4spn", 0x0000, 0xE003, "addi", ((0x1FE0, 0),)),
    Compressed("c.lw", 0x4000, 0xE003, "lw"),
    Compressed("c.ld", 0x6000, 0xE003, "ld"),
    Compressed("c.sw", 0xC000, 0xE003, "sw"),
    Compressed("c.sd", 0xE000, 0xE003, "sd"),
    Compressed("c.addi", 0x0001, 0xE003, "addi"),
    Compressed("c.addiw", 0x2001, 0xE003, "addiw", (_RD0,)),
    Compressed("c.li", 0x4001, 0xE003, "addi"),
    Compressed("c.addi16sp", 0x6101, 0xEF83, "addi", (_IMM6_0,)),
    Compressed("c.lui", 0x6001, 0xE003, "lui", (_RD2, _IMM6_0)),
    Compressed("c.srli", 0x8001, 0xEC03, "srli"),
    Compressed("c.srai", 0x8401, 0xEC03, "srai"),
    Compressed("c.andi", 0x8801, 0xEC03, "andi"),
    Compressed("c.sub", 0x8C01, 0xFC63, "sub"),
    Compressed("c.xor", 0x8C21, 0xFC63, "xor"),
    Compressed("c.or", 0x8C41, 0xFC63, "or"),
    Compressed("c.and", 0x8C61, 0xFC63, "and"),
    Compressed("c.subw", 0x9C01, 0xFC63, "subw"),
    Compressed("c.addw", 0x9C21, 0xFC63, "addw"),
    Compressed("c.j", 0xA001, 0xE003, "jal"),
    Compressed("c.beqz", 0xC001, 0xE003, "beq"),
    Compressed("c.bnez", 0xE001, 0xE003, "bne"),
    Compressed("c.slli", 0x0002, 0xE003, "slli"),
    Compressed("c.lwsp", 0x4002, 0xE003, "lw", (_RD0,)),
    Compressed("c.ldsp", 0x6002, 0xE003, "ld", (_RD0,)),
    Compressed("c.jr", 0x8002, 0xF07F, "jalr", (_RD0,)),
    Compressed("c.mv", 0x8002, 0xF003, "add", ((0x007C, 0),)),
    Compressed("c.ebreak", 0x9002, 0xFFFF, "ebreak"),
    Compressed("c.jalr", 0x9002, 0xF07F, "jalr", (_RD0,)),
    Compressed("c.add", 0x9002, 0xF003, "add", ((0x007C, 0),)),
    Compressed("c.swsp", 0xC002, 0xE003, "sw"),
    Compressed("c.sdsp", 0xE002, 0xE003, "sd"),
)
"""RV64C without F and D. ``c.addi`` covers c.nop; hints (rd = x0) execute as their expansion does."""
