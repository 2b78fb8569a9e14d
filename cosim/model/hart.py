"""One hart: registers, modes, memory accesses, and the loop that runs instructions.

``run`` goes through cached blocks of decoded instructions. ``step`` does one instruction, says all
that it did, and lets lockstep impose what is not deterministic; both use the same actions.
"""

from struct import Struct
from typing import Protocol

from cosim.model.access import Accesses
from cosim.model.bits import MASK
from cosim.model.counters import Counters
from cosim.model.csrs import CsrFile
from cosim.model.decode import Decoded, decode
from cosim.model.exceptions import Access, Stop, Trap, VmExit
from cosim.model.execute import Action
from cosim.model.memory import Bus
from cosim.model.record import Imposed, Record
from cosim.model.system import SYSTEM_MAKERS
from cosim.model.traps import interrupt_to_take, take
from cosim.model.view import Block
from cosim.model.xvmx import boundary
from cosim.model.xvmx.architectures import MAKERS_OF
from cosim.model.xvmx.intercepts import exception_exit
from cosim.model.xvmx.unit import Vmx
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.htinst import transform
from rtl.isa.instructions import INSTRUCTIONS, Format
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.xvmx import Arch, PinControl

__all__ = ["Hart", "Surroundings"]

_WORD = Struct("<I")
_BLOCK_LIMIT = 64
_H, _XVMX = Arch.H, Arch.XVMX
_SP = 2
_ENTRIES = ("vmlaunch", "vmresume")
"""An entry writes the stack pointer instead of rd."""
_FOREVER = 1 << 62
_ALONE = set(SYSTEM_MAKERS) | {name for name, i in INSTRUCTIONS.items() if i.extension == "Xvmx"}
"""Instructions that are a block by themselves."""
_ENDS_BLOCK = {"jal", "jalr", "fence.i", "beq", "bne", "blt", "bge", "bltu", "bgeu"}
_NO_RD = {Format.S, Format.B, Format.FENCE, Format.NONE, Format.RS1_RS2, Format.HSV}
_WRITES_RD = {name: i.format not in _NO_RD for name, i in INSTRUCTIONS.items()}

_STCE = CSRS["menvcfg"].mask("STCE")
_STIP, _VSTIP = 1 << Interrupt.STI, 1 << Interrupt.VSTI

_RESHAPES = {"mstatus", "sstatus", "vsstatus", "satp", "vsatp", "hgatp"}
"""Registers whose writes change how addresses are translated from now on."""


class Surroundings(Protocol):
    """What the hart asks of the machine around it."""

    def time(self) -> int:
        """mtime."""

    def lines(self) -> int:
        """mip bits that devices drive: MSIP, MTIP, SEIP, MEIP."""

    def ticks_to_timer(self) -> int:
        """mtime ticks until MTIP rises (0 if it is up, a large number if never)."""

    def cycles_per_tick(self) -> int:
        """Hart cycles per mtime tick."""

    def polled(self) -> None:
        """Called now and then between instructions."""


class Hart(Accesses):
    """A hart of ``bus`` in ``surroundings``.

    Attributes
    ----------
    x: integer registers; pc, next_pc: of the instruction under way and of the one that follows
    privilege, virt: the mode
    csrs, pmp, counters: the registers of the privileged architecture
    retired: instructions retired; idle: cycles slept
    fetch_pa, fetch_pa_last: where the halves of the last instruction were fetched from
    """

    def __init__(self, bus: Bus, surroundings: Surroundings, hart_id: int = 0):
        super().__init__(bus)
        self.surroundings = surroundings
        self.hart_id = hart_id
        self.x = [0] * 32
        self.pc = self.next_pc = DRAM_BASE
        self.retired = 0
        self.idle = 0
        self.fetch_pa = self.fetch_pa_last = 0
        self.counters = Counters(self)
        self.vmx = Vmx(self)
        self.csrs = CsrFile(self)
        self.deadline = 0
        self._actions: dict[int, tuple[Decoded, Action]] = {}
        self._makers = MAKERS_OF[self.vmx.arch]
        self.update_views()

    # ---- Changes of mode and of registers ----

    def enter(self, privilege: int, virt: int) -> None:
        """Change the mode; interrupts are looked at before the next instruction."""
        self.privilege, self.virt = privilege, virt
        self.update_views()
        self.deadline = 0

    def csr_written(self, name: str) -> None:
        """A CSR instruction wrote ``name``: renew what depends on it."""
        if self.record is not None:
            self.record.csr_writes.append((name, self.csrs.read(name)))
        if name in _RESHAPES:
            self.update_views()
        elif name.startswith("pmp") or name.endswith("envcfg"):
            self.forget_translations()
        self.deadline = 0

    def architecture_changed(self) -> None:
        """mvirt.ARCH has a new value: registers and instructions are those of that architecture."""
        self.csrs.select(self.vmx.arch)
        self._makers = MAKERS_OF[self.vmx.arch]
        self._actions.clear()

    # ---- Time and interrupts ----

    def cycles(self) -> int:
        """mcycle's source: retired instructions and idle time."""
        return self.retired + self.idle

    def time(self) -> int:
        """mtime as this hart sees it."""
        if self.imposed is not None and self.imposed.time is not None:
            return self.imposed.time
        return self.surroundings.time()

    def guest_time(self) -> int:
        """The clock of V = 1."""
        h = self.vmx.arch is _H
        return (self.time() + (self.csrs.value["htimedelta"] if h else self.vmx.time_offset())) & MASK

    def imposed_csr(self, number: int) -> int | None:
        """Value that lockstep gives for a read of CSR ``number``."""
        return self.imposed.csr.get(number) if self.imposed is not None else None

    def pending(self) -> int:
        """mip: software bits, device lines, and the Sstc timers (Sstc chapter)."""
        value = self.csrs.value
        imposed = self.imposed
        lines = (
            imposed.lines if imposed is not None and imposed.lines is not None else self.surroundings.lines()
        )
        pending = value["mip"] | lines
        if value["menvcfg"] & _STCE:
            pending &= ~_STIP
            if self.time() >= value["stimecmp"]:
                pending |= _STIP
        if self.vmx.arch is _H:
            pending |= value["hvip"]
            both = value["menvcfg"] & value["henvcfg"] & _STCE
            if both and self.guest_time() >= value["vstimecmp"]:
                pending |= _VSTIP
        return pending

    def _ticks_to_event(self) -> int:
        """mtime ticks until some timer bit may rise."""
        ticks = [self.surroundings.ticks_to_timer()]
        value = self.csrs.value
        if value["menvcfg"] & _STCE:
            now = self.time()
            ticks.append(value["stimecmp"] - now)
            ticks.append(value["vstimecmp"] - self.guest_time())
        if self.vmx.in_guest and self.vmx.pin(PinControl.PREEMPT):
            ticks.append(self.vmx.preempt_at - self.time())
        return min((n for n in ticks if n > 0), default=_FOREVER)

    def poll(self) -> None:
        """Take the interrupt that is due, and work out when to look again."""
        self.surroundings.polled()
        if self.vmx.in_guest:
            self._guest_boundary()
        else:
            code = interrupt_to_take(self)
            if code is not None:
                take(self, INTERRUPT_BIT | code)
                self.pc = self.next_pc
        period = self.surroundings.cycles_per_tick()
        self.deadline = self.retired + min(self._ticks_to_event() * period, 1 << 20)

    def _guest_boundary(self) -> int | None:
        """Xvmx: do what is due between two instructions of the guest; returns the trap's cause or the exit's
        reason, None if there was nothing."""
        while (event := boundary.due(self)) is not None:
            cause = self._do_at_boundary(event)
            if cause is not None:
                self.pc = self.next_pc
                return cause
        return None

    def _do_at_boundary(self, event: boundary.Due) -> int | None:
        """What a record tells of it; None after a notification, which is over then."""
        self.next_pc = self.pc
        if event.what is boundary.What.EXIT:
            self._handle(boundary.boundary_exit(self, event), None)
            return event.reason
        if event.what is boundary.What.POST:
            try:
                self.vmx.post()
            except Trap as abort:
                self._handle(abort, None)
                return abort.cause
            return None
        cause = INTERRUPT_BIT | event.code
        if event.what is boundary.What.GUEST:
            self.vmx.deliver(cause)
            return cause + 1  # records tell the bit of mip, as for VS-level interrupts
        take(self, cause)
        return cause

    def sleep(self) -> None:
        """wfi: with nothing pending, time passes at once to the next timer event."""
        awake = boundary.wakes(self) if self.vmx.in_guest else self.pending() & self.csrs.value["mie"]
        if self.imposed is None and not awake:
            self.idle += min(self._ticks_to_event(), 1 << 20) * self.surroundings.cycles_per_tick()
        self.deadline = 0

    # ---- Fetching ----

    def _fetch_half(self, va: int) -> int:
        self.fetch_pa_last = pa = self.page(self.fetch_view, va, Access.FETCH)
        if not self.bus.is_main_memory(pa):
            found = self.bus.find(pa, 2, Access.FETCH)
            if found is None:
                raise self.access_fault(self.fetch_view, va, Access.FETCH)
            return found[0].read(found[1], 2)
        offset = pa - DRAM_BASE
        return self.bus.dram[offset] | self.bus.dram[offset + 1] << 8

    def fetch(self, pc: int) -> tuple[Decoded, Action]:
        """The instruction at ``pc``; each half of a page-crossing one is translated by itself."""
        if pc & 4095 <= 4092:
            self.fetch_pa = self.fetch_pa_last = pa = self.page(self.fetch_view, pc, Access.FETCH)
            if not DRAM_BASE <= pa < self.bus.end:
                return self._fetch_in_halves(pc)
            bits = _WORD.unpack_from(self.bus.dram, pa - DRAM_BASE)[0]
            if bits & 3 != 3:
                bits &= 0xFFFF
            return self._actions.get(bits) or self._decode(bits)
        return self._fetch_in_halves(pc)

    def _fetch_in_halves(self, pc: int) -> tuple[Decoded, Action]:
        bits = self._fetch_half(pc)
        self.fetch_pa = self.fetch_pa_last
        if bits & 3 == 3:
            bits |= self._fetch_half((pc + 2) & MASK) << 16
        return self._actions.get(bits) or self._decode(bits)

    def _decode(self, bits: int) -> tuple[Decoded, Action]:
        decoded = decode(bits)
        make = self._makers.get(decoded.name, self._makers["illegal"])
        found = self._actions[bits] = decoded, make(self, decoded)
        return found

    def _build_block(self) -> Block:
        """Decode from pc to a jump, a system instruction (which stands alone) or the end of the page."""
        pc = self.pc
        steps: list[tuple[int, Action]] = []
        listed: list[Decoded] = []
        while len(steps) < _BLOCK_LIMIT:
            try:
                decoded, action = self.fetch(pc)
            except Trap:
                if not steps:
                    raise
                break
            alone = decoded.name in _ALONE
            if alone and steps:
                break
            steps.append((pc, action))
            listed.append(decoded)
            page = pc >> 12
            pc = (pc + decoded.size) & MASK
            if alone or decoded.name in _ENDS_BLOCK or pc >> 12 != page:
                break
        block = Block(steps, listed, pc)
        self.fetch_view.blocks[self.pc] = block
        return block

    # ---- Running ----

    def run(self, limit: int) -> None:
        """Run at least ``limit`` instructions (to the end of a block); Stop passes through."""
        self.use_fast_accesses()
        end = self.retired + limit
        while self.retired < end:
            if self.retired >= self.deadline:
                self.poll()
                if self.vmx.stepping:
                    if not self.vmx.step_due:
                        self._step_instruction(Record(self.pc, self.privilege, self.virt))
                        self.pc = self.next_pc
                    self.deadline = 0
                    continue
            steps: list[tuple[int, Action]] = []
            try:
                block = self.fetch_view.blocks.get(self.pc) or self._build_block()
                steps = block.steps
                self.next_pc = block.end
                for self.pc, action in steps:
                    action()
                self.retired += len(steps)
            except Trap as trap:
                done = self._position(steps)
                self.retired += done
                self._handle(trap, block.decoded[done] if steps else None)
            except Stop:
                done = self._position(steps)
                self.retired += done + 1
                self.pc = (self.pc + block.decoded[done].size) & MASK
                raise
            self.pc = self.next_pc

    def _position(self, steps: list[tuple[int, Action]]) -> int:
        return next((n for n, (pc, _) in enumerate(steps) if pc == self.pc), 0)

    def _handle(self, trap: Trap, decoded: Decoded | None) -> int:
        """Enter the handler of an exception, or leave Xvmx's guest; returns the value for mtinst/htinst."""
        if self.vmx.in_guest or isinstance(trap, VmExit):
            report = trap if isinstance(trap, VmExit) else exception_exit(self, trap)
            if report is not None:
                self.vmx.exit(report, decoded)
                if self.record is not None:
                    self.record.vm_exit, self.record.trap = True, report.reason
                    self.record.rd, self.record.rd_value = _SP, self.x[_SP]
                return 0
        tinst = trap.pseudo
        guest = trap.cause in (Cause.LOAD_GUEST_PAGE_FAULT, Cause.STORE_GUEST_PAGE_FAULT)
        if guest and not tinst and decoded is not None:
            tinst = transform(decoded.word, (trap.tval - self.access_address) & 31, decoded.size == 2)
        take(self, trap.cause, trap, tinst)
        return tinst

    def step(self, imposed: Imposed | None = None) -> Record:
        """Do one instruction or take one trap or interrupt, and say what happened.

        With ``imposed``, interrupts are taken when it says so and not otherwise.
        """
        self.use_recorded_accesses()
        record = Record(self.pc, self.privilege, self.virt)
        self.record, self.imposed = record, imposed
        if not self._step_boundary(record, imposed):
            self._step_instruction(record)
        self.pc = record.next_pc = self.next_pc
        return record

    def _step_boundary(self, record: Record, imposed: Imposed | None) -> bool:
        """Between two instructions; whether something happened there."""
        if imposed is None:
            self.surroundings.polled()
        if not self.virt or not self.vmx.in_guest:
            code = imposed.interrupt if imposed is not None else interrupt_to_take(self)
            if code is None:
                return False
            record.trap = INTERRUPT_BIT | code
            self.next_pc = self.pc
            take(self, record.trap)
            return True
        if imposed is None:
            record.trap = self._guest_boundary()
            return record.trap is not None
        while (event := boundary.imposed_event(self, imposed)) is not None:
            record.trap = self._do_at_boundary(event)
            if record.trap is not None:
                return True
        return False

    def _step_instruction(self, record: Record) -> None:
        decoded = None
        try:
            decoded, action = self.fetch(self.pc)
            record.bits, record.size = decoded.bits, decoded.size
            self.next_pc = (self.pc + decoded.size) & MASK
            action()
            self.retired += 1
            self._note_rd(record, decoded)
            if record.virt and self.vmx.arch is _XVMX:
                self.vmx.step_due = self.vmx.stepping
        except Trap as trap:
            record.trap, record.tval, record.tval2 = trap.cause, trap.tval, trap.tval2
            record.memory.clear()
            record.tinst = self._handle(trap, decoded)
        except Stop:
            self.retired += 1
            self.pc = record.next_pc = self.next_pc
            raise

    def _note_rd(self, record: Record, decoded: Decoded) -> None:
        if decoded.name in _ENTRIES and self.virt:
            record.rd, record.rd_value = _SP, self.x[_SP]
            return
        if decoded.rd and _WRITES_RD[decoded.name]:
            record.rd, record.rd_value = decoded.rd, self.x[decoded.rd]
