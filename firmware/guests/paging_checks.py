"""The checks of the paging guest (privileged spec, "Sv39", and sfence.vma)."""

from firmware.guests.paging_probes import NO_TRAP, probe_jump, probe_load, probe_store, probe_user, seen
from firmware.lang import (
    addr_of,
    array,
    csr,
    fence_i,
    fw,
    ptr,
    sfence_vma,
    static,
    store32,
    store64,
    u32,
    u64,
)
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVEL_BITS, PAGE_SHIFT, AtpMode, Pte

__all__ = [
    "check_accessed_dirty",
    "check_alias",
    "check_bare_user",
    "check_fences",
    "check_large_pages",
    "check_malformed",
    "check_permissions",
    "check_satp",
    "check_self_map",
    "check_spaces",
    "check_table_reuse",
    "check_user",
    "prepare",
]

PAGE = 1 << PAGE_SHIFT
MEGA = PAGE << LEVEL_BITS
GIGA_SHIFT = PAGE_SHIFT + 2 * LEVEL_BITS
ENTRIES = 1 << LEVEL_BITS
FRAMES = DRAM_BASE + 2 * MEGA
"""Guest RAM that the checks use freely, beyond this image."""
WINDOW = 0x20_0000_0000
"""A virtual address with a root entry of its own."""
WINDOW_ENTRY = WINDOW >> GIGA_SHIFT
RAM_ENTRY = DRAM_BASE >> GIGA_SHIFT

DATA = Pte.V | Pte.R | Pte.W | Pte.A | Pte.D
CODE = DATA | Pte.X
SATP = CSRS["satp"]
SV39 = AtpMode.SV39 << SATP.field("MODE").lo
RESERVED_MODE = 9 << SATP.field("MODE").lo
ASID_AT = SATP.field("ASID").lo
SUM = CSRS["sstatus"].mask("SUM")
MXR = CSRS["sstatus"].mask("MXR")

ECALL = INSTRUCTIONS["ecall"].match
FENCE = INSTRUCTIONS["sfence.vma"].match
WFI = INSTRUCTIONS["wfi"].match
READ_SATP = SATP.number << 20 | 10 << 7 | 2 << 12 | 0x73
"""csrr a0, satp."""

root = static(array[u64, ENTRIES], align=PAGE)
other_root = static(array[u64, ENTRIES], align=PAGE)
middle = static(array[u64, ENTRIES], align=PAGE)
other_middle = static(array[u64, ENTRIES], align=PAGE)
leaves = static(array[u64, ENTRIES], align=PAGE)
other_leaves = static(array[u64, ENTRIES], align=PAGE)


@fw
def pointer(table: ptr[u64]) -> u64:
    """An entry that points to a table."""
    return ((u64(table) >> PAGE_SHIFT) << 10) | Pte.V


@fw
def leaf(address: u64, flags: u64) -> u64:
    """An entry that maps ``address``."""
    return ((address >> PAGE_SHIFT) << 10) | flags


@fw
def frame(number: u64) -> u64:
    """A page of RAM to map, which begins with its own address."""
    address = FRAMES + number * PAGE
    store64(address, address)
    return address


@fw
def satp_of(table: ptr[u64], asid: u64) -> u64:
    """satp for a root table."""
    return SV39 | (asid << ASID_AT) | (u64(table) >> PAGE_SHIFT)


@fw
def trapped(cause: u64, value: u64) -> bool:
    """Whether the last probe trapped so; forgets it."""
    good = seen.cause == cause and seen.value == value
    seen.cause = NO_TRAP
    return good


@fw
def reads(address: u64, value: u64) -> bool:
    """Whether a load gives ``value``, without a trap."""
    seen.cause = NO_TRAP
    return probe_load(address) == value and seen.cause == NO_TRAP


@fw
def load_faults(address: u64) -> bool:
    """Whether a load is a page fault."""
    return probe_load(address) == u64(-1) and trapped(u64(Cause.LOAD_PAGE_FAULT), address)


@fw
def store_faults(address: u64) -> bool:
    """Whether a store is a page fault."""
    probe_store(address, u64(0))
    return trapped(u64(Cause.STORE_PAGE_FAULT), address)


@fw
def prepare() -> None:
    """RAM mapped as it is by 1 GiB, and a window of 4 KiB pages, which two address spaces do not share."""
    root[RAM_ENTRY] = leaf(u64(DRAM_BASE), u64(CODE))
    other_root[RAM_ENTRY] = leaf(u64(DRAM_BASE), u64(CODE))
    root[WINDOW_ENTRY] = pointer(middle)
    other_root[WINDOW_ENTRY] = pointer(other_middle)
    middle[0] = pointer(leaves)
    other_middle[0] = pointer(other_leaves)
    csr.satp = satp_of(root, u64(0))
    sfence_vma()


@fw
def check_satp() -> bool:
    """It reads back; a write with a MODE that does not exist changes nothing."""
    now = satp_of(root, u64(0))
    good = csr.satp == now
    csr.satp = RESERVED_MODE
    good = good and csr.satp == now
    csr.satp |= u64(5) << ASID_AT
    good = good and csr.satp == satp_of(root, u64(5))
    csr.satp = now
    sfence_vma()
    return good


@fw
def check_fences() -> bool:
    """A changed entry counts after the fence, of its address or of all."""
    good = True
    for round in range(u64(6)):
        address = WINDOW + (round & 1) * PAGE
        leaves[round & 1] = leaf(frame(round), u64(DATA))
        if (round & 2) != 0:
            sfence_vma(address)
        else:
            sfence_vma()
        good = good and reads(address, FRAMES + round * PAGE)
    leaves[0] = 0
    sfence_vma(WINDOW)
    return good and load_faults(u64(WINDOW)) and reads(WINDOW + PAGE, FRAMES + 5 * PAGE)


@fw
def check_alias() -> bool:
    """What is written at one address is read at the other."""
    leaves[0] = leaf(frame(u64(0)), u64(DATA))
    leaves[1] = leaf(FRAMES, u64(DATA))
    sfence_vma()
    probe_store(WINDOW + 8, u64(0x1234))
    return reads(WINDOW + PAGE + 8, u64(0x1234)) and reads(FRAMES + 8, u64(0x1234))


@fw
def remap(flags: u64) -> None:
    """Give the window's first page other permissions."""
    leaves[0] = leaf(u64(FRAMES), flags)
    sfence_vma(u64(WINDOW))


@fw
def check_permissions() -> bool:
    """R, W, X and U with SUM and MXR."""
    frame(u64(0))
    remap(u64(Pte.V | Pte.R | Pte.A | Pte.D))
    good = reads(u64(WINDOW), u64(FRAMES)) and store_faults(u64(WINDOW))
    probe_jump(u64(WINDOW), u64(addr_of(seen.resume)))
    good = good and trapped(u64(Cause.FETCH_PAGE_FAULT), u64(WINDOW))
    remap(u64(Pte.V | Pte.X | Pte.A | Pte.D))
    good = good and load_faults(u64(WINDOW)) and store_faults(u64(WINDOW))
    csr.sstatus |= MXR
    good = good and reads(u64(WINDOW), u64(FRAMES))
    csr.sstatus &= ~MXR
    remap(u64(CODE | Pte.U))
    good = good and load_faults(u64(WINDOW)) and store_faults(u64(WINDOW))
    csr.sstatus |= SUM
    good = good and reads(u64(WINDOW), u64(FRAMES))
    probe_jump(u64(WINDOW), u64(addr_of(seen.resume)))
    good = good and trapped(u64(Cause.FETCH_PAGE_FAULT), u64(WINDOW))
    csr.sstatus &= ~SUM
    return good and load_faults(u64(WINDOW))


@fw
def check_accessed_dirty() -> bool:
    """A clear A or D either faults or is set, by the access that needs it and no other."""
    remap(u64(Pte.V | Pte.R | Pte.W))
    seen.cause = NO_TRAP
    probe_load(u64(WINDOW))
    updated = (leaves[0] & Pte.A) != 0
    good = (seen.cause == NO_TRAP) == updated and (leaves[0] & Pte.D) == 0
    remap(u64(Pte.V | Pte.R | Pte.W | Pte.A))
    good = good and reads(u64(WINDOW), u64(FRAMES)) and (leaves[0] & Pte.D) == 0
    probe_store(u64(WINDOW), u64(FRAMES))
    good = good and (seen.cause == NO_TRAP) == updated and ((leaves[0] & Pte.D) != 0) == updated
    seen.cause = NO_TRAP
    return good


@fw
def check_malformed() -> bool:
    """Entries that are not valid, reserved, or in the wrong place."""
    remap(u64(0))
    good = load_faults(u64(WINDOW))
    remap(u64(DATA & ~Pte.R))
    good = good and load_faults(u64(WINDOW)) and store_faults(u64(WINDOW))
    remap(DATA | u64(1) << 60)
    good = good and load_faults(u64(WINDOW))
    remap(u64(Pte.V))
    good = good and load_faults(u64(WINDOW))
    middle[0] = pointer(leaves) | Pte.A
    sfence_vma()
    good = good and load_faults(u64(WINDOW))
    middle[0] = pointer(leaves)
    sfence_vma()
    return good and load_faults(WINDOW | (u64(1) << 38)) and load_faults(u64(1) << 50)


@fw
def check_large_pages() -> bool:
    """2 MiB at a time, in the middle of which is RAM that is also a table; and one that is not aligned."""
    middle[1] = leaf(u64(FRAMES), u64(DATA))
    middle[2] = leaf(FRAMES + PAGE, u64(DATA))
    middle[3] = leaf(u64(leaves) & ~(MEGA - 1), u64(Pte.V | Pte.R | Pte.A))
    sfence_vma()
    good = True
    for number in range(u64(4)):
        good = good and reads(WINDOW + MEGA + number * 64 * PAGE, frame(number * 64))
    good = good and load_faults(u64(WINDOW + 2 * MEGA))
    place = WINDOW + 3 * MEGA + (u64(leaves) & (MEGA - 1))
    leaves[7] = leaf(u64(FRAMES), u64(DATA))
    good = good and reads(place + 7 * 8, leaves[7]) and store_faults(place)
    for number in range(u64(1), u64(4)):
        middle[number] = 0
    leaves[7] = 0
    sfence_vma()
    return good and load_faults(u64(WINDOW + MEGA))


@fw
def check_spaces() -> bool:
    """Two address spaces in turns, with ASIDs, without fences."""
    leaves[0] = leaf(frame(u64(0)), u64(DATA))
    other_leaves[0] = leaf(frame(u64(1)), u64(DATA))
    sfence_vma()
    good = True
    for round in range(u64(8)):
        csr.satp = satp_of(root, u64(1))
        good = good and reads(u64(WINDOW), u64(FRAMES))
        if round == 4:  # seen by an ASID that has not been used yet, without a fence
            other_leaves[0] = leaf(frame(u64(2)), u64(DATA))
        csr.satp = satp_of(other_root, u64(2) + (round >> 2))
        good = good and reads(u64(WINDOW), FRAMES + PAGE + (round >> 2) * PAGE)
    csr.satp = satp_of(root, u64(0))
    sfence_vma()
    return good


@fw
def check_self_map() -> bool:
    """A table changed through a page that it maps itself."""
    leaves[1] = leaf(u64(leaves), u64(DATA))
    sfence_vma()
    good = True
    for round in range(u64(8)):
        probe_store(WINDOW + PAGE, leaf(frame(round), u64(DATA)))
        sfence_vma(u64(WINDOW))
        good = good and reads(u64(WINDOW), FRAMES + round * PAGE)
    probe_store(WINDOW + PAGE + 8, u64(0))
    sfence_vma()
    return good and load_faults(u64(WINDOW + PAGE))


@fw
def check_table_reuse() -> bool:
    """A page that was a table holds data, and is a table again."""
    good = True
    table = ptr[u64](frame(u64(9)))
    for round in range(u64(3)):
        for number in range(u64(ENTRIES)):
            table[number] = 0
        table[1] = leaf(frame(round), u64(DATA))
        middle[0] = pointer(table)
        sfence_vma()
        good = good and reads(WINDOW + PAGE, FRAMES + round * PAGE) and load_faults(u64(WINDOW))
        middle[0] = pointer(leaves)
        sfence_vma()
        for number in range(u64(ENTRIES)):
            table[number] = number * 3 + round
        sfence_vma()
        for number in range(u64(ENTRIES)):
            good = good and table[number] == number * 3 + round
    return good


@fw
def user_traps(address: u64, word: u64, cause: u64) -> bool:
    """Whether U mode gets ``cause`` from the instruction ``word``, which stands at ``address``."""
    store32(u64(FRAMES), u32(word))
    store32(FRAMES + 4, u32(ECALL))
    fence_i()
    seen.cause = NO_TRAP
    probe_user(address, u64(addr_of(seen.resume)))
    return seen.cause == cause


@fw
def check_user() -> bool:
    """U mode reaches U pages only, and nothing that concerns translation; nor does it wait."""
    remap(u64(CODE | Pte.U))
    good = user_traps(u64(WINDOW), u64(ECALL), u64(Cause.ECALL_U))
    good = good and user_traps(u64(WINDOW), u64(FENCE), u64(Cause.ILLEGAL_INSTRUCTION))
    good = good and user_traps(u64(WINDOW), u64(READ_SATP), u64(Cause.ILLEGAL_INSTRUCTION))
    good = good and user_traps(u64(WINDOW), u64(WFI), u64(Cause.ILLEGAL_INSTRUCTION))
    good = good and user_traps(u64(FRAMES), u64(ECALL), u64(Cause.FETCH_PAGE_FAULT))
    remap(u64(CODE))
    good = good and user_traps(u64(WINDOW), u64(ECALL), u64(Cause.FETCH_PAGE_FAULT))
    return good and seen.value == WINDOW


@fw
def check_bare_user() -> bool:
    """Without paging U mode reaches everything, back and forth with S mode."""
    good = True
    for _ in range(3):
        good = good and user_traps(u64(FRAMES), u64(ECALL), u64(Cause.ECALL_U))
        good = good and user_traps(u64(FRAMES), u64(FENCE), u64(Cause.ILLEGAL_INSTRUCTION))
    return good
