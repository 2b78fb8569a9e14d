"""Steps the golden model along the hardware's retire records and compares what both did."""

from collections import deque
from collections.abc import Iterator

from cosim.elf import Program
from cosim.job import Job
from cosim.lockstep.foreign import ForeignWrites
from cosim.lockstep.interrupts import InterruptJudge
from cosim.lockstep.records import Event, ForeignWrite, ForeignWriteEnd, Retired
from cosim.lockstep.reservation import ReservationJudge
from cosim.lockstep.state import StateCheck, may_change_state
from cosim.lockstep.symbols import Symbols
from cosim.lockstep.translation import Translations
from cosim.model.exceptions import Stop
from cosim.model.machine import Machine
from cosim.model.record import Imposed, Record
from cosim.observe import RETIRE_PLACES
from rtl.config import SocConfig
from rtl.isa.causes import INTERRUPT_BIT, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Opcode
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.xvmx import FIELDS

__all__ = ["Lockstep", "Mismatch"]

_HISTORY = 20
_CSR_READS = (1, 2, 3, 5, 6, 7)
"""funct3 of the CSR instructions."""

_TAKEN_FROM_HARDWARE = {
    csr.number
    for name, csr in CSRS.items()
    if name in ("cycle", "time", "instret", "mcycle", "minstret", "mip", "sip", "hip", "vsip", "hgeip")
    or name.startswith(("hpmcounter", "mhpmcounter"))
}
"""What these read depends on time, on devices or on the pipeline."""

_NOTHING = Imposed()
_LR, _SC = 2, 3
"""Bits 31:27 of lr and sc."""
_SSI = 1 << Interrupt.SSI
_FETCH, _FETCH_LAST = (RETIRE_PLACES[name][0] for name in ("fetch_paddr", "fetch_paddr_last"))
_IMPOSING = frozenset((0x73, int(Opcode.AMO), int(Opcode.CUSTOM_3)))
"""Opcodes of which something may be taken from the hardware even if they touch no memory: CSR reads, sc,
vmread."""
_VMREAD = INSTRUCTIONS["vmread"]
_PREEMPT_TIMER = FIELDS["PREEMPT_TIMER"].number


class Mismatch(AssertionError):
    """The hardware and the model disagree.

    Attributes
    ----------
    wrong: what differs, a line each
    lockstep: both sides as they are, and how they got there
    cycle: the hardware's
    job: what was run, if it was not a recorded stream
    config: the machine that ran it
    more: lines for the end of the report (a command that repeats it, where the wave is)
    """

    def __init__(self, wrong: list[str], lockstep: "Lockstep", cycle: int) -> None:
        super().__init__(*wrong)
        self.wrong = wrong
        self.lockstep = lockstep
        self.cycle = cycle
        self.job: Job | None = None
        self.config: SocConfig | None = None
        self.more: list[str] = []

    def __str__(self) -> str:
        from cosim.lockstep.report import as_text

        return as_text(self)


class Lockstep:
    """Compares all that an instruction or trap does, as ``docs/verification.md`` says.

    Device reads, counters, pending bits and the moments of interrupts come from the hardware; an interrupt
    must be pending as far as the model can tell, and the one of highest priority that is enabled.

    Attributes
    ----------
    machine: the model; it begins where the hardware begins, in its boot ROM
    symbols: of ``program``
    state: registers of both sides
    compared: instructions and traps so far
    history: the last records
    record: the model's last step
    """

    def __init__(self, machine: Machine, program: Program | None = None) -> None:
        self.machine = machine
        self.symbols = Symbols(program) if program else None
        self.compared = 0
        self.history: deque[Retired] = deque(maxlen=_HISTORY)
        self.record: Record | None = None
        self.state = StateCheck(machine.hart)
        self._judge = InterruptJudge(machine)
        self._foreign = ForeignWrites(machine.bus)
        self._reservation = ReservationJudge()
        self._translations = Translations(machine.hart)
        self._ended = False

    def feed(self, event: Event) -> None:
        """Check the next record; raises Mismatch."""
        if type(event) is Retired:
            if not self._ended:
                self._step(event)
        elif type(event) is ForeignWrite:
            self._foreign.begin(event)
            self._reservation.begin(event)
        elif type(event) is ForeignWriteEnd:
            self._foreign.end()
            self._reservation.end(event)

    def _step(self, retired: Retired) -> None:
        self.history.append(retired)
        special, word = retired.is_special, retired.instruction
        if special and self._foreign and (retired.mem_read or retired.mem_write):
            self._foreign.look(retired)
        wrong = self._interrupts(retired, special, word)
        self.state.take(retired)
        if wrong:
            self.record = None
            raise Mismatch([wrong], self, retired.cycle)
        hart = self.machine.hart
        self._translations.begin(retired)
        imposed = self._imposed(retired, word) if special or word & 0x7F in _IMPOSING else _NOTHING
        try:
            record = hart.step(imposed)
        except Stop:
            self._ended = True
            assert hart.record is not None
            record = hart.record
        self.record = record
        self.compared += 1
        if not self._agrees(retired, special, record):
            raise Mismatch(list(self._differences(retired, record)), self, retired.cycle)

    def _interrupts(self, retired: Retired, special: bool, word: int) -> str | None:
        """What is wrong with taking, or not taking, an interrupt here, or with what depends on others."""
        judge = self._judge
        judge.look(retired.cycle)
        if special and retired.interrupt:
            return judge.left(retired.cause) if retired.vm_exit else judge.taken(retired.cause)
        wrong = judge.retired()
        if word & 0x7F == Opcode.AMO and wrong is None and not retired.trap:
            wrong = self._reserves(retired, word)
        if word & 0x7F == 0x73 and word >> 12 & 3 and wrong is None and retired.rd_write and not retired.trap:
            return judge.read(word >> 20, retired.rd_data)
        return wrong

    def _reserves(self, retired: Retired, word: int) -> str | None:
        """What is wrong with the success of an sc."""
        kind = word >> 27
        if kind == _LR:
            self._reservation.reserve(retired)
        return self._reservation.store(retired) if kind == _SC else None

    def hang(self, cycles: int) -> Mismatch:
        """For a program that should have gone on."""
        return Mismatch(
            [f"stands still after {self.compared} instructions, in {cycles} cycles"], self, cycles
        )

    def _imposed(self, retired: Retired, word: int) -> Imposed:
        """What this step takes from the hardware."""
        if retired.trap:
            if not retired.interrupt:
                return _NOTHING
            code, reason = (None, retired.cause) if retired.vm_exit else (retired.cause, None)
            posted = retired.state.get("mip", _SSI) & _SSI == 0  # no other event clears it
            return Imposed(interrupt=code, boundary_exit=reason, posted=posted)
        opcode = word & 0x7F
        if opcode == 0x73:
            number = word >> 20
            if word >> 12 & 7 in _CSR_READS and number in _TAKEN_FROM_HARDWARE and retired.rd_write:
                return Imposed(csr={number: retired.rd_data})
        if retired.mem_read and retired.mem_paddr < DRAM_BASE:
            return Imposed(loads=[retired.mem_data & ((1 << (8 << retired.mem_size)) - 1)])
        if opcode == Opcode.CUSTOM_3 and _VMREAD.matches(word):
            if self.machine.hart.x[word >> 15 & 31] == _PREEMPT_TIMER and retired.rd_write:
                return Imposed(preempt_timer=retired.rd_data)
            return _NOTHING
        if opcode == Opcode.AMO and word >> 27 == _SC:
            return Imposed(sc_fails=retired.rd_write == 1 and retired.rd_data == 1)
        return _NOTHING

    # ---- What must be the same ----

    def _agrees(self, retired: Retired, special: bool, record: Record) -> bool:
        """Quickly: whether there is no difference."""
        trap = special and retired.trap
        if (
            retired.pc != record.pc
            or retired.privilege != record.privilege
            or retired.virt != record.virt
            or trap != (record.trap is not None)
        ):
            return False
        if trap:
            if record.trap != self._cause(retired) or retired.vm_exit != record.vm_exit:
                return False
            if retired.vm_exit and (retired.rd, retired.rd_data) != (record.rd, record.rd_value):
                return False
        else:
            rd = record.rd
            if (
                retired.instruction & (0xFFFF_FFFF if record.size == 4 else 0xFFFF) != record.bits
                or (retired.rd != rd or retired.rd_data != record.rd_value if rd else retired.rd_write)
                or (rd and not retired.rd_write)
            ):
                return False
            if not self._fetched_alike(retired, record):
                return False
            if (special or record.memory) and any(self._memory_differences(retired, record)):
                return False
        if not may_change_state(retired):
            return True
        if record.trap is None:
            self._translations.executed(record)
        elif record.vm_exit:
            self._translations.transition()
        return self.state.agrees(retired, record)

    def _fetched_alike(self, retired: Retired, record: Record) -> bool:
        """Whether the instruction comes from the same physical pages."""
        hart, words = self.machine.hart, retired.words
        first, last = words[_FETCH], words[_FETCH_LAST]
        alike = first >> 12 == hart.fetch_pa >> 12 and (
            record.size == 2 or last >> 12 == hart.fetch_pa_last >> 12
        )
        return alike or not first >> 12 or self._translations.fetch_is_open

    @staticmethod
    def _cause(retired: Retired) -> int:
        return retired.cause | (INTERRUPT_BIT if retired.interrupt and not retired.vm_exit else 0)

    def _differences(self, retired: Retired, record: Record) -> Iterator[str]:
        """In words, what is not the same."""
        mode = (retired.privilege, retired.virt)
        if retired.pc != record.pc:
            yield f"pc: hardware {retired.pc:#x}, model {record.pc:#x}"
        if mode != (record.privilege, record.virt):
            yield f"mode: hardware {mode}, model {(record.privilege, record.virt)}"
        if retired.trap != (record.trap is not None):
            cause = f"trap {self._cause(retired):#x}" if retired.trap else "no trap"
            model = "no trap" if record.trap is None else f"trap {record.trap:#x}"
            yield f"trap: hardware {cause}, model {model}"
        elif retired.trap:
            if record.trap != self._cause(retired) or retired.vm_exit != record.vm_exit:
                kinds = ["exit" if one.vm_exit else "trap" for one in (retired, record)]
                yield (
                    f"cause: hardware {kinds[0]} {self._cause(retired):#x}, model {kinds[1]} {record.trap:#x}"
                )
            elif retired.vm_exit and (retired.rd, retired.rd_data) != (record.rd, record.rd_value):
                yield (
                    f"stack pointer: hardware x{retired.rd} = {retired.rd_data:#x}, "
                    f"model x{record.rd} = {record.rd_value:#x}"
                )
        else:
            if retired.instruction & ((1 << 8 * record.size) - 1) != record.bits:
                yield f"instruction: hardware {retired.instruction:08x}, model {record.bits:08x}"
            if not self._fetched_alike(retired, record):
                hart = self.machine.hart
                yield (
                    f"fetched from: hardware {retired.fetch_paddr:#x}, {retired.fetch_paddr_last:#x}, "
                    f"model {hart.fetch_pa:#x}, {hart.fetch_pa_last:#x}"
                )
            rd = retired.rd if retired.rd_write else 0
            if rd != record.rd or (rd and retired.rd_data != record.rd_value):
                yield (
                    f"destination: hardware x{rd} = {retired.rd_data:#x}, "
                    f"model x{record.rd} = {record.rd_value:#x}"
                )
            yield from self._memory_differences(retired, record)
        for name, theirs, ours in self.state.differences():
            yield f"{name}: hardware {theirs:#x}, model {ours:#x}"

    @staticmethod
    def _memory_differences(retired: Retired, record: Record) -> Iterator[str]:
        reads = [access for access in record.memory if not access.store]
        stores = [access for access in record.memory if access.store]
        for name, done, accesses in (
            ("load", retired.mem_read, reads),
            ("store", retired.mem_write, stores),
        ):
            if done != bool(accesses):
                yield f"{name}: hardware {'yes' if done else 'no'}, model {'yes' if accesses else 'no'}"
                continue
            if not done:
                continue
            first, last = accesses[0], accesses[-1]
            if (retired.mem_vaddr, retired.mem_paddr) != (first.va, first.pa):
                yield (
                    f"{name} address: hardware {retired.mem_vaddr:#x} -> {retired.mem_paddr:#x}, "
                    f"model {first.va:#x} -> {first.pa:#x}"
                )
            if retired.mem_paddr_last >> 12 != last.pa >> 12:
                yield (
                    f"{name} address in the second page: hardware {retired.mem_paddr_last & ~0xFFF:#x}, "
                    f"model {last.pa:#x}"
                )
            value, size = 0, 0
            for access in accesses:
                value |= access.data << 8 * size
                size += access.size
            if size != 1 << retired.mem_size:
                yield f"{name} size: hardware {1 << retired.mem_size}, model {size}"
            elif name == "store" and (value ^ retired.mem_data) & ((1 << 8 * size) - 1):
                shown = retired.mem_data & ((1 << 8 * size) - 1)
                yield f"{name} data: hardware {shown:#x}, model {value:#x}"
