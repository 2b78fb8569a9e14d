"""Bins of the permission functions of both stages: everything that they depend on (privileged spec, "Virtual
Address Translation Process", steps 6 and 7; H chapter, "Two-Stage Address Translation")."""

from cosim.coverage.group import Group, cross
from cosim.model.exceptions import Access
from cosim.model.translation import Walk
from rtl.isa.paging import Pte
from rtl.isa.privilege import Privilege

__all__ = ["first_permission", "permission_groups", "second_permission"]

_KINDS = ("fetch", "load", "store", "hlvx")
_NAMES = {Access.FETCH: "fetch", Access.LOAD: "load", Access.STORE: "store"}
_R, _W, _X, _U = map(int, (Pte.R, Pte.W, Pte.X, Pte.U))
_PERMISSIONS = {_R: "R", _R | _W: "RW", _X: "X", _R | _X: "RX", _R | _W | _X: "RWX"}


def _kind(walk: Walk) -> str:
    return "hlvx" if walk.hlvx else _NAMES[walk.access]


def first_permission(walk: Walk, pte: int) -> tuple[str, ...]:
    """The bin of a first-stage leaf."""
    space = walk.space
    mxr = "mstatus" if space.mxr_g or (space.mxr and not space.virt) else "vsstatus" if space.mxr else "-"
    return (
        "guest" if space.virt else "host",
        _kind(walk),
        _PERMISSIONS[pte & (_R | _W | _X)],
        "U" if pte & _U else "-",
        "user" if space.privilege == Privilege.U else "supervisor",
        "SUM" if space.sum else "-",
        mxr,
    )


def second_permission(walk: Walk, pte: int) -> tuple[str, ...]:
    """The bin of a second-stage leaf."""
    return (
        _kind(walk),
        _PERMISSIONS[pte & (_R | _W | _X)],
        "U" if pte & _U else "-",
        "mstatus" if walk.space.mxr_g else "-",
    )


def _first_impossible(
    world: str, kind: str, flags: str, user: str, privilege: str, sum_: str, mxr: str
) -> str | None:
    if world == "host" and kind == "hlvx":
        return "HLVX is an access with V = 1"
    if world == "host" and mxr == "vsstatus":
        return "vsstatus is for V = 1"
    if kind == "fetch" and (sum_ != "-" or mxr != "-"):
        return "SUM and MXR are for loads and stores (Privileged spec, Memory Privilege in mstatus)"
    return None


def _second_impossible(kind: str, flags: str, user: str, mxr: str) -> str | None:
    return "MXR is for loads and stores" if kind == "fetch" and mxr != "-" else None


def permission_groups() -> list[Group]:
    """First and second stage."""
    flags = list(_PERMISSIONS.values())
    first = {
        "world": ("host", "guest"),
        "access": _KINDS,
        "page": flags,
        "page's U": ("U", "-"),
        "privilege": ("user", "supervisor"),
        "SUM": ("SUM", "-"),
        "MXR": ("mstatus", "vsstatus", "-"),
    }
    second = {"access": _KINDS, "page": flags, "page's U": ("U", "-"), "MXR": ("mstatus", "-")}
    return [
        cross("permissions", "Permissions of the first stage", first, _first_impossible),
        cross("guest_permissions", "Permissions of the second stage", second, _second_impossible),
    ]
