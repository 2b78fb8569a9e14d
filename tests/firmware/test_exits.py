"""Exit dispatch: for each cause, what the guest and the hypervisor see afterwards."""

import pytest

from firmware.hypervisor.exits import exit_fast, exit_slow
from firmware.hypervisor.outcome import EMULATE, RESCHEDULE, RESUME
from firmware.hypervisor.pool import fill_pool
from firmware.hypervisor.vm import ENDED, WAITING
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.htinst import PSEUDO_READ, transform

from .world import PowerOff, World, world

PC = 0x8000_1000
HANDLER = 0x8000_2000
NOWHERE = 0x4000_0000
WFI = 0x1050_0073
UART = 0x1000_0000


def leave(w: World, cause: int, **csrs: int) -> int:
    """Make the guest leave; the first handler's outcome."""
    w.machine.csrs["sepc"] = PC
    w.machine.csrs["vstvec"] = HANDLER
    w.machine.csrs["scause"] = cause
    w.machine.csrs["hstatus"] |= 1 << 7
    for name, value in csrs.items():
        w.machine.csrs[name] = value
    return int(exit_fast(w.vcpu(0)))


def fault(w: World, cause: int, gpa: int, htinst: int = 0, stval: int | None = None) -> int:
    """Make it leave by a second-stage fault."""
    return leave(w, cause, htval=gpa >> 2, stval=gpa if stval is None else stval, htinst=htinst)


def check_exception(w: World, cause: int, value: int) -> None:
    """The guest takes an exception, as the hardware would have delivered it."""
    c = w.machine.csrs
    assert (c["vscause"], c["vstval"], c["vsepc"], c["sepc"]) == (cause, value, PC, HANDLER)
    assert c["sstatus"] >> 8 & 1, "back to VS mode"


@pytest.mark.parametrize(
    "cause", [Cause.FETCH_GUEST_PAGE_FAULT, Cause.LOAD_GUEST_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT]
)
def test_fault_in_ram_is_mapped_and_the_guest_resumes(cause):
    with world() as w:
        assert fault(w, cause, 0x8010_0123) == RESUME
        assert w.machine.csrs["sepc"] == PC


def test_fault_without_pages_left_kills_the_vm():
    with world(2) as w:
        fill_pool(0, 0)
        assert fault(w, Cause.LOAD_GUEST_PAGE_FAULT, 0x8010_0000) == RESCHEDULE
        assert w.vcpu(0).run == ENDED and b"vm0 killed: no memory for its page tables" in w.console


@pytest.mark.parametrize(
    ("cause", "word", "reflected"),
    [
        (Cause.FETCH_GUEST_PAGE_FAULT, 0, Cause.FETCH_ACCESS),
        (Cause.LOAD_GUEST_PAGE_FAULT, transform(0x0005_3503, 0, False), Cause.LOAD_ACCESS),
        (Cause.STORE_GUEST_PAGE_FAULT, transform(0x00B5_3023, 0, False), Cause.STORE_ACCESS),
        (Cause.LOAD_GUEST_PAGE_FAULT, PSEUDO_READ, Cause.LOAD_ACCESS),
        (Cause.STORE_GUEST_PAGE_FAULT, PSEUDO_READ, Cause.STORE_ACCESS),
        (Cause.LOAD_GUEST_PAGE_FAULT, 0, Cause.LOAD_ACCESS),
    ],
)
def test_access_to_nothing_becomes_an_access_fault(cause, word, reflected):
    with world() as w:
        outcome = fault(w, cause, NOWHERE, word, stval=0x1234_5678)
        if outcome == EMULATE:
            assert int(exit_slow(w.vcpu(0), EMULATE)) == int(w.vcpu(0))
        check_exception(w, reflected, 0x1234_5678)


def test_gpa_above_41_bits_is_nothing():
    with world() as w:
        assert fault(w, Cause.FETCH_GUEST_PAGE_FAULT, 1 << 45) == RESUME
        check_exception(w, Cause.FETCH_ACCESS, 1 << 45)


@pytest.mark.parametrize("status", [0, 1 << 1, 1 << 1 | 1 << 8, 1 << 5])
@pytest.mark.parametrize("mode", [0, 1])
def test_exception_stacks_the_guests_status(status, mode):
    with world() as w:
        w.machine.csrs["vsstatus"] = status | 1 << 18
        leave(w, Cause.VIRTUAL_INSTRUCTION, stval=0x6000_2573, sstatus=mode << 8)
        check_exception(w, Cause.ILLEGAL_INSTRUCTION, 0x6000_2573)
        vsstatus = w.machine.csrs["vsstatus"]
        assert vsstatus >> 8 & 1 == mode, "SPP is the mode it was in"
        assert vsstatus >> 5 & 1 == status >> 1 & 1, "SPIE is the old SIE"
        assert vsstatus >> 1 & 1 == 0 and vsstatus >> 18 & 1 == 1


def test_trapped_instruction_is_fetched_where_stval_is_zero():
    with world() as w:
        w.machine.guest = lambda address, is_store: address - 0x8000_0000 + 0x8020_0000
        w.machine.write(0x8020_1000, 4, WFI)
        assert leave(w, Cause.VIRTUAL_INSTRUCTION, stval=0) == RESCHEDULE
        assert w.vcpu(0).run == WAITING


def test_vectored_handler_takes_exceptions_at_its_base():
    with world() as w:
        leave(w, Cause.VIRTUAL_INSTRUCTION, stval=0x6000_2573, vstvec=HANDLER | 1)
        check_exception(w, Cause.ILLEGAL_INSTRUCTION, 0x6000_2573)


def test_guest_that_cannot_fetch_its_handler_is_killed():
    with world(2) as w:
        w.machine.csrs["vstvec"] = 0
        assert leave(w, Cause.FETCH_GUEST_PAGE_FAULT, htval=0, stval=0, sepc=0, vstvec=0) == RESCHEDULE
        assert w.vcpu(0).run == ENDED and b"vm0 killed: its trap handler cannot be fetched" in w.console


def test_wfi_waits_unless_an_interrupt_is_there():
    with world() as w:
        assert leave(w, Cause.VIRTUAL_INSTRUCTION, stval=WFI) == RESCHEDULE
        assert w.vcpu(0).run == WAITING and w.machine.csrs["sepc"] == PC + 4
    with world() as w:
        w.machine.csrs["hie"] = 1 << Interrupt.VSSI
        w.machine.csrs["hvip"] = 1 << Interrupt.VSSI
        assert leave(w, Cause.VIRTUAL_INSTRUCTION, stval=WFI) == RESUME
        assert w.vcpu(0).run == 0


def test_user_mode_has_no_wfi():
    with world() as w:
        assert leave(w, Cause.VIRTUAL_INSTRUCTION, stval=WFI, sstatus=0) == RESUME
        check_exception(w, Cause.ILLEGAL_INSTRUCTION, WFI)


def test_timer_ends_the_slice():
    with world() as w:
        assert leave(w, INTERRUPT_BIT | Interrupt.STI) == RESCHEDULE


def test_unknown_cause_kills_and_trap_of_the_hypervisor_panics():
    with world(2) as w:
        assert leave(w, 19) == RESCHEDULE
        assert b"vm0 killed: unexpected exit" in w.console
    with world() as w, pytest.raises(PowerOff) as end:
        leave(w, Cause.ILLEGAL_INSTRUCTION, hstatus=0)
    assert end.value.value == 253 << 16 | 0x3333 and b"panic: trap in the hypervisor" in w.console


# --- device accesses ---
def access(w: World, word: int, address: int, compressed: bool = False, offset: int = 0) -> None:
    """A load or store to a device, as the hardware reports it, through both handlers."""
    cause = Cause.LOAD_GUEST_PAGE_FAULT if word & 0x7F == 3 else Cause.STORE_GUEST_PAGE_FAULT
    assert fault(w, cause, address, transform(word, offset, compressed)) == EMULATE
    assert int(exit_slow(w.vcpu(0), EMULATE)) == int(w.vcpu(0))


def store_word(funct3: int, rs2: int) -> int:
    return rs2 << 20 | 10 << 15 | funct3 << 12 | 0x23


def load_word(funct3: int, rd: int) -> int:
    return 10 << 15 | funct3 << 12 | rd << 7 | 3


@pytest.mark.parametrize("register", [1, 2, 9, 31])
@pytest.mark.parametrize(
    ("funct3", "expected"), [(0, 0xFFFF_FFFF_FFFF_FFA5), (4, 0xA5), (2, 0xA5), (3, 0xA5)]
)
def test_load_from_a_device(register, funct3, expected):
    with world() as w:
        w.vcpu(0).state.x[5] = 0x1234_56A5
        access(w, store_word(0, 5), UART + 7)
        assert w.machine.csrs["sepc"] == PC + 4
        access(w, load_word(funct3, register), UART + 7)
        assert w.vcpu(0).state.x[register] == expected


def test_compressed_access_skips_two_bytes_and_x0_stays_zero():
    with world() as w:
        access(w, load_word(2, 8), UART + 7, compressed=True)
        assert w.machine.csrs["sepc"] == PC + 2
        w.vcpu(0).state.x[0] = 0
        access(w, load_word(0, 0), UART + 5)
        assert w.vcpu(0).state.x[0] == 0


def test_second_half_of_a_misaligned_access_and_atomics_are_access_faults():
    with world() as w:
        access(w, load_word(3, 8), UART + 4, offset=4)
        check_exception(w, Cause.LOAD_ACCESS, UART + 4)
    with world() as w:
        amo = 0x00B5_302F
        assert fault(w, Cause.STORE_GUEST_PAGE_FAULT, UART, transform(amo, 0, False)) == EMULATE
        exit_slow(w.vcpu(0), EMULATE)
        check_exception(w, Cause.STORE_ACCESS, UART)


def test_uart_sends_and_receives():
    with world() as w:
        w.vcpu(0).state.x[5] = ord("A")
        access(w, store_word(0, 5), UART)
        assert w.console == b"A"
        w.typed += b"z"
        access(w, load_word(4, 6), UART + 5)
        assert w.vcpu(0).state.x[6] == 0x61
        access(w, load_word(4, 6), UART)
        assert w.vcpu(0).state.x[6] == ord("z")


def test_transmitter_interrupt_reaches_the_guest_and_goes_again():
    with world() as w:

        def put(address: int, value: int, funct3: int = 2) -> None:
            w.vcpu(0).state.x[5] = value
            access(w, store_word(funct3, 5), address)

        put(0x0C00_0000 + 40, 1)
        put(0x0C00_2080, 1 << 10)
        put(UART + 1, 2, funct3=0)
        assert w.machine.csrs["hvip"] == 1 << Interrupt.VSEI
        access(w, load_word(2, 6), 0x0C20_1004)
        assert w.vcpu(0).state.x[6] == 10 and w.machine.csrs["hvip"] == 0


@pytest.mark.parametrize(
    ("command", "status"), [(0x5555, 0x5555), (0x7777, 0x5555), (0x3333, 1 << 16 | 0x3333)]
)
def test_finisher_ends_the_vm(command, status):
    with world() as w:
        w.vcpu(0).state.x[5] = command
        assert (
            fault(w, Cause.STORE_GUEST_PAGE_FAULT, 0x10_0000, transform(store_word(2, 5), 0, False))
            == EMULATE
        )
        with pytest.raises(PowerOff) as end:
            exit_slow(w.vcpu(0), EMULATE)
        assert end.value.value == status and w.vcpu(0).run == ENDED
