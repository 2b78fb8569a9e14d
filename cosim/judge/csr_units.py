"""Units of judged programs that read and write CSRs, raise interrupts, and pair lr with sc.

Where the specification leaves a choice (WARL and WLRL fields, registers that a hart need not have) QEMU's is
often another one than ours. So units write what both must keep and compare the bits that both must show;
``_WRITTEN`` and ``_COMPARED`` say which, and what else is left out.
"""

from collections.abc import Callable

from cosim.torture.assembler import encode, load_constant
from cosim.torture.layout import LOOP
from cosim.torture.units import Context, Unit
from rtl.isa.causes import NEVER_RAISED, VS_INTERRUPTS, Cause, Interrupt
from rtl.isa.csr_state import COUNTERS, S_INTERRUPTS, csr_states
from rtl.isa.csrs import CSRS
from rtl.isa.instructions import INSTRUCTIONS, Format

__all__ = ["OPTIONAL", "PRIVATE_UNITS", "QEMU_COUNTERS"]

_ALL = (1 << 64) - 1
_STATES = csr_states()

QEMU_COUNTERS = sum(1 << n for n in COUNTERS)
"""QEMU's pmu-mask for our counters. Those that we have as read-only zeros do not exist there at all."""

OPTIONAL = {
    *(f"{prefix}hpmcounter{n}" for prefix in ("", "m") for n in range(32) if n not in COUNTERS),
    *(f"pmpcfg{n}" for n in range(4, 16)),
    *(f"pmpaddr{n}" for n in range(16, 64)),
    *("tselect", "tdata1", "tdata2", "tdata3", "mvirt", "stopei", "svmxcap"),
}
"""Registers that one of the two has and the other has not, as both may."""
_NUMBERS = [n for n in range(4096) if n not in {CSRS[name].number for name in OPTIONAL if name in CSRS}]

_CAUSES = (*(int(cause) for cause in Cause if cause < 24), *(1 << 63 | int(code) for code in Interrupt))
_TRAP = ("cause", "epc", "tval")
_REPORTS = {f"{level}{name}" for level in ("m", "s", "vs") for name in _TRAP} | {"mtval2", "mtinst", "htval"}
"""Written by traps: what QEMU says there may differ (``rules``), so units write before they read."""
_EVEN = {"mepc", "sepc", "vsepc"}
"""Their low bit is always 0 (Machine-Level ISA, "Machine Exception Program Counter"); QEMU keeps it."""
_COMPARES = ("stimecmp", "vstimecmp")
_SOFTWARE = S_INTERRUPTS | VS_INTERRUPTS

_KEPT = {
    **dict.fromkeys(("satp", "vsatp", "hgatp"), 0),  # the translation units' business
    **dict.fromkeys(("mtvec", "stvec", "vstvec", "htimedelta"), 0),
    **{name: 0 for name in _STATES if name.startswith(("pmp", "mhpm"))},
    **dict.fromkeys(("mcycle", "minstret", "mcountinhibit"), 0),
    "htinst": 0,  # QEMU cannot be written to
    "medeleg": ~(1 << Cause.ECALL_HS),  # always HS's way to M
    **dict.fromkeys(("menvcfg", "henvcfg"), 1),  # FIOM; ADUE and STCE stay as the program began
    "mtinst": 0xFFFF_FFFF,
    "mip": _SOFTWARE,
}
"""Bits that units may change; of registers that are not here, all."""
_WRITTEN = {
    name: state.writable & _KEPT.get(name, _ALL)
    for name, state in _STATES.items()
    if not state.csr.read_only and name not in OPTIONAL
}

_NEVER_COMPARED = {"cycle", "time", "instret", "mcycle", "minstret", "htinst", "mimpid"} | {
    name for name in _STATES if name.startswith(("pmp", "hpm", "mhpm"))
}
_COMPARED = {
    "mstatus": ~CSRS["mstatus"].mask("GVA"),  # see the rule gva
    "hstatus": ~CSRS["hstatus"].mask("GVA"),
    **dict.fromkeys(("mip", "mideleg"), ~(1 << 13)),  # QEMU has counter overflow interrupts
    # QEMU keeps 18, but not 19 (hardware error): H chapter, table of hedeleg's bits: both are writable
    "hedeleg": ~(1 << NEVER_RAISED[1]),
    "hvip": VS_INTERRUPTS,  # QEMU shows M-level and S-level bits too: H chapter, "hvip": read-only zeros
    "hip": VS_INTERRUPTS,
}
"""Bits of a register that are compared; of registers that are not here, all."""

_INTERRUPTS = ("mip", "sip", "hvip", "hip", "vsip", "mie", "sie", "hie", "vsie", "mideleg", "hideleg")


_CODES = (Interrupt.SSI, Interrupt.VSSI, Interrupt.STI, Interrupt.VSTI, Interrupt.SEI, Interrupt.VSEI)


def _pack(*words: int) -> Unit:
    return b"".join(word.to_bytes(4, "little") for word in words)


def _value(c: Context, name: str) -> int:
    """Something legal to write."""
    chooser = c.chooser
    if name.endswith("cause"):
        return chooser.choice(_CAUSES)
    if name in _COMPARES:
        return chooser.choice((0, _ALL))  # past and never: when exactly is not compared
    value = chooser.getrandbits(64) if chooser.random() < 0.7 else 1 << chooser.randrange(64)
    value &= ~1 if name in _EVEN else _ALL
    return value & _writable(c, name) | _STATES[name].fixed


def _writable(c: Context, name: str) -> int:
    """With timers, not hvip.VSTIP: in QEMU it is the same bit as what vstimecmp makes pending (H chapter,
    "Hypervisor Interrupt (hvip, hip, and hie) Registers": hip.VSTIP is the logical-OR of the two)."""
    return _WRITTEN[name] & ~(1 << Interrupt.VSTI if name == "hvip" and c.weights["timer"] else 0)


def _write(c: Context, name: str) -> list[int]:
    chooser, number = c.chooser, CSRS[name].number
    operand = load_constant(7, _value(c, name))
    # A write of all bits, but where some must stay. QEMU's mip lets csrrw change VSTIP and VSEIP too (H
    # chapter, "Machine Interrupt (mip and mie) Registers": aliases of hip's, which are read-only).
    whole = name != "mip" and _writable(c, name) == _STATES[name].writable
    whole = whole or name in _REPORTS or name in _COMPARES
    change = "csrrw" if whole and (name in _REPORTS or chooser.random() < 0.4) else ""
    if name in _COMPARES:
        change = "csrrw"
    return [*operand, encode(change or chooser.choice(("csrrs", "csrrc")), 0, 7, imm=number)]


def _read(c: Context, name: str) -> list[int]:
    """Into a register, without the bits that are not compared."""
    if name in _NEVER_COMPARED:
        return [encode("csrrs", 0, 0, imm=CSRS[name].number)]
    target = c.data()
    words = [encode("csrrs", target, 0, imm=CSRS[name].number)]
    mask = _COMPARED.get(name, _ALL) & _ALL
    return words if mask == _ALL else [*words, *load_constant(7, mask), encode("and", target, target, 7)]


def _names(written: bool) -> list[str]:
    if written:
        return [name for name, mask in _WRITTEN.items() if mask]
    return [name for name in _STATES if name not in OPTIONAL]


_READABLE, _WRITABLE = _names(False), _names(True)


def _csr(c: Context) -> Unit:
    """Write a register, or read it, or both; or only see whether some number may be read."""
    chooser = c.chooser
    kind = chooser.random()
    if kind < 0.15:
        return _pack(encode("csrrs", 0, 0, imm=chooser.choice(_NUMBERS)))
    if kind < 0.25:  # of counters, whether the enables let them be read
        return _pack(encode("csrrs", 0, 0, imm=CSRS["cycle"].number + chooser.randrange(COUNTERS.stop)))
    if kind < 0.55:
        name = chooser.choice([name for name in _READABLE if name not in _REPORTS])
        return _pack(*_read(c, name))
    name = chooser.choice(_WRITABLE)
    if name in _COMPARES and not c.weights["timer"]:
        return _pack(*_read(c, name))
    words = _write(c, name)
    return _pack(*words, *(_read(c, name) if name in _REPORTS or chooser.random() < 0.5 else []))


def _interrupt(c: Context) -> Unit:
    """Change what is pending, enabled or delegated: what is due then comes before the next instruction
    (Machine-Level ISA, "Machine Interrupt (mip and mie) Registers")."""
    chooser = c.chooser
    words: list[int] = []
    for _ in range(chooser.choice((1, 2, 4))):
        name = chooser.choice(_INTERRUPTS)
        value = chooser.getrandbits(16) if chooser.random() < 0.3 else 1 << chooser.choice(_CODES)
        if name in ("mideleg", "hideleg"):
            value = chooser.getrandbits(16)
        words += _change(c, name, value)
    if chooser.random() < 0.3:
        words += _read(c, chooser.choice(_INTERRUPTS))
    return _pack(*words)


def _raise(c: Context) -> Unit:
    """Enable an interrupt and make it pending, by the registers of some mode, in either order."""
    chooser = c.chooser
    code = chooser.choice(_CODES)
    enables, pending = chooser.choice((("mie", "mip"), ("sie", "sip"), ("hie", "hvip"), ("sie", "mip")))
    if pending == "mip" and 1 << code & VS_INTERRUPTS:
        enables, pending = "hie", "hvip"
    elif pending == "hvip":
        code = chooser.choice((Interrupt.VSSI, Interrupt.VSTI, Interrupt.VSEI))
    elif pending == "sip":
        code = Interrupt.SSI
    both = [_change(c, enables, 1 << code, "csrrs"), _change(c, pending, 1 << code, "csrrs")]
    chooser.shuffle(both)
    status, bit = chooser.choice((("sstatus", 2), ("sstatus", 2), ("mstatus", 8)))  # SIE or MIE
    both.insert(chooser.randrange(3), [encode("csrrsi", 0, bit, imm=CSRS[status].number)])
    return _pack(*(word for part in both for word in part))


def _change(c: Context, name: str, value: int, change: str = "") -> list[int]:
    value &= S_INTERRUPTS if name in ("sip", "sie", "vsip", "vsie") else _writable(c, name)
    change = change or c.chooser.choice(("csrrs", "csrrs", "csrrc"))
    return [*load_constant(7, value), encode(change, 0, 7, imm=CSRS[name].number)]


def _timer(c: Context) -> Unit:
    """A compare value that is past or never reached, which raises or clears its pending bit at once."""
    name = c.chooser.choice(_COMPARES)
    return _pack(*_write(c, name), *(_read(c, "mip") if c.chooser.random() < 0.5 else []))


def _pair(c: Context) -> Unit:
    """sc right behind its lr; if lr traps, not at all: without a reservation it may fault or fail."""
    suffix = c.chooser.choice("wd")
    where = encode(
        "addi", 7, c.pointer(), imm=c.chooser.choice((0, 0, 8, -8, 64, 4, c.chooser.randrange(64)))
    )
    align = [] if c.chooser.random() < 0.1 else [encode("andi", 7, 7, imm=-8)]
    pair = [encode("addi", LOOP, 0, imm=1), encode(f"lr.{suffix}", 6, 7), encode("beq", 0, LOOP, 0, 8)]
    return _pack(where, *align, *pair, encode(f"sc.{suffix}", c.data(), 7, c.source()))


def _hlvx(c: Context) -> Unit:
    where = encode("addi", 7, c.pointer(), imm=c.chooser.choice((0, 8, 2, 4, c.chooser.randrange(-64, 64))))
    name = c.chooser.choice([i.name for i in INSTRUCTIONS.values() if i.name.startswith("hlvx")])
    assert INSTRUCTIONS[name].format is Format.HLV
    return _pack(where, encode(name, c.data(), 7))


def _wait(c: Context) -> Unit:
    """Where wfi traps, as it may always do under TW and VTW; the judge leaves out those that wait."""
    return _pack(encode("wfi"))


PRIVATE_UNITS: dict[str, Callable[[Context], Unit]] = {
    "csr": _csr,
    "interrupt": _interrupt,
    "raise": _raise,
    "timer": _timer,
    "pair": _pair,
    "hlvx": _hlvx,
    "wait": _wait,
}
"""In place of, or besides, the torture's kinds."""
