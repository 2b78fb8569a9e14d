"""Values of htinst/mtinst (H chapter 21.6.3, "Transformed Instruction or Pseudoinstruction").

A transformed instruction is the trapping load or store with its address offset taken out: the
immediate is zero and rs1 holds the distance from the address of the access to the faulting address
(0 unless a misaligned access faulted on its second part). A compressed instruction is first expanded,
and bit 1 of the result is 0 to tell that it was 2 bytes long.
"""

__all__ = ["PSEUDO_READ", "PSEUDO_WRITE", "transform"]

PSEUDO_READ = 0x0000_3000
"""64-bit read of a VS-stage page-table entry."""
PSEUDO_WRITE = 0x0000_3020
"""64-bit write of a VS-stage page-table entry (A/D update)."""

_LOAD, _STORE, _AMO, _SYSTEM = 0x03, 0x23, 0x2F, 0x73


def transform(word: int, address_offset: int, compressed: bool) -> int:
    """The transformed form of the load, store, AMO or hypervisor access ``word`` (32-bit, expanded).

    ``address_offset`` is faulting address minus access address. Returns 0 for any other instruction.
    """
    opcode = word & 0x7F
    if opcode == _LOAD:
        kept = word & 0x0000_7FFF  # rd, funct3, opcode
    elif opcode == _STORE:
        kept = word & 0x01F0_707F  # rs2, funct3, opcode
    elif opcode in (_AMO, _SYSTEM):
        kept = word & 0xFFF0_7FFF  # all but rs1
    else:
        return 0
    result = kept | (address_offset << 15)
    return result & ~2 if compressed else result
