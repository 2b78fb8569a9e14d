"""Boot ROM: contents, the two words from outside, and what the reset code says."""

from rtl.isa.instructions import find
from rtl.isa.memory_map import BOOT_ROM
from rtl.platform.boot_rom import BOOT_DTB_OFFSET, BOOT_ENTRY_OFFSET, BootRom, reset_code
from tests.platform.bus import simulate

_A0, _A1 = 10, 11


def _run(code: bytes, words: dict[int, int], mhartid: int) -> tuple[int, list[int]]:
    """Execute straight-line reset code at its address until it jumps; returns the target and registers."""
    registers = [0] * 32
    for at in range(0, len(code), 4):
        word = int.from_bytes(code[at : at + 4], "little")
        rd, rs1, imm = word >> 7 & 31, word >> 15 & 31, (word >> 20 ^ 0x800) - 0x800
        match find(word).name:
            case "auipc":
                registers[rd] = BOOT_ROM.base + at + (word & 0xFFFFF000)
            case "csrrs":
                assert word >> 20 == 0xF14 and rs1 == 0
                registers[rd] = mhartid
            case "ld":
                registers[rd] = words[registers[rs1] + imm - BOOT_ROM.base]
            case "jalr":
                assert rd == 0
                return registers[rs1] + imm, registers
    raise AssertionError("the reset code does not jump")


def test_reset_code_hands_over_as_the_linux_boot_protocol_wants():
    words = {BOOT_ENTRY_OFFSET: 0x8020_0000, BOOT_DTB_OFFSET: 0x8FE0_0000}
    target, registers = _run(reset_code(), words, mhartid=3)
    assert target == 0x8020_0000
    assert registers[_A0] == 3
    assert registers[_A1] == 0x8FE0_0000


def test_reset_code_leaves_room_for_its_words():
    assert len(reset_code()) <= BOOT_ENTRY_OFFSET


def test_contents_and_boot_words():
    image = bytes(range(1, 60))
    rom = BootRom(image)

    async def testbench(ctx, bus):
        ctx.set(rom.boot_entry, 0x1122_3344_5566_7788)
        ctx.set(rom.boot_dtb, 0x99AA_BBCC_DDEE_FF00)
        for size in range(4):
            for at in range(0, BOOT_ENTRY_OFFSET, 1 << size):
                expected = int.from_bytes(image[at : at + (1 << size)], "little")
                assert await bus.read(at, size) == expected
        assert await bus.read(BOOT_ENTRY_OFFSET, 3) == 0x1122_3344_5566_7788
        assert await bus.read(BOOT_DTB_OFFSET, 3) == 0x99AA_BBCC_DDEE_FF00
        assert await bus.read(BOOT_DTB_OFFSET + 4) == 0x99AA_BBCC
        assert await bus.read(0x28, 3) == int.from_bytes(image[0x28:0x30], "little")
        assert await bus.read(0x38, 3) == int.from_bytes(image[0x38:], "little"), "padded with zeros"
        assert await bus.read(0x40, 3) == 0, "nothing after the contents"
        assert await bus.read(BOOT_ROM.size - 8, 3) == 0
        assert await bus.refuses(0, 3, write=True)
        assert await bus.read(0, 0) == 1

    simulate(rom, testbench)
