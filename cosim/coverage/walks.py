"""Bins of address translation: what each kind of access met in each stage, and at which level.

The kinds are those of the accesses; a page's level stands for its size. Sources: privileged spec, "Virtual
Address Translation Process"; H chapter, "Two-Stage Address Translation"; Svade and Svadu.
"""

from cosim.coverage.group import Group, cross

__all__ = ["KINDS", "SIZES", "STORES", "walk_groups"]

KINDS = ("fetch", "load", "store", "amo", "lr", "sc", "hlv", "hlvx", "hsv")
STORES = ("store", "amo", "sc", "hsv")
"""The kinds that need D."""
_GUEST_ONLY = ("hlv", "hlvx", "hsv")

SIZES = ("4K", "2M", "1G")
"""Sizes of pages by level."""
_LEVELS = ("0", "1", "2")
_REASONS = (
    "wide invalid write_only reserved pointer no_leaf misaligned user kind accessed dirty".split()
)  # of cosim.model.translation.Refusal
_SECOND = ("off", "bare", "on")


def _reason_impossible(kind: str, why: str, level: str) -> str | None:
    """What holds for the entries of either stage."""
    if why == "wide" and level != "2":
        return "the address's width is checked once"
    if why == "pointer" and level == "0":
        return "level 0 has no pointers: a non-leaf there is no_leaf"
    if why == "no_leaf" and level != "0":
        return "above level 0 a non-leaf is a pointer"
    if why == "misaligned" and level == "0":
        return "a 4 KiB page is no superpage"
    if why == "dirty" and kind not in STORES:
        return "D is for stores (Svade)"
    return None


def _off_impossible(kind: str, second: str) -> str | None:
    if second == "off" and kind in _GUEST_ONLY:
        return "HLV and HSV are accesses with V = 1"
    return None


def _pages() -> Group:
    def impossible(kind: str, first: str, second: str) -> str | None:
        return _off_impossible(kind, second)

    axes = {"access": KINDS, "first stage": ("bare", *SIZES), "second stage": ("off", "bare", *SIZES)}
    return cross("pages", "Translations: access, page size of each stage", axes, impossible)


def _first() -> Group:
    def impossible(kind: str, why: str, level: str, second: str) -> str | None:
        return _off_impossible(kind, second) or _reason_impossible(kind, why, level)

    axes = {"access": KINDS, "reason": _REASONS, "level": _LEVELS, "second stage": _SECOND}
    return cross("first_stage", "First-stage faults: access, reason, level, second stage", axes, impossible)


def _second() -> Group:
    def impossible(kind: str, first: str, why: str, level: str) -> str | None:
        return _reason_impossible(kind, why, level)

    axes = {"access": KINDS, "first stage": ("bare", *SIZES), "reason": _REASONS, "level": _LEVELS}
    return cross("second_stage", "Guest-page faults: access, first stage, reason, level", axes, impossible)


def _table() -> Group:
    def impossible(kind: str, table: str, access: str, why: str, level: str) -> str | None:
        if access == "read":
            if why == "dirty":
                return "the walker's reads need no D"
            return _reason_impossible("load", why, level)
        if why == "dirty":
            return "henvcfg.ADUE allows the update, but needs menvcfg.ADUE, which sets D (H chapter, henvcfg)"
        if why != "kind":
            return "the read of the same entry, just before, would have failed"
        return None

    axes = {
        "access": KINDS,
        "table level": _LEVELS,
        "walker": ("read", "write"),
        "reason": _REASONS,
        "level": _LEVELS,
    }
    title = "Guest-page faults of page-table accesses: access, table's level, reason, level"
    return cross("guest_tables", title, axes, impossible)


_PLACES = (
    "final",
    *(f"first.{n}" for n in _LEVELS),
    *(f"second.{n}" for n in _LEVELS),
    *(f"first.{n}.second.{m}" for n in _LEVELS for m in _LEVELS),
)


def _access_faults() -> Group:
    def impossible(kind: str, place: str, why: str) -> str | None:
        if why == "update" and place == "final":
            return "no PTE there"
        return None

    axes = {"access": KINDS, "place": _PLACES, "reason": ("memory", "pmp", "update")}
    title = "Access faults: access, place (entry of which stage and level), reason"
    return cross("access_faults", title, axes, impossible)


def walk_groups() -> list[Group]:
    """All of them."""
    return [_pages(), _first(), _second(), _table(), _access_faults()]
