"""Explicit memory accesses of a hart, and the translation contexts that they and the fetches use.

Access rules: privileged spec, "Memory Privilege in mstatus" (MPRV, SUM, MXR) and H chapter, "Hypervisor
Virtual-Machine Load and Store Instructions". DRAM takes misaligned accesses, page-crossing ones too;
devices take aligned ones.
"""

from collections.abc import Callable
from struct import Struct

from cosim.model.bits import MASK
from cosim.model.csrs import CsrFile
from cosim.model.exceptions import Access, Trap
from cosim.model.memory import Bus
from cosim.model.pmp import Pmp
from cosim.model.record import Imposed, MemoryAccess, Record
from cosim.model.translation import Space, Walker
from cosim.model.view import View
from cosim.model.xvmx.unit import Vmx
from rtl.isa.csrs import CSRS
from rtl.isa.memory_map import DRAM, DRAM_BASE
from rtl.isa.privilege import Privilege
from rtl.isa.xvmx import Arch

__all__ = ["Accesses"]

_M, _S, _U = int(Privilege.M), int(Privilege.S), int(Privilege.U)
_PAGE = 4096
_RESERVATION_SHIFT = 6
_STRUCTS = {1: Struct("<B"), 2: Struct("<H"), 4: Struct("<I"), 8: Struct("<Q")}
_UNPACK = {size: struct.unpack_from for size, struct in _STRUCTS.items()}
_PACK = {size: struct.pack_into for size, struct in _STRUCTS.items()}

_MSTATUS = CSRS["mstatus"]
_MPRV, _MPV, _SUM, _MXR = (_MSTATUS.mask(name) for name in ("MPRV", "MPV", "SUM", "MXR"))
_MPP_SHIFT = _MSTATUS.field("MPP").lo
_ADUE = CSRS["menvcfg"].mask("ADUE")
_SPVP = CSRS["hstatus"].mask("SPVP")


class Accesses:
    """The part of a hart that reaches memory.

    Attributes
    ----------
    privilege, virt: the mode
    fetch_view, data_view: contexts of fetches and of explicit accesses in this mode
    load, store: (va, size) and (va, size, value), as loads and stores do them
    access_address: address of the explicit access under way
    record, imposed: of the step under way, if there is one
    arbiter: chooses among the translations that are allowed while tables have changed without a fence
    """

    csrs: CsrFile
    vmx: Vmx

    def __init__(self, bus: Bus):
        self.bus = bus
        self.pmp = Pmp()
        self.walker = Walker(bus, self.pmp)
        self.privilege, self.virt = _M, 0
        self.record: Record | None = None
        self.imposed: Imposed | None = None
        self.arbiter: Callable[[View, int, int, bool], int] | None = None
        self.access_address = 0
        self._reservation: int | None = None
        self._views: dict[Space, View] = {}
        self.fetch_view = self.data_view = View(Space(_M))
        self.load: Callable[[int, int], int] = self._load_fast
        self.store: Callable[[int, int, int], None] = self._store_fast

    def use_fast_accesses(self) -> None:
        """Loads and stores go straight to DRAM pages already found; nothing is recorded."""
        self.record = self.imposed = None
        self.load, self.store = self._load_fast, self._store_fast

    def use_recorded_accesses(self) -> None:
        """Loads and stores are noted in ``record``."""
        self.load, self.store = self._load_slow, self._store_slow

    # ---- Translation contexts ----

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
        atp, guest = value["vsatp"], value["vsstatus"]
        if self.vmx.arch == Arch.XVMX:
            gatp, mxr = self.vmx.gatp(), False
            adue = bool(menvcfg & _ADUE)
        else:
            gatp = value["hgatp"]
            adue = bool(self.csrs.read("henvcfg") & _ADUE)
        return Space(
            privilege,
            1,
            atp if atp >> 60 else 0,
            gatp if gatp >> 60 else 0,
            bool(guest & _SUM) and data,
            mxr or (bool(guest & _MXR) and data),
            mxr,
            adue,
            bool(menvcfg & _ADUE),
        )

    def view(self, space: Space) -> View:
        view = self._views.get(space)
        if view is None:
            view = self._views[space] = View(space)
        return view

    def update_views(self) -> None:
        """Choose the contexts of fetches and of explicit accesses (mstatus.MPRV included)."""
        status = self.csrs.value["mstatus"]
        self.fetch_view = self.view(self.space(self.privilege, self.virt, data=False))
        privilege, virt = self.privilege, self.virt
        if status & _MPRV and privilege == _M:
            privilege = status >> _MPP_SHIFT & 3
            virt = 1 if status & _MPV and privilege != _M else 0
        self.data_view = self.view(self.space(privilege, virt))

    def forget_translations(self) -> None:
        """What any address-translation fence does here: all remembered pages and code go."""
        self._views.clear()
        self.update_views()

    forget_code = forget_translations

    def forget_guest_translations(self) -> None:
        """Those of V = 1 go."""
        self._views = {space: view for space, view in self._views.items() if not space.virt}
        self.update_views()

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

    def _guest_view(self) -> View:
        privilege = _S if self.csrs.value["hstatus"] & _SPVP else _U
        return self.view(self.space(privilege, 1))

    def page(self, view: View, va: int, access: int, hlvx: bool = False) -> int:
        """Physical address of ``va``, or a Trap; ``arbiter`` decides if there is one."""
        if self.arbiter is not None:
            return self.arbiter(view, va, access, hlvx)
        return self.find_page(view, va, access, hlvx)

    def find_page(self, view: View, va: int, access: int, hlvx: bool = False) -> int:
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

    def _remember_fast(self, view: View, va: int, page: int, access: int) -> None:
        """Let later accesses go straight to DRAM, if the page is plain DRAM."""
        if not self.bus.is_main_memory(page) or page + _PAGE > self.bus.end:
            return
        if access == Access.LOAD:
            view.loads[va >> 12] = page - DRAM_BASE
        elif access == Access.STORE and page >> 12 not in self.bus.watchers:
            view.stores[va >> 12] = page - DRAM_BASE

    def _parts(
        self, view: View, va: int, size: int, access: int, hlvx: bool = False
    ) -> list[tuple[int, int, int]]:
        """(va, pa, size) of the one or two pages' parts of an access; a Trap if any part fails.

        The first part's
        faults, of every kind, come before the second's; a fault reports its part's own address. Misaligned
        accesses are for DRAM alone.
        """
        self.access_address = va
        room = _PAGE - (va & 4095)
        spans = [(va, size)] if size <= room else [(va, room), ((va + room) & MASK, size - room)]
        parts = []
        for start, n in spans:
            pa = self.page(view, start, access, hlvx)
            ends_inside = self.bus.is_main_memory(pa) and self.bus.is_main_memory(pa + n - 1)
            # HLVX must be allowed to execute, too (H chapter, "Hypervisor Virtual-Machine Load and Store
            # Instructions").
            kinds = (access, Access.FETCH) if hlvx else (access,)
            if not ends_inside and (
                len(spans) > 1 or any(self.bus.find(pa, n, kind) is None for kind in kinds)
            ):
                raise self.access_fault(view, start, access)
            parts.append((start, pa, n))
        return parts

    @staticmethod
    def access_fault(view: View, va: int, access: int) -> Trap:
        return Trap(Access.ACCESS_FAULT[access], va, gva=bool(view.space.virt))

    def _load_in(self, view: View, va: int, size: int, hlvx: bool) -> int:
        value = shift = 0
        for start, pa, n in self._parts(view, va, size, Access.LOAD, hlvx):
            part = self._read_physical(pa, n)
            value |= part << shift
            shift += 8 * n
            self._note(False, start, pa, n, part)
        return value

    def _store_in(self, view: View, va: int, size: int, value: int) -> None:
        for start, pa, n in self._parts(view, va, size, Access.STORE):
            part = value & ((1 << 8 * n) - 1)
            value >>= 8 * n
            self._note(True, start, pa, n, part)
            self._write_physical(pa, n, part)

    def _read_physical(self, pa: int, size: int) -> int:
        if self.bus.is_main_memory(pa):
            return int.from_bytes(self.bus.read_bytes(pa, size), "little")
        if self.imposed is not None and self.imposed.loads:
            return self.imposed.loads.pop(0)
        found = self.bus.find(pa, size, Access.LOAD)
        assert found is not None
        return found[0].read(found[1], size)

    def _write_physical(self, pa: int, size: int, value: int) -> None:
        if self.bus.is_main_memory(pa):
            self.bus.write_bytes(pa, value.to_bytes(size, "little"))
        else:
            found = self.bus.find(pa, size, Access.STORE)
            assert found is not None
            found[0].write(found[1], size, value)

    def _note(self, store: bool, va: int, pa: int, size: int, data: int) -> None:
        if self.record is not None:
            self.record.memory.append(MemoryAccess(store, va, pa, size, data))

    # ---- Atomics ----

    def locate(self, va: int, size: int, access: int, probing: bool = False) -> int:
        """Physical address of an aligned atomic access; only DRAM takes those.

        ``probing``: for a store-conditional, which must not find out whether its part of DRAM's region is
        populated unless it succeeds.
        """
        self.access_address = va
        pa = self.page(self.data_view, va, access)
        if not self.bus.is_main_memory(pa) and not (probing and pa in DRAM):
            raise self.access_fault(self.data_view, va, access)
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

    def drop_reservation(self) -> None:
        """A transition of Xvmx: the next sc fails."""
        self._reservation = None

    def take_reservation(self, pa: int) -> bool:
        """sc: whether the reservation held; it is gone in any case."""
        held = self._reservation == pa >> _RESERVATION_SHIFT
        self._reservation = None
        return held and not (self.imposed is not None and self.imposed.sc_fails)
