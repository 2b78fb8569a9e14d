"""One hart: registers, modes, memory accesses, and the loop that runs instructions.

``run`` goes through cached blocks of decoded instructions. ``step`` does one instruction, says all
that it did, and lets lockstep impose what is not deterministic; both use the same actions.
"""

from typing import Protocol

from cosim.model.access import Accesses
from cosim.model.bits import MASK
from cosim.model.counters import Counters
from cosim.model.csrs import CsrFile
from cosim.model.decode import Decoded, decode
from cosim.model.exceptions import Access, Stop, Trap
from cosim.model.execute import MAKERS, Action
from cosim.model.memory import Bus
from cosim.model.record import Imposed, Record
from cosim.model.system import SYSTEM_MAKERS
from cosim.model.traps import interrupt_to_take, take
from cosim.model.view import Block
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.htinst import transform
from rtl.isa.instructions import INSTRUCTIONS, Format
from rtl.isa.memory_map import DRAM_BASE

__all__ = ["Hart", "Surroundings"]

_BLOCK_LIMIT = 64
_FOREVER = 1 << 62
_ENDS_BLOCK = {"jal", "jalr", "fence.i", "beq", "bne", "blt", "bge", "bltu", "bgeu"}
_MAKERS = MAKERS | SYSTEM_MAKERS
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
    """

    def __init__(self, bus: Bus, surroundings: Surroundings, hart_id: int = 0):
        super().__init__(bus)
        self.surroundings = surroundings
        self.hart_id = hart_id
        self.x = [0] * 32
        self.pc = self.next_pc = DRAM_BASE
        self.retired = 0
        self.idle = 0
        self.counters = Counters(self)
        self.csrs = CsrFile(self)
        self.deadline = 0
        self._actions: dict[int, tuple[Decoded, Action]] = {}
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

    # ---- Time and interrupts ----

    def cycles(self) -> int:
        """mcycle's source: retired instructions and idle time."""
        return self.retired + self.idle

    def time(self) -> int:
        """mtime as this hart sees it."""
        if self.imposed is not None and self.imposed.time is not None:
            return self.imposed.time
        return self.surroundings.time()

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
        pending = value["mip"] | value["hvip"] | lines
        if value["menvcfg"] & _STCE:
            now = self.time()
            pending &= ~_STIP
            if now >= value["stimecmp"]:
                pending |= _STIP
            if value["henvcfg"] & _STCE and (now + value["htimedelta"]) & MASK >= value["vstimecmp"]:
                pending |= _VSTIP
        return pending

    def _ticks_to_event(self) -> int:
        """mtime ticks until some timer bit may rise."""
        ticks = [self.surroundings.ticks_to_timer()]
        value = self.csrs.value
        if value["menvcfg"] & _STCE:
            now = self.time()
            ticks.append(value["stimecmp"] - now)
            ticks.append(value["vstimecmp"] - ((now + value["htimedelta"]) & MASK))
        return min((n for n in ticks if n > 0), default=_FOREVER)

    def poll(self) -> None:
        """Take the interrupt that is due, and work out when to look again."""
        self.surroundings.polled()
        code = interrupt_to_take(self)
        if code is not None:
            take(self, INTERRUPT_BIT | code)
            self.pc = self.next_pc
        period = self.surroundings.cycles_per_tick()
        self.deadline = self.retired + min(self._ticks_to_event() * period, 1 << 20)

    def sleep(self) -> None:
        """wfi: with nothing pending, time passes at once to the next timer event."""
        if self.imposed is None and not self.pending() & self.csrs.value["mie"]:
            self.idle += min(self._ticks_to_event(), 1 << 20) * self.surroundings.cycles_per_tick()
        self.deadline = 0

    # ---- Fetching ----

    def _fetch_half(self, va: int) -> int:
        pa = self.page(self.fetch_view, va, Access.FETCH)
        if not self.bus.is_main_memory(pa):
            found = self.bus.find(pa, 2, Access.FETCH)
            if found is None:
                raise self.access_fault(self.fetch_view, va, Access.FETCH)
            return found[0].read(found[1], 2)
        offset = pa - DRAM_BASE
        return self.bus.dram[offset] | self.bus.dram[offset + 1] << 8

    def fetch(self, pc: int) -> tuple[Decoded, Action]:
        """The instruction at ``pc``; each half of a page-crossing one is translated by itself."""
        bits = self._fetch_half(pc)
        if bits & 3 == 3:
            bits |= self._fetch_half((pc + 2) & MASK) << 16
        found = self._actions.get(bits)
        if found is None:
            decoded = decode(bits)
            found = self._actions[bits] = decoded, _MAKERS[decoded.name](self, decoded)
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
            alone = decoded.name in SYSTEM_MAKERS
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
        """Enter the handler of an exception; returns the value for mtinst/htinst."""
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
        code = imposed.interrupt if imposed is not None else self._due_interrupt()
        if code is not None:
            record.trap = INTERRUPT_BIT | code
            self.next_pc = self.pc
            take(self, record.trap)
        else:
            self._step_instruction(record)
        self.pc = record.next_pc = self.next_pc
        return record

    def _due_interrupt(self) -> int | None:
        self.surroundings.polled()
        return interrupt_to_take(self)

    def _step_instruction(self, record: Record) -> None:
        decoded = None
        try:
            decoded, action = self.fetch(self.pc)
            record.bits, record.size = decoded.bits, decoded.size
            self.next_pc = (self.pc + decoded.size) & MASK
            action()
            self.retired += 1
            self._note_rd(record, decoded)
        except Trap as trap:
            record.trap, record.tval, record.tval2 = trap.cause, trap.tval, trap.tval2
            record.memory.clear()
            record.tinst = self._handle(trap, decoded)
        except Stop:
            self.retired += 1
            self.pc = record.next_pc = self.next_pc
            raise

    def _note_rd(self, record: Record, decoded: Decoded) -> None:
        if decoded.rd and _WRITES_RD[decoded.name]:
            record.rd, record.rd_value = decoded.rd, self.x[decoded.rd]
