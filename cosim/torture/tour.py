"""Tours of the zoo: M-mode code that makes every kind of access to every site, under every sort of root.

All visits are numbered. A seed takes a slice of them, in an order that is always the same, so that some seeds
one after the other have made them all.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from cosim.torture.assembler import encode, load_constant
from cosim.torture.handlers import RESCUE
from cosim.torture.layout import DATA_FRAMES, FENCED_PAGE, FORBIDDEN, FROZEN, LAST_PAGE, PROBE
from cosim.torture.zoo import FAR, FirstZoo, SecondZoo, Site
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Format
from rtl.isa.paging import AtpMode
from rtl.isa.privilege import Privilege

__all__ = ["Habitats", "passes", "stops", "tour"]

VISITS = 304
"""Per program: 24 programs make all of them."""
_PERMISSIONS = 40
"""Per program, visits of pages of all permissions from both privileges, with all of SUM and MXR."""
_TOGETHER = 6
"""At most so many in a unit."""

_HOST_KINDS = ("fetch", "load", "store", "amo", "lr", "sc")
_GUEST_KINDS = (*_HOST_KINDS, "hlv", "hlvx", "hsv")
_SV39 = AtpMode.SV39 << 60
_NUMBER = {name: csr.number for name, csr in CSRS.items()}


HOST, GUEST = 0, 3
"""Habitats with all of the zoo."""
_S_SUM, _S_MXR = (CSRS["sstatus"].mask(name) for name in ("SUM", "MXR"))


def _names(*formats: Format) -> list[str]:
    return [name for name, i in INSTRUCTIONS.items() if i.format in formats and name != "jalr"]


_ACCESSES = {
    "load": _names(Format.LOAD),
    "store": _names(Format.S),
    "amo": [name for name in _names(Format.AMO) if not name.startswith("sc.")],
    "lr": _names(Format.LR),
    "sc": ["sc.w", "sc.d"],
    "hlv": [name for name in _names(Format.HLV) if not name.startswith("hlvx")],
    "hlvx": ["hlvx.hu", "hlvx.wu"],
    "hsv": _names(Format.HSV),
}


@dataclass(frozen=True)
class _Habitat:
    """Roots, and the sites that are visited under them. Roots are None where they do not matter."""

    sites: list[Site]
    satp: int | None = None
    vsatp: int | None = None
    hgatp: int | None = None

    @property
    def guest(self) -> bool:
        return self.hgatp is not None


@dataclass
class Habitats:
    """What a program has: values of satp, vsatp and hgatp, the zoos behind them (the first of each), and an
    address without memory."""

    satp: int
    vsatp: int
    hgatp: int
    first: FirstZoo
    guest: FirstZoo
    second: SecondZoo
    nowhere: int

    def all(self) -> list[_Habitat]:
        """In an order that is the same for all programs, with as many sites."""
        anywhere = [Site(self.guest.sites[0].address, code, user=True) for code in (False, True)]
        data, code = DATA_FRAMES[0], PROBE
        plain = [Site(data, False), Site(code, True)]
        wide = [Site(1 << 38, False), Site(1 << 38, True)]  # not a sign extension, in every mode
        beyond = [Site(1 << 41 | data, False), Site(1 << 41 | code, True)]
        own = self.guest.sites[: self.guest.own]
        found = [  # the first and the fourth are HOST and GUEST
            _Habitat(self.first.sites, satp=self.satp),
            _Habitat(wide, satp=self.satp),
            _Habitat(plain, satp=0),
            _Habitat(self.guest.sites, vsatp=self.vsatp, hgatp=self.hgatp),
            _Habitat(wide, vsatp=self.vsatp, hgatp=self.hgatp),
            _Habitat(own, vsatp=self.vsatp, hgatp=0),
            _Habitat(wide, vsatp=self.vsatp, hgatp=0),
            _Habitat(plain, vsatp=0, hgatp=0),
            _Habitat(self.second.sites + beyond, vsatp=0, hgatp=self.hgatp),
        ]
        for n, root in enumerate((self.nowhere, FORBIDDEN, FROZEN, 1 << 45)):
            bad = _root(root, 16 + n)
            found += [_Habitat(anywhere, satp=bad), _Habitat(anywhere, vsatp=bad, hgatp=0)]
        for n, root in enumerate(self.guest.roots):
            found.append(_Habitat(anywhere, vsatp=_root(root, 32 + n), hgatp=self.hgatp))
        far = [*anywhere, Site(FAR, False), Site(FAR, True)]
        pointers = self.guest.sites[-20:-16]  # to FAR
        for n, root in enumerate((self.nowhere, FORBIDDEN, FROZEN, FENCED_PAGE - 0x1000, LAST_PAGE, 1 << 45)):
            bad = _root(root, 8 + n)
            found.append(_Habitat(far, vsatp=0, hgatp=bad))
            found.append(_Habitat(pointers, vsatp=self.vsatp, hgatp=bad))
            found.append(_Habitat(anywhere, vsatp=_root(FAR, 30), hgatp=bad))
        return found


def _root(address: int, space: int) -> int:
    return _SV39 | space << 44 | address >> 12


@dataclass(frozen=True, order=True)
class _Visit:
    """An access. ``state``: its privilege, mstatus.SUM and MXR, vsstatus.SUM and MXR, as bits; -1 for any."""

    habitat: int
    site: int
    kind: str
    state: int = -1


_USER, _SUM, _MXR, _GUEST_SUM, _GUEST_MXR = 1, 2, 4, 8, 16


@cache
def _visits(sizes: tuple[tuple[tuple[bool, ...], bool], ...]) -> list[_Visit]:
    """Every visit: fetches where there is code, the others where there is data.

    ``sizes``: for each habitat, whether each site is code, and whether it is a guest's.
    """
    found = []
    for h, (sites, guest) in enumerate(sizes):
        kinds = _GUEST_KINDS if guest else _HOST_KINDS
        for s, code in enumerate(sites):
            found += [_Visit(h, s, kind) for kind in kinds if (kind == "fetch") == code]
    random.Random("the order of visits").shuffle(found)
    return found


@cache
def _permissions(host: int, guest: int, leaves: tuple[tuple[int, bool], ...]) -> list[_Visit]:
    """``leaves``: sound first-stage pages of all permissions, and whether they are code."""
    found = []
    for s, code in leaves:
        for state in range(32):
            if code:
                found += [_Visit(h, s, "fetch", state) for h in (host, guest) if state <= _USER]
            else:
                found += [_Visit(host, s, kind, state) for kind in ("load", "store") if state < _GUEST_SUM]
                found += [_Visit(guest, s, kind, state) for kind in ("load", "store", "hlvx")]
    random.Random("the order of permissions").shuffle(found)
    return found


def passes(seed: int) -> int:
    """How often all visits have been made before ``seed``."""
    return seed * VISITS // _ALL_VISITS


_ALL_VISITS = 7287


def _slice(visits: list[_Visit], seed: int, count: int) -> list[_Visit]:
    return [visits[(seed * count + n) % len(visits)] for n in range(count)]


def tour(seed: int, chooser: random.Random, habitats: Habitats) -> list[bytes]:
    """The units of ``seed``'s visits, in M mode."""
    units = []
    for settle, visits in stops(seed, chooser, habitats):
        words = settle + [word for visit in visits for word in visit]
        words += [encode("lui", 6, imm=CSRS["mstatus"].mask("MPRV"))]
        words += [encode("csrrc", 0, 6, imm=_NUMBER["mstatus"])]
        units.append(b"".join(word.to_bytes(4, "little") for word in words))
    chooser.shuffle(units)
    return units


def stops(
    seed: int, chooser: random.Random, habitats: Habitats, without: tuple[str, ...] = ()
) -> Iterator[tuple[list[int], list[list[int]]]]:
    """The instructions that set the roots of a habitat, and those of each of some visits there; ``without``
    some kinds of accesses."""
    places = habitats.all()
    visits = _visits(tuple((tuple(site.code for site in place.sites), place.guest) for place in places))
    assert len(visits) == _ALL_VISITS
    leaves = tuple((s, site.code) for s, site in enumerate(habitats.first.sites) if site.sound)
    chosen = _slice(visits, seed, VISITS)
    chosen += _slice(_permissions(HOST, GUEST, leaves), seed, _PERMISSIONS)
    chosen = sorted(visit for visit in chosen if visit.kind not in without)
    for h, group in groupby(chosen, key=lambda visit: visit.habitat):
        together = list(group)
        chooser.shuffle(together)
        for at in range(0, len(together), _TOGETHER):
            some = together[at : at + _TOGETHER]
            yield _settle(places[h]), [_visit(chooser, places[h], visit) for visit in some]


def _set(name: str, value: int) -> list[int]:
    return [*load_constant(7, value), encode("csrrw", 0, 7, imm=_NUMBER[name])]


def _settle(habitat: _Habitat) -> list[int]:
    words = []
    for name in ("satp", "vsatp", "hgatp"):
        value = getattr(habitat, name)
        if value is not None:
            words += _set(name, value)
    return words


def _bits(state: int, sum_bit: int, mxr_bit: int) -> int:
    return (_S_SUM if state & sum_bit else 0) | (_S_MXR if state & mxr_bit else 0)


def _visit(chooser: random.Random, habitat: _Habitat, visit: _Visit) -> list[int]:
    site, kind, state = habitat.sites[visit.site], visit.kind, visit.state
    if state < 0:
        state = sum(bit for bit in (_SUM, _MXR, _GUEST_SUM, _GUEST_MXR) if chooser.random() < 0.3)
        state |= _USER if site.user ^ (chooser.random() < 0.1) else 0
    user = bool(state & _USER)
    status = _bits(state, _SUM, _MXR) | (Privilege.U if user else Privilege.S) << 11
    status |= CSRS["mstatus"].mask("MPV") if habitat.guest else 0
    if kind == "fetch":
        return _launch(site.address, status)
    name = chooser.choice(_ACCESSES[kind])
    words = _set("vsstatus", _bits(state, _GUEST_SUM, _GUEST_MXR)) if habitat.guest else []
    words += load_constant(7, site.address)
    if kind in ("hlv", "hlvx", "hsv"):
        change = "csrrc" if user else "csrrs"
        words += [encode("addi", 6, 0, imm=CSRS["hstatus"].mask("SPVP"))]
        words += [encode(change, 0, 6, imm=_NUMBER["hstatus"])]
    else:
        status |= CSRS["mstatus"].mask("MPRV")
    words += [*load_constant(6, status), encode("csrrw", 0, 6, imm=_NUMBER["mstatus"])]
    target = chooser.randrange(12, 21)
    source = 0 if kind == "lr" else target
    return [*words, encode(name, 0 if kind in ("store", "hsv") else target, 7, source)]


def _launch(address: int, status: int) -> list[int]:
    """Return to ``address``; after whatever happens there, M mode's handler goes on behind this."""
    tail = [*_set("mepc", address), *_set("mstatus", status)]
    tail += [encode("addi", 31, 0, imm=RESCUE), encode("mret")]
    return [encode("auipc", 1), encode("addi", 1, 1, imm=4 * (2 + len(tail))), *tail]
