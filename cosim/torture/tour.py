"""Tours of the zoo: M-mode code that makes every kind of access to every site, under every sort of root.

All visits are numbered. A seed takes a slice of them, in an order that is always the same, so that some seeds
one after the other have made them all.
"""

import random
from dataclasses import dataclass
from itertools import groupby

from cosim.torture.assembler import encode, load_constant
from cosim.torture.handlers import RESCUE
from cosim.torture.layout import DATA_FRAMES, FENCED_PAGE, FORBIDDEN, FROZEN, LAST_PAGE, PROBE
from cosim.torture.zoo import FAR, NOWHERE, FirstZoo, SecondZoo, Site
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Format
from rtl.isa.paging import AtpMode
from rtl.isa.privilege import Privilege

__all__ = ["VISITS", "Habitats", "tour"]

VISITS = 260
"""Per program."""
_TOGETHER = 6
"""At most so many in a unit."""

_HOST_KINDS = ("fetch", "load", "store", "amo", "lr", "sc")
_GUEST_KINDS = (*_HOST_KINDS, "hlv", "hlvx", "hsv")
_SV39 = AtpMode.SV39 << 60
_NUMBER = {name: csr.number for name, csr in CSRS.items()}


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
    """What a program has: values of satp, vsatp and hgatp, and the zoos behind them (the first of each)."""

    satp: int
    vsatp: int
    hgatp: int
    first: FirstZoo
    guest: FirstZoo
    second: SecondZoo

    def all(self) -> list[_Habitat]:
        """In an order that is the same for all programs, with as many sites."""
        anywhere = [Site(self.guest.sites[0].address, False), Site(self.guest.sites[0].address, True)]
        data, code = DATA_FRAMES[0], PROBE
        plain = [Site(data, False), Site(code, True)]
        wide = [Site(1 << 38, False), Site(1 << 38, True)]  # not a sign extension, in every mode
        beyond = [Site(1 << 41 | data, False), Site(1 << 41 | code, True)]
        own = self.guest.sites[: self.guest.own]
        found = [
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
        for n, root in enumerate((NOWHERE, FORBIDDEN, FROZEN, 1 << 45)):
            bad = _root(root, 16 + n)
            found += [_Habitat(anywhere, satp=bad), _Habitat(anywhere, vsatp=bad, hgatp=0)]
        for n, root in enumerate(self.guest.roots):
            found.append(_Habitat(anywhere, vsatp=_root(root, 32 + n), hgatp=self.hgatp))
        far = [*anywhere, Site(FAR, False), Site(FAR, True)]
        pointers = self.guest.sites[-20:-16]  # to FAR
        for n, root in enumerate((NOWHERE, FORBIDDEN, FROZEN, FENCED_PAGE - 0x1000, LAST_PAGE, 1 << 45)):
            bad = _root(root, 8 + n)
            found.append(_Habitat(far, vsatp=0, hgatp=bad))
            found.append(_Habitat(pointers, vsatp=self.vsatp, hgatp=bad))
            found.append(_Habitat(anywhere, vsatp=_root(FAR, 30), hgatp=bad))
        return found


def _root(address: int, space: int) -> int:
    return _SV39 | space << 44 | address >> 12


def _visits(habitats: list[_Habitat]) -> list[tuple[int, int, str]]:
    """(habitat, site, kind) of every visit: fetches where there is code, the others where there is data."""
    found = []
    for h, habitat in enumerate(habitats):
        for s, site in enumerate(habitat.sites):
            kinds = _GUEST_KINDS if habitat.guest else _HOST_KINDS
            found += [(h, s, kind) for kind in kinds if (kind == "fetch") == site.code]
    random.Random("the order of visits").shuffle(found)
    return found


def tour(seed: int, chooser: random.Random, habitats: Habitats) -> list[bytes]:
    """The units of ``seed``'s visits, in M mode."""
    places = habitats.all()
    visits = _visits(places)
    start = seed * VISITS
    chosen = sorted(visits[(start + n) % len(visits)] for n in range(VISITS))
    units = []
    for h, group in groupby(chosen, key=lambda visit: visit[0]):
        together = list(group)
        chooser.shuffle(together)
        for at in range(0, len(together), _TOGETHER):
            words = _settle(chooser, places[h])
            for _, s, kind in together[at : at + _TOGETHER]:
                words += _visit(chooser, places[h], places[h].sites[s], kind)
            words += [encode("lui", 6, imm=CSRS["mstatus"].mask("MPRV"))]
            words += [encode("csrrc", 0, 6, imm=_NUMBER["mstatus"])]
            units.append(b"".join(word.to_bytes(4, "little") for word in words))
    chooser.shuffle(units)
    return units


def _set(name: str, value: int) -> list[int]:
    return [*load_constant(7, value), encode("csrrw", 0, 7, imm=_NUMBER[name])]


def _settle(chooser: random.Random, habitat: _Habitat) -> list[int]:
    words = []
    for name in ("satp", "vsatp", "hgatp"):
        value = getattr(habitat, name)
        if value is not None:
            words += _set(name, value)
    if habitat.guest:
        words += _set("vsstatus", chooser.getrandbits(64) & CSRS["vsstatus"].mask("SUM", "MXR"))
    return words


def _visit(chooser: random.Random, habitat: _Habitat, site: Site, kind: str) -> list[int]:
    user = site.user ^ (chooser.random() < 0.2)
    status = chooser.getrandbits(64) & CSRS["mstatus"].mask("SUM", "MXR")
    status |= (Privilege.U if user else Privilege.S) << 11
    status |= CSRS["mstatus"].mask("MPV") if habitat.guest else 0
    if kind == "fetch":
        return _launch(site.address, status)
    name = chooser.choice(_ACCESSES[kind])
    words = load_constant(7, site.address)
    if kind in ("hlv", "hlvx", "hsv"):
        spvp = CSRS["hstatus"].mask("SPVP")
        change = "csrrc" if user else "csrrs"
        words += [encode("addi", 6, 0, imm=spvp), encode(change, 0, 6, imm=_NUMBER["hstatus"])]
        if chooser.random() < 0.5:
            change = chooser.choice(("csrrs", "csrrc"))
            words += [
                encode("lui", 6, imm=CSRS["mstatus"].mask("MXR")),
                encode(change, 0, 6, imm=_NUMBER["mstatus"]),
            ]
    else:
        words += load_constant(6, status | CSRS["mstatus"].mask("MPRV"))
        words.append(encode("csrrw", 0, 6, imm=_NUMBER["mstatus"]))
    target = chooser.randrange(12, 22)
    return [*words, encode(name, 0 if kind in ("store", "hsv") else target, 7, 0 if kind == "lr" else target)]


def _launch(address: int, status: int) -> list[int]:
    """Return to ``address``; after whatever happens there, M mode's handler goes on behind this."""
    tail = [*_set("mepc", address), *_set("mstatus", status)]
    tail += [encode("addi", 31, 0, imm=RESCUE), encode("mret")]
    return [encode("auipc", 1), encode("addi", 1, 1, imm=4 * (2 + len(tail))), *tail]
