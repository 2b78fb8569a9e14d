"""Whether the hardware's interrupts are legal: taken only when pending, enabled and first, and taken soon.

The moment at which a line or a timer rises is not the same on both sides to the cycle. So the judge keeps two
sets of pending bits: those that are certain (pending for some time), and those that are possible. Bits that
software sets are in both.
"""

from dataclasses import dataclass

from cosim.lockstep.guest import Times, guest_due, guest_sip, judge_exit, judge_interrupt
from cosim.model.machine import Machine
from cosim.model.record import Imposed
from cosim.model.traps import interrupt_to_take
from rtl.isa.causes import VS_INTERRUPTS, Interrupt
from rtl.isa.csrs import CSRS, VS_ALIASES
from rtl.isa.xvmx import Arch

__all__ = ["InterruptJudge"]

_SLACK = 64
"""Cycles in which a change of a line or timer may or may not have reached the hart."""
_PERIOD = 8
"""Retired instructions between two looks for an interrupt that is overdue."""
_BOUND = 3
"""Instructions that may retire while an interrupt is certain to be due."""
_S_LEVEL = 0x222
_PENDING = {CSRS[name].number: name for name in ("mip", "sip", "hip", "vsip")}
_TIME = CSRS["time"].number


@dataclass(slots=True)
class _Line:
    """The last value of something that acts on a pending bit, and when it last changed."""

    value: int
    since: int


class InterruptJudge:
    """Watches the model of ``machine``; its verdicts say what is wrong, or are None.

    The model's mtime follows the hardware's cycles from here on.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._hart = machine.hart
        self._cycle = 0
        self._ticks = machine.cycles_per_tick()
        self._countdown = _PERIOD
        self._overdue = 0
        self._lines: dict[str, _Line] = {}
        machine.clint.follow(lambda: self._cycle // self._ticks)

    def look(self, cycle: int) -> None:
        """An instruction is about to retire in ``cycle``."""
        self._cycle = cycle
        self._countdown -= 1

    # ---- Sets of pending bits ----

    def _settled(self, name: str, value: int) -> bool:
        """``value`` has been the same for long enough."""
        line = self._lines.get(name)
        if line is None or line.value != value:
            self._lines[name] = _Line(value, self._cycle)
            return line is None
        return self._cycle - line.since > _SLACK

    def changed(self) -> None:
        """Something was written that acts on timers or lines; note when."""
        clint, value = self._machine.clint, self._hart.csrs.value
        for name in ("stimecmp", "vstimecmp", "htimedelta", "menvcfg", "henvcfg"):
            self._settled(name, value[name])
        self._settled("guest clock", self._hart.vmx.time_offset())
        self._settled("mtimecmp", clint.mtimecmp)
        self._settled("msip", clint.msip)

    def _pending(self) -> tuple[int, int]:
        """(certain, possible)"""
        self.changed()
        clint, lines, hart = self._machine.clint, self._lines, self._hart
        now = clint.mtime
        slack = _SLACK // self._ticks + 2
        value = hart.csrs.value
        h = hart.vmx.arch == Arch.H
        software = value["mip"] | (value["hvip"] if h else 0)
        results = []
        for time in (now - slack, now + slack):
            mtip = (time >= clint.mtimecmp) << Interrupt.MTI
            hart.imposed = Imposed(time=max(time, 0), lines=clint.msip << Interrupt.MSI | mtip)
            results.append(hart.pending())
        hart.imposed = None
        certain, possible = results[0] & results[1], results[0] | results[1]
        recent = {name for name, line in lines.items() if line.since and self._cycle - line.since <= _SLACK}
        for name, bits in _ACTS_ON.items():
            if name in recent:
                certain &= ~bits | software & ~(1 << Interrupt.STI)
                possible |= bits if h else bits & ~VS_INTERRUPTS
        # The PLIC's lines depend on devices: possible as soon as a source is enabled.
        machine, supervisor = self._machine.plic.enabled
        possible |= bool(machine) << Interrupt.MEI | bool(supervisor) << Interrupt.SEI
        return certain, possible

    def _times(self) -> Times:
        """For the guest of Xvmx."""
        certain, possible = self._pending()
        now, slack = self._machine.clint.mtime, _SLACK // self._ticks + 2
        recent = (
            line for name, line in self._lines.items() if name in ("vstimecmp", "guest clock", "menvcfg")
        )
        unsettled = any(line.since and self._cycle - line.since <= _SLACK for line in recent)
        return Times(certain, possible, max(now - slack, 0), now + slack, unsettled)

    # ---- Verdicts ----

    def left(self, reason: int) -> str | None:
        """The guest of Xvmx exits between two instructions."""
        self._overdue = 0
        return judge_exit(self._hart, reason, self._times())

    def taken(self, code: int) -> str | None:
        """The hardware takes interrupt ``code``."""
        self._overdue = 0
        if self._hart.vmx.in_guest:
            return judge_interrupt(self._hart, code, self._times())
        certain, possible = self._pending()
        name = Interrupt(code).name if code in list(Interrupt) else str(code)
        bit = 1 << code
        if not possible & bit:
            return f"interrupt {name}: not pending (mip {possible:#x} at most)"
        first = interrupt_to_take(self._hart, certain | bit)
        if first is None:
            return f"interrupt {name}: not enabled (mie {self._hart.csrs.value['mie']:#x})"
        if first != code:
            return f"interrupt {name}: {Interrupt(first).name} comes before it"
        return None

    def retired(self) -> str | None:
        """The hardware executes an instruction and takes no interrupt before it."""
        if self._countdown > 0 and not self._overdue:
            return None
        self._countdown = _PERIOD
        due = self._certainly_due()
        if due is None:
            self._overdue = 0
            return None
        self._overdue += 1
        if self._overdue > _BOUND:
            return f"{due}: has been due for {self._overdue} instructions, not taken"
        return None

    def _certainly_due(self) -> str | None:
        """What the next instruction should wait for."""
        if self._hart.vmx.in_guest:
            event = guest_due(self._hart, self._times())
            return None if event is None else str(event)
        certain, _ = self._pending()
        code = interrupt_to_take(self._hart, certain)
        return None if code is None else f"interrupt {Interrupt(code).name}"

    def read(self, number: int, shown: int) -> str | None:
        """The hardware read ``shown`` from a pending register or the time."""
        hart = self._hart
        if number == _TIME:
            return self._read_time(shown)
        name = _PENDING.get(number)
        if name is None:
            return None
        if hart.virt:
            name = VS_ALIASES.get(name, name)
        if hart.vmx.in_guest and name == "vsip":
            certain, possible = guest_sip(hart, self._times())
        else:
            certain, possible = (self._view(name, bits) for bits in self._pending())
        if certain & ~shown or shown & ~possible:
            return f"{name}: hardware {shown:#x}, model {certain:#x} to {possible:#x}"
        return None

    def _view(self, name: str, bits: int) -> int:
        value = self._hart.csrs.value
        if name == "sip":
            return bits & value["mideleg"] & _S_LEVEL
        if name == "hip":
            return bits & (VS_INTERRUPTS | 1 << Interrupt.SGEI)
        if name == "vsip":
            return (bits & value["hideleg"] & VS_INTERRUPTS) >> 1
        return bits

    def _read_time(self, shown: int) -> str | None:
        delta = self._hart.guest_time() - self._hart.time() if self._hart.virt else 0
        away = (shown - delta - self._machine.clint.mtime + _SLACK) & ((1 << 64) - 1)
        if away > 2 * _SLACK:
            return f"time: hardware {shown:#x}, model {self._machine.clint.mtime + delta:#x}"
        return None


_ACTS_ON = {
    "msip": 1 << Interrupt.MSI,
    "mtimecmp": 1 << Interrupt.MTI,
    "stimecmp": 1 << Interrupt.STI,
    "menvcfg": 1 << Interrupt.STI | 1 << Interrupt.VSTI,
    "henvcfg": 1 << Interrupt.VSTI,
    "vstimecmp": 1 << Interrupt.VSTI,
    "htimedelta": 1 << Interrupt.VSTI,
}
"""What changes which pending bits."""
