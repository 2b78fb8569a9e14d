"""One hart: registers, modes, memory accesses, and the loop that runs instructions.

``run`` goes through cached blocks of decoded instructions. ``step`` does one instruction, says all
that it did, and lets lockstep impose what is not deterministic; both use the same actions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Protocol

from cosim.model.bits import MASK
from cosim.model.counters import Counters
from cosim.model.csrs import CsrFile
from cosim.model.decode import Decoded, decode
from cosim.model.exceptions import Access, Stop, Trap
from cosim.model.execute import MAKERS, Action
from cosim.model.memory import Bus
from cosim.model.pmp import Pmp
from cosim.model.record import Imposed, MemoryAccess, Record
from cosim.model.system import SYSTEM_MAKERS
from cosim.model.translation import Space, Walker
from cosim.model.traps import interrupt_to_take, take
from rtl.isa.causes import INTERRUPT_BIT, Cause, Interrupt
from rtl.isa.csrs import CSRS
from rtl.isa.htinst import transform
from rtl.isa.instructions import INSTRUCTIONS, Format
from rtl.isa.memory_map import DRAM_BASE
from rtl.isa.privilege import Privilege

__all__ = ["Hart", "Surroundings"]

_M, _S, _U = int(Privilege.M), int(Privilege.S), int(Privilege.U)
_PAGE = 4096
_RESERVATION_SHIFT = 6
_BLOCK_LIMIT = 64
_FOREVER = 1 << 62
_STRUCTS = {1: Struct("<B"), 2: Struct("<H"), 4: Struct("<I"), 8: Struct("<Q")}
_UNPACK = {size: struct.unpack_from for size, struct in _STRUCTS.items()}
_PACK = {size: struct.pack_into for size, struct in _STRUCTS.items()}

_ENDS_BLOCK = {"jal", "jalr", "fence.i", "beq", "bne", "blt", "bge", "bltu", "bgeu"}
_MAKERS = MAKERS | SYSTEM_MAKERS
_NO_RD = {Format.S, Format.B, Format.FENCE, Format.NONE, Format.RS1_RS2, Format.HSV}
_WRITES_RD = {name: i.format not in _NO_RD for name, i in INSTRUCTIONS.items()}

_MSTATUS, _ENVCFG, _SATP = CSRS["mstatus"], CSRS["menvcfg"], CSRS["satp"]
_MPRV, _MPV, _SUM, _MXR = (_MSTATUS.mask(name) for name in ("MPRV", "MPV", "SUM", "MXR"))
_ADUE, _STCE = _ENVCFG.mask("ADUE"), _ENVCFG.mask("STCE")
_SPVP = CSRS["hstatus"].mask("SPVP")
_MPP_SHIFT = _MSTATUS.field("MPP").lo
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


@dataclass(slots=True)
class _View:
    """What is remembered of one Space: pages by kind of access, DRAM offsets, and blocks of code."""

    space: Space
    pages: tuple[dict[int, int], dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}, {}))
    loads: dict[int, int] = field(default_factory=dict)
    stores: dict[int, int] = field(default_factory=dict)
    blocks: dict[int, "_Block"] = field(default_factory=dict)


@dataclass(slots=True)
class _Block:
    """Instructions run one after the other: (pc, action) pairs, and where they fall through to."""

    steps: list[tuple[int, Action]]
    decoded: list[Decoded]
    end: int


class Hart:
    """A hart of ``bus`` in ``surroundings``.

    Attributes
    ----------
    x: integer registers; pc, next_pc: of the instruction under way and of the one that follows
    privilege, virt: the mode
    csrs, pmp, counters: the registers of the privileged architecture
    retired: instructions retired; idle: cycles slept
    """

    def __init__(self, bus: Bus, surroundings: Surroundings, hart_id: int = 0):
        self.bus = bus
        self.surroundings = surroundings
        self.hart_id = hart_id
        self.x = [0] * 32
        self.pc = self.next_pc = DRAM_BASE
        self.privilege, self.virt = _M, 0
        self.retired = 0
        self.idle = 0
        self.pmp = Pmp()
        self.counters = Counters(self)
        self.csrs = CsrFile(self)
        self.walker = Walker(bus, self.pmp)
        self.deadline = 0
        self._views: dict[Space, _View] = {}
        self._actions: dict[int, tuple[Decoded, Action]] = {}
        self._reservation: int | None = None
        self._access_address = 0
        self._record: Record | None = None
        self._imposed: Imposed | None = None
        self.fetch_view = self.data_view = _View(Space(_M))
        self.load: Callable[[int, int], int] = self._load_fast
        self.store: Callable[[int, int, int], None] = self._store_fast
        self.update_views()

    # ---- Modes and translation contexts ----

    def enter(self, privilege: int, virt: int) -> None:
        """Change the mode; interrupts are looked at before the next instruction."""
        self.privilege, self.virt = privilege, virt
        self.update_views()
        self.deadline = 0

    def space(self, privilege: int, virt: int, data: bool = True) -> Space:
        """The translation state of accesses in a mode (for fetches SUM and MXR do not count)."""
        if privilege == _M:
            return Space(_M)
        value = self.csrs.value
        status, menvcfg = value["mstatus"], value["menvcfg"]
        mxr = bool(status & _MXR) and data
        if not virt:
            atp = value["satp"]
            if atp >> 60 == 0:
                return Space(privilege)
            return Space(privilege, 0, atp, 0, bool(status & _SUM) and data, mxr, adue=bool(menvcfg & _ADUE))
        atp, gatp, guest = value["vsatp"], value["hgatp"], value["vsstatus"]
        return Space(
            privilege,
            1,
            atp if atp >> 60 else 0,
            gatp if gatp >> 60 else 0,
            bool(guest & _SUM) and data,
            mxr or (bool(guest & _MXR) and data),
            mxr,
            bool(self.csrs.read("henvcfg") & _ADUE),
            bool(menvcfg & _ADUE),
        )

    def _view(self, space: Space) -> _View:
        view = self._views.get(space)
        if view is None:
            view = self._views[space] = _View(space)
        return view

    def update_views(self) -> None:
        """Choose the contexts of fetches and of explicit accesses (mstatus.MPRV included)."""
        status = self.csrs.value["mstatus"]
        self.fetch_view = self._view(self.space(self.privilege, self.virt, data=False))
        privilege, virt = self.privilege, self.virt
        if status & _MPRV and privilege == _M:
            privilege = status >> _MPP_SHIFT & 3
            virt = 1 if status & _MPV and privilege != _M else 0
        self.data_view = self._view(self.space(privilege, virt))

    def forget_translations(self) -> None:
        """What any address-translation fence does here: all remembered pages and code go."""
        self._views.clear()
        self.update_views()

    forget_code = forget_translations

    def csr_written(self, name: str) -> None:
        """A CSR instruction wrote ``name``: renew what depends on it."""
        if self._record is not None:
            self._record.csr_writes.append((name, self.csrs.read(name)))
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
        if self._imposed is not None and self._imposed.time is not None:
            return self._imposed.time
        return self.surroundings.time()

    def imposed_csr(self, number: int) -> int | None:
        """Value that lockstep gives for a read of CSR ``number``."""
        return self._imposed.csr.get(number) if self._imposed is not None else None

    def pending(self) -> int:
        """mip: software bits, device lines, and the Sstc timers (Sstc chapter)."""
        value = self.csrs.value
        imposed = self._imposed
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
        if self._imposed is None and not self.pending() & self.csrs.value["mie"]:
            self.idle += min(self._ticks_to_event(), 1 << 20) * self.surroundings.cycles_per_tick()
        self.deadline = 0

    # ---- Explicit accesses ----

    def _load_fast(self, va: int, size: int) -> int:
        offset = self.data_view.loads.get(va >> 12)
        if offset is None or (va & 4095) + size > _PAGE:
            return self._load_slow(va, size)
        return _UNPACK[size](self.bus.dram, offset + (va & 4095))[0]

    def _store_fast(self, va: int, size: int, value: int) -> None:
        offset = self.data_view.stores.get(va >> 12)
        if offset is None or (va & 4095) + size > _PAGE:
            self._store_slow(va, size, value)
        else:
            _PACK[size](self.bus.dram, offset + (va & 4095), value)

    def _load_slow(self, va: int, size: int) -> int:
        return self._load_in(self.data_view, va, size, False)

    def _store_slow(self, va: int, size: int, value: int) -> None:
        self._store_in(self.data_view, va, size, value)

    def guest_load(self, va: int, size: int, hlvx: bool) -> int:
        """HLV and HLVX: as if in VS or VU, by hstatus.SPVP."""
        return self._load_in(self._guest_view(), va, size, hlvx)

    def guest_store(self, va: int, size: int, value: int) -> None:
        """HSV."""
        self._store_in(self._guest_view(), va, size, value)

    def _guest_view(self) -> _View:
        privilege = _S if self.csrs.value["hstatus"] & _SPVP else _U
        return self._view(self.space(privilege, 1))

    def _page(self, view: _View, va: int, access: int, hlvx: bool = False) -> int:
        """Physical address of ``va``; remembers the page unless it was for HLVX."""
        pages = view.pages[access]
        page = None if hlvx else pages.get(va >> 12)
        if page is None:
            pa = self.walker.translate(view.space, va, access, hlvx)
            if not hlvx:
                page = pages[va >> 12] = pa & ~4095
                self._remember_fast(view, va, page, access)
            return pa
        return page | va & 4095

    def _remember_fast(self, view: _View, va: int, page: int, access: int) -> None:
        """Let later accesses go straight to DRAM, if the page is plain DRAM."""
        if not self.bus.is_main_memory(page) or page + _PAGE > self.bus.end:
            return
        if access == Access.LOAD:
            view.loads[va >> 12] = page - DRAM_BASE
        elif access == Access.STORE and page >> 12 not in self.bus.watchers:
            view.stores[va >> 12] = page - DRAM_BASE

    def _parts(
        self, view: _View, va: int, size: int, access: int, hlvx: bool = False
    ) -> list[tuple[int, int, int]]:
        """(va, pa, size) of the one or two pages' parts of an access; a Trap if any part fails.

        A part's fault reports the part's own address. Misaligned accesses are for DRAM alone.
        """
        self._access_address = va
        room = _PAGE - (va & 4095)
        spans = [(va, size)] if size <= room else [(va, room), ((va + room) & MASK, size - room)]
        parts = [(start, self._page(view, start, access, hlvx), n) for start, n in spans]
        for start, pa, n in parts:
            ends_inside = self.bus.is_main_memory(pa) and self.bus.is_main_memory(pa + n - 1)
            if not ends_inside and (len(parts) > 1 or self.bus.find(pa, n) is None):
                raise self._access_fault(view, start, access)
        return parts

    @staticmethod
    def _access_fault(view: _View, va: int, access: int) -> Trap:
        return Trap(Access.ACCESS_FAULT[access], va, gva=bool(view.space.virt))

    def _load_in(self, view: _View, va: int, size: int, hlvx: bool) -> int:
        value = shift = 0
        for start, pa, n in self._parts(view, va, size, Access.LOAD, hlvx):
            part = self._read_physical(pa, n)
            value |= part << shift
            shift += 8 * n
            self._note(False, start, pa, n, part)
        return value

    def _store_in(self, view: _View, va: int, size: int, value: int) -> None:
        for start, pa, n in self._parts(view, va, size, Access.STORE):
            part = value & ((1 << 8 * n) - 1)
            value >>= 8 * n
            self._note(True, start, pa, n, part)
            self._write_physical(pa, n, part)

    def _read_physical(self, pa: int, size: int) -> int:
        if self.bus.is_main_memory(pa):
            return int.from_bytes(self.bus.read_bytes(pa, size), "little")
        if self._imposed is not None and self._imposed.loads:
            return self._imposed.loads.pop(0)
        found = self.bus.find(pa, size)
        assert found is not None
        return found[0].read(found[1], size)

    def _write_physical(self, pa: int, size: int, value: int) -> None:
        if self.bus.is_main_memory(pa):
            self.bus.write_bytes(pa, value.to_bytes(size, "little"))
        else:
            found = self.bus.find(pa, size)
            assert found is not None
            found[0].write(found[1], size, value)

    def _note(self, store: bool, va: int, pa: int, size: int, data: int) -> None:
        if self._record is not None:
            self._record.memory.append(MemoryAccess(store, va, pa, size, data))

    # ---- Atomics ----

    def locate(self, va: int, size: int, access: int) -> int:
        """Physical address of an aligned atomic access; only DRAM takes those."""
        self._access_address = va
        pa = self._page(self.data_view, va, access)
        if not self.bus.is_main_memory(pa):
            raise self._access_fault(self.data_view, va, access)
        return pa

    def read_located(self, va: int, pa: int, size: int) -> int:
        """Read DRAM that ``locate`` found."""
        value = int.from_bytes(self.bus.read_bytes(pa, size), "little")
        self._note(False, va, pa, size, value)
        return value

    def write_located(self, va: int, pa: int, size: int, value: int) -> None:
        """Write DRAM that ``locate`` found."""
        self._note(True, va, pa, size, value)
        self.bus.write_bytes(pa, value.to_bytes(size, "little"))

    def reserve(self, pa: int) -> None:
        """lr: the reservation set is a 64-byte line. Traps and the hart's own stores keep it."""
        self._reservation = pa >> _RESERVATION_SHIFT

    def take_reservation(self, pa: int) -> bool:
        """sc: whether the reservation held; it is gone in any case."""
        held = self._reservation == pa >> _RESERVATION_SHIFT
        self._reservation = None
        return held and not (self._imposed is not None and self._imposed.sc_fails)

    # ---- Fetching ----

    def _fetch_half(self, va: int) -> int:
        pa = self._page(self.fetch_view, va, Access.FETCH)
        if not self.bus.is_main_memory(pa):
            raise self._access_fault(self.fetch_view, va, Access.FETCH)
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

    def _build_block(self) -> _Block:
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
        block = _Block(steps, listed, pc)
        self.fetch_view.blocks[self.pc] = block
        return block

    # ---- Running ----

    def run(self, limit: int) -> None:
        """Run at least ``limit`` instructions (to the end of a block); Stop passes through."""
        self._record = self._imposed = None
        self.load, self.store = self._load_fast, self._store_fast
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
            tinst = transform(decoded.word, (trap.tval - self._access_address) & 31, decoded.size == 2)
        take(self, trap.cause, trap, tinst)
        return tinst

    def step(self, imposed: Imposed | None = None) -> Record:
        """Do one instruction or take one trap or interrupt, and say what happened.

        With ``imposed``, interrupts are taken when it says so and not otherwise.
        """
        self.load, self.store = self._load_slow, self._store_slow
        record = Record(self.pc, self.privilege, self.virt)
        self._record, self._imposed = record, imposed
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
