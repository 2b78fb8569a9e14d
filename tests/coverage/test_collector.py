"""The collector: what small programs on the model hit, and nothing else."""

from cosim.coverage.collector import Collector
from cosim.model.exceptions import Stop
from cosim.model.machine import Machine
from cosim.torture.assembler import encode
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM_BASE

_CSR = {name: csr.number for name, csr in CSRS.items()}


def _run(words: list[int], **registers: int) -> dict:
    """Hits of a row of 32-bit words in M mode; ``registers``: x1=... to begin with."""
    machine = Machine(16 << 20)
    hart = machine.hart
    hart.pmp.cfg[0], hart.pmp.addr[0] = 0x1F, (1 << 54) - 1
    for n, word in enumerate(words):
        machine.bus.write_bytes(DRAM_BASE + 4 * n, word.to_bytes(4, "little"))
    for name, value in registers.items():
        hart.x[int(name[1:])] = value
    collector = Collector(hart)
    for _ in words:
        try:
            hart.step()
        except Stop:
            break
    return collector.finish()


def test_instructions_and_compressed_ones() -> None:
    hits = _run([encode("addi", 1, 0, imm=3), 0x0001_8082 & 0xFFFF | 0x0001 << 16], x1=0)
    assert hits["instructions"]["addi", "M", "done"] == 1
    assert hits["instructions"]["c.jr", "M", "done"] == 1
    assert hits["instructions"]["jalr", "M", "done"] == 1


def test_csr_accesses() -> None:
    hits = _run(
        [
            encode("csrrs", 1, 0, imm=_CSR["mstatus"]),
            encode("csrrs", 1, 2, imm=_CSR["mscratch"]),
            encode("csrrw", 0, 0, imm=_CSR["mhartid"]),
        ]
    )
    assert set(hits["csrs"]) == {
        ("mstatus", "M", "read", "done"),
        ("mscratch", "M", "write", "done"),
        ("mhartid", "M", "write", "illegal"),
    }
    assert hits["traps"]["ILLEGAL_INSTRUCTION", "M", "M"] == 1


def test_absent_csr() -> None:
    assert _run([encode("csrrs", 1, 0, imm=0x5C0)])["absent_csrs"] == {("0x5c0", "M"): 1}


def test_returns() -> None:
    hits = _run([encode("csrrw", 0, 1, imm=_CSR["mepc"]), encode("mret")], x1=DRAM_BASE)
    assert hits["returns"] == {("mret", "M", "U"): 1}


def test_guest_walks() -> None:
    """HLV through a root of the second stage that is all zeros; then through a 1 GiB page."""
    root = DRAM_BASE + 0x10_0000
    entry = root + 8 * (DRAM_BASE >> 30)
    words = [
        encode("csrrw", 0, 1, imm=_CSR["hgatp"]),
        encode("csrrw", 0, 6, imm=_CSR["mtvec"]),
        encode("hlv.d", 5, 2),  # the trap goes on behind it
        encode("sd", 0, 3, 4),
        encode("hfence.gvma"),
        encode("hlv.d", 5, 2),
        encode("hsv.d", 0, 2, 5),
    ]
    pte = DRAM_BASE >> 12 << 10 | 0xDF
    hits = _run(words, x1=8 << 60 | root >> 12, x2=DRAM_BASE + 0x2000, x3=entry, x4=pte, x6=DRAM_BASE + 12)
    assert hits["second_stage"] == {("hlv", "bare", "invalid", "2"): 1}
    assert hits["pages"]["hlv", "bare", "1G"] == 1
    assert hits["pages"]["hsv", "bare", "1G"] == 1
    assert hits["guest_permissions"]["load", "RWX", "U", "-"] == 1


def test_no_memory() -> None:
    hits = _run([encode("amoadd.w", 1, 2, 3)], x2=0x1000_0000)
    assert hits["access_faults"] == {("amo", "final", "memory"): 1}


def test_running_on_is_not_slowed_nor_seen() -> None:
    machine = Machine(16 << 20)
    machine.bus.write_bytes(DRAM_BASE, b"\x01\x00" * 64)
    collector = Collector(machine.hart)
    machine.hart.run(20)
    assert "instructions" not in collector.finish()
