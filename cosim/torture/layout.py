"""Where a torture program's parts stand in memory, and which registers its parts keep for themselves."""

from rtl.isa.memory_map import DRAM_BASE

__all__ = [
    "BODIES",
    "BODY_STRIDE",
    "BUDGET",
    "CELL",
    "CODE",
    "CODE_PAGES",
    "DATA",
    "DATA_FRAMES",
    "DATA_REGISTERS",
    "DEEP_REGISTERS",
    "DEVICE_MEMORY",
    "DEVICE_MEMORY_SIZE",
    "FENCED_PAGE",
    "FETCH_CAUSES",
    "FORBIDDEN",
    "FROZEN",
    "LAST_PAGE",
    "LOOP",
    "MEMORY",
    "POINTERS",
    "PROBE",
    "PROBE_PAGES",
    "TABLES",
    "USER_CODE",
]

MEMORY = (16 << 20) + 0x1000
"""Bytes of DRAM."""
LAST_PAGE = DRAM_BASE + MEMORY - 0x1000
"""The first page of a root of a second stage whose other pages do not exist."""
CODE = DRAM_BASE
"""Handlers, and the routine that starts chunks; the first 2 MiB hold all code."""
CODE_PAGES = 128
"""Pages of code that translations cover; what is beyond is for M mode."""
CELL = DRAM_BASE + 0xF_F000
"""Address of the present chunk's settings."""
BODIES = CODE + 0x1_0000
BODY_STRIDE = 0x2000
"""Each chunk's code has two pages and begins near the end of the first."""
USER_CODE = 0x4000_0000
"""Second virtual address of the code, with U pages."""
DATA = DRAM_BASE + 0x20_0000
"""Two megapages that programs load and store."""
DATA_FRAMES = [DATA + n * 0x1000 for n in (0, 1, 2, 3, 4, 5, 511, 512, 513, 1023)]
PROBE = DRAM_BASE + 0x70_0000
PROBE_PAGES = 4
"""Pages full of returns, to be called through all sorts of mappings; far from data, so none is stored to."""
TABLES = DRAM_BASE + 0x80_0000
"""Page tables of all stages."""

FORBIDDEN = DRAM_BASE + 0xE0_0000
"""Tables and data that the PMP keeps from S and U mode."""
FROZEN = FORBIDDEN + 0x1_0000
"""The same, but they may read it."""
FENCED_PAGE = FROZEN + 0x2_1000
"""The second page of a root of a second stage: nobody but M may read it."""
DEVICE_MEMORY = DRAM_BASE + 0xF0_0000
"""What DMA writes, and the program leaves alone."""
DEVICE_MEMORY_SIZE = 0x1_0000

POINTERS = (2, 8, 9, 10, 11)
"""Registers that hold addresses of data."""
DATA_REGISTERS = (3, 4, 5, 6, 7, *range(12, 21))
FETCH_CAUSES = 21
"""Register with bit 63 - n set if exception n is a fetch's, for the handlers."""
DEEP_REGISTERS = (22, 23, 24, 25, 26)
"""Where handlers that trap again save their state."""
LOOP = 27
"""Loop counter. x1 holds the address to go on at after a fetch fault; x28 to x31 belong to the handlers."""
BUDGET = 30
"""Traps that a chunk has left."""
