"""Exits that shadow paging brings: page faults, and the guest's instructions that concern translation."""

from firmware.hypervisor import arch
from firmware.hypervisor.fault import reflect, reflect_access
from firmware.hypervisor.outcome import EMULATE, RESUME
from firmware.hypervisor.shadow.fill import fill
from firmware.hypervisor.shadow.space import BARE_ACCESS, enter_space, is_bare, set_satp
from firmware.hypervisor.shadow.sync import sync_address, sync_all, unsync
from firmware.hypervisor.shadow.tables import Table, shadow
from firmware.hypervisor.shadow.walk import PAGE_FAULT, WALKED, walk, walked
from firmware.hypervisor.vm import VCPU, guest_buffer
from firmware.lang import fw, load16, ptr, u64
from rtl.isa.causes import Cause
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Opcode
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.paging import LEVELS, Pte

__all__ = ["fetch_instruction", "is_translation", "shadow_fault", "translation"]

SFENCE = INSTRUCTIONS["sfence.vma"]
SINVAL = INSTRUCTIONS["sinval.vma"]
SATP = CSRS["satp"].number
INSTRUCTION_SIZE = 4
assert SFENCE.mask == SINVAL.mask


# --- page faults ---
@fw
def translate(v: ptr[VCPU], address: u64, cause: u64, user: bool) -> u64:
    """`walk` with the guest's tables; without paging every address is physical."""
    if not is_bare(v):
        return walk(v.vm, v.satp, address, cause, user, arch.guest_status())
    walked.address = address
    walked.level = LEVELS
    walked.pte = BARE_ACCESS | Pte.A | Pte.D
    if user:
        walked.pte |= Pte.U
    return WALKED


@fw(noinline=True)
def shadow_fault(v: ptr[VCPU], exit_cause: u64) -> u64:
    """A page fault: the guest's own, a device, or a page that the shadow does not map yet."""
    cause = arch.page_fault_cause(exit_cause)
    address = arch.fault_virtual()
    user = arch.guest_is_user()
    v.fault = address
    result = translate(v, address, cause, user)
    if result == PAGE_FAULT:
        return reflect(v, cause, address)
    if result != WALKED:
        return reflect_access(v, exit_cause)
    v.fault = walked.address
    if walked.address - DRAM_BASE >= v.vm.size:
        if cause == Cause.FETCH_PAGE_FAULT:
            return reflect_access(v, exit_cause)
        return EMULATE
    if is_bare(v):
        enter_space(v, user)
    if cause == Cause.STORE_PAGE_FAULT:
        unsync(v.vm, walked.address)
    shadow.stamp += 1
    fill(v.vm, ptr[Table](v.root), address)
    return RESUME


@fw
def fetch_half(v: ptr[VCPU], address: u64) -> u64:
    """16 bits of the guest's code; 0, which is no instruction, if they are not there."""
    if translate(v, address, u64(Cause.FETCH_PAGE_FAULT), arch.guest_is_user()) != WALKED:
        return 0
    place = guest_buffer(v.vm, walked.address, 2)
    if place == 0:
        return 0
    return u64(load16(place))


@fw(noinline=True)
def fetch_instruction(v: ptr[VCPU]) -> u64:
    """The guest's instruction at its program counter."""
    pc = arch.guest_pc()
    word = fetch_half(v, pc)
    if (word & 3) == 3:
        word |= fetch_half(v, pc + 2) << 16
    return word


# --- instructions ---
@fw
def is_translation(word: u64) -> bool:
    """Whether an instruction is sfence.vma, sinval.vma or an access to satp."""
    fence = word & SFENCE.mask
    if fence == SFENCE.match or fence == SINVAL.match:
        return True
    return (word & 0x7F) == Opcode.SYSTEM and (word & 0x3000) != 0 and (word >> 20) == SATP


@fw
def access_satp(v: ptr[VCPU], word: u64) -> None:
    """csrrw, csrrs, csrrc and their immediate forms on satp (Zicsr chapter)."""
    source = (word >> 15) & 31
    operand = source
    if (word & 0x4000) == 0:
        operand = v.state.x[source]
    rd = (word >> 7) & 31
    old = v.satp
    match (word >> 12) & 3:
        case 1:
            set_satp(v, operand)
        case 2:
            if source != 0:
                set_satp(v, old | operand)
        case _:
            if source != 0:
                set_satp(v, old & ~operand)
    if rd != 0:
        v.state.x[rd] = old


@fw(noinline=True)
def translation(v: ptr[VCPU]) -> None:
    """Serve an instruction that `is_translation` told of; needs all of the guest's registers."""
    word = arch.trapped_instruction()
    if (word & 0x7000) != 0:
        access_satp(v, word)
    elif ((word >> 15) & 31) == 0:
        sync_all()
    else:
        sync_address(v.state.x[(word >> 15) & 31])
    arch.skip(INSTRUCTION_SIZE)
