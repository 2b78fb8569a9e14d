"""Steps the golden model along the hardware's retire records and compares what both did."""

from collections import deque

from cosim.lockstep.interrupts import InterruptJudge
from cosim.lockstep.records import Retired
from cosim.model.exceptions import Stop
from cosim.model.machine import Machine
from cosim.model.record import Imposed, Record
from rtl.isa.causes import INTERRUPT_BIT
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import BOOT_ROM, DRAM_BASE

__all__ = ["Lockstep", "Mismatch"]

_HISTORY = 20
_MASK = (1 << 64) - 1

_TAKEN_FROM_HARDWARE = {
    csr.number
    for name, csr in CSRS.items()
    if name in ("cycle", "time", "instret", "mcycle", "minstret", "mip", "sip", "hip", "vsip", "hgeip")
    or name.startswith(("hpmcounter", "mhpmcounter"))
}
"""What these read depends on time, on devices or on the pipeline."""


class Mismatch(AssertionError):
    """The hardware and the model disagree; the message shows both and how they got there."""


class Lockstep:
    """Compares pc, instruction bits, mode, destination register, memory accesses and traps of each record.

    The boot ROM, which the model does not have, is passed over; the registers it sets are taken over. Device
    reads, counters, pending bits and the moments of interrupts come from the hardware; an interrupt must be
    pending as far as the model can tell, and the one of highest priority that is enabled.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.compared = 0
        self._history: deque[Retired] = deque(maxlen=_HISTORY)
        self._judge = InterruptJudge(machine)
        self._booting = True
        self._ended = False

    def feed(self, retired: Retired) -> None:
        """Check the next record; raises Mismatch."""
        hart = self.machine.hart
        if self._ended:
            return
        if self._booting and retired.pc in BOOT_ROM:
            if retired.rd_write:
                hart.x[retired.rd] = retired.rd_data
            return
        self._booting = False
        self._history.append(retired)
        wrong = self._interrupts(retired)
        if wrong:
            raise Mismatch(self._report(retired, None, [wrong]))
        try:
            record = hart.step(self._imposed(retired))
        except Stop:
            self._ended = True
            return
        self.compared += 1
        differences = list(self._differences(retired, record))
        if differences:
            raise Mismatch(self._report(retired, record, differences))

    def _interrupts(self, retired: Retired) -> str | None:
        """What is wrong with taking, or not taking, an interrupt here."""
        judge = self._judge
        judge.look(retired.cycle)
        if retired.interrupt:
            return judge.taken(retired.cause)
        wrong = judge.retired()
        word = retired.instruction
        if wrong is None and word & 0x7F == 0x73 and retired.rd_write and word >> 12 & 3 and not retired.trap:
            return judge.read(word >> 20, retired.rd_data)
        return wrong

    def hang(self, cycles: int) -> Mismatch:
        """For a program that should have gone on."""
        last = "\n".join(map(str, self._history))
        return Mismatch(f"stands still after {self.compared} instructions, in {cycles} cycles:\n{last}")

    def _imposed(self, retired: Retired) -> Imposed:
        imposed = Imposed()
        if retired.trap and retired.interrupt:
            imposed.interrupt = retired.cause
            return imposed
        if retired.trap:
            return imposed
        word = retired.instruction
        if word & 0x7F == 0x73 and word >> 12 & 3 and word >> 12 & 7 != 4:
            number = word >> 20
            if number in _TAKEN_FROM_HARDWARE and retired.rd_write:
                imposed.csr[number] = retired.rd_data
        if retired.mem_read and retired.mem_paddr < DRAM_BASE:
            imposed.loads.append(self._device_value(retired))
        if word & 0xF800_007F == 0x1800_002F:
            imposed.sc_fails = retired.rd_write == 1 and retired.rd_data == 1
        return imposed

    @staticmethod
    def _device_value(retired: Retired) -> int:
        return retired.mem_data & ((1 << (8 << retired.mem_size)) - 1)

    def _differences(self, retired: Retired, record: Record):
        mode = (retired.privilege, retired.virt)
        if retired.pc != record.pc:
            yield f"pc: hardware {retired.pc:#x}, model {record.pc:#x}"
        if mode != (record.privilege, record.virt):
            yield f"mode: hardware {mode}, model {(record.privilege, record.virt)}"
        if retired.trap != (record.trap is not None):
            yield f"trap: hardware {retired.trap} cause {retired.cause}, model {record.trap}"
            return
        if retired.trap:
            cause = retired.cause | (INTERRUPT_BIT if retired.interrupt else 0)
            if cause != record.trap:
                yield f"cause: hardware {cause:#x}, model {record.trap:#x}"
            return
        if retired.instruction & ((1 << 8 * record.size) - 1) != record.bits:
            yield f"instruction: hardware {retired.instruction:08x}, model {record.bits:08x}"
        rd = retired.rd if retired.rd_write else 0
        if rd != record.rd or (rd and retired.rd_data != record.rd_value):
            yield (
                f"destination: hardware x{rd} = {retired.rd_data:#x}, "
                f"model x{record.rd} = {record.rd_value:#x}"
            )
        yield from self._memory_differences(retired, record)

    def _memory_differences(self, retired: Retired, record: Record):
        reads = [access for access in record.memory if not access.store]
        stores = [access for access in record.memory if access.store]
        for name, done, accesses in (
            ("load", retired.mem_read, reads),
            ("store", retired.mem_write, stores),
        ):
            if done != bool(accesses):
                yield f"{name}: hardware {'yes' if done else 'no'}, model {'yes' if accesses else 'no'}"
            elif done:
                first = accesses[0]
                if (retired.mem_vaddr, retired.mem_paddr) != (first.va, first.pa):
                    yield (
                        f"{name} address: hardware {retired.mem_vaddr:#x} -> {retired.mem_paddr:#x}, "
                        f"model {first.va:#x} -> {first.pa:#x}"
                    )
                value, shift = 0, 0
                for access in accesses:
                    value |= access.data << shift
                    shift += 8 * access.size
                mask = (1 << (8 << retired.mem_size)) - 1
                if name == "store" and (value ^ retired.mem_data) & mask:
                    yield f"{name} data: hardware {retired.mem_data & mask:#x}, model {value & mask:#x}"

    def _report(self, retired: Retired, record: Record | None, wrong: list[str]) -> str:
        hart = self.machine.hart
        lines = [
            f"after {self.compared} instructions, in cycle {retired.cycle}:",
            *wrong,
            "",
            "hardware's last:",
        ]
        lines += map(str, self._history)
        lines += ["", f"model's step: {record}", "", "model's registers:"]
        for first in range(0, 32, 4):
            lines.append("  ".join(f"x{n:<2} {hart.x[n] & _MASK:016x}" for n in range(first, first + 4)))
        names = ("mstatus", "mcause", "mepc", "mtval", "hstatus", "scause", "sepc", "stval", "satp", "hgatp")
        lines.append("  ".join(f"{name} {hart.csrs.read(name):x}" for name in names))
        return "\n".join(lines)
