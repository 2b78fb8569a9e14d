"""Who may do what to a page: one stage's check (for the walk) and the rights a TLB entry keeps.

Sources: Supervisor chapter, Sv39 translation step 6 and ``sstatus`` SUM/MXR; H chapter, two-stage address
translation (MXR of HS level overrides both stages, vsstatus.MXR the first only; the G stage sees every
access as a user's) and HLVX (execute permission instead of read in both stages, both of them from the PMP).
"""

from amaranth.hdl import Cat, Mux, Value
from amaranth.lib import data

from rtl.isa.privilege import Privilege
from rtl.mmu.interface import Access

__all__ = [
    "Question",
    "Rights",
    "StageRights",
    "mode_sum",
    "pmp_allows",
    "stage_allows",
    "user_allows",
]


_KINDS = ("fetch", "load", "load_vs_mxr", "load_mxr", "load_x", "store")


class StageRights(data.Struct):
    """What the leaf of one stage grants; all ones if the stage is Bare."""

    r: 1
    w: 1
    x: 1
    d: 1
    """A store needs no update of the D bit."""


def stage_allows(rights, access: Value, hlvx: Value, mxr: Value) -> Value:
    """R, W, X of one stage against the kind of access (D is another matter)."""
    load = Mux(hlvx, rights.x, rights.r | (rights.x & mxr))
    return Mux(access == Access.FETCH, rights.x, Mux(access == Access.STORE, rights.w, load))


def pmp_allows(pmp, access: Value, hlvx: Value) -> Value:
    """R, W, X of the PMP against the kind of access: HLVX must be allowed to execute and to read (H chapter,
    "Hypervisor Virtual-Machine Load and Store Instructions")."""
    load = pmp.r & (pmp.x | ~hlvx)
    return Mux(access == Access.FETCH, pmp.x, Mux(access == Access.STORE, pmp.w, load))


def user_allows(user: Value, access: Value, privilege: Value, sum_: Value) -> Value:
    """The U bit of the first stage against the privilege (not M) of the access."""
    supervisor = ~user | (sum_ & (access != Access.FETCH))
    return Mux(privilege == Privilege.U, user, supervisor)


def mode_sum(context, virt: Value) -> Value:
    """SUM that applies to an access: vsstatus.SUM if it is made with V = 1."""
    return Mux(virt, context.vs_sum, context.sum)


class Question(data.Struct):
    """What an access asks of a ``Rights``, worked out before the entry is known: one of the first six."""

    fetch: 1
    load: 1
    load_vs_mxr: 1
    load_mxr: 1
    load_x: 1
    store: 1
    as_user: 1
    """A page with U set will do."""
    as_supervisor: 1
    """A page with U clear will do."""

    @staticmethod
    def of(request, context) -> dict:
        """Initial value of a Question: that of ``request``."""
        fetch, store = request.access == Access.FETCH, request.access == Access.STORE
        load = ~fetch & ~store
        plain = load & ~request.hlvx & ~context.mxr
        vs_mxr = context.vs_mxr & request.virt
        user = request.privilege == Privilege.U
        return {
            "fetch": fetch,
            "load": plain & ~vs_mxr,
            "load_vs_mxr": plain & vs_mxr,
            "load_mxr": load & ~request.hlvx & context.mxr,
            "load_x": load & request.hlvx,
            "store": store,
            "as_user": user | (~fetch & mode_sum(context, request.virt)),
            "as_supervisor": ~user,
        }


class Rights(data.Struct):
    """Both stages' permissions and the PMP's verdict, folded into one bit per question."""

    fetch: 1
    load: 1
    load_vs_mxr: 1
    """Load while vsstatus.MXR alone is set."""
    load_mxr: 1
    """Load while sstatus.MXR (HS level) is set."""
    load_x: 1
    """HLVX."""
    store: 1
    """Store; D is set in both stages."""
    user: 1
    """The U bit of the first stage."""
    unowned: 1
    """The first stage is Bare: no U bit to look at."""

    @staticmethod
    def combine(first, second, pmp, user: Value, unowned: Value) -> dict:
        """Initial value of a Rights from two ``StageRights`` and the PMP's r, w, x."""
        either = (first.r | first.x) & pmp.r
        return {
            "fetch": first.x & second.x & pmp.x,
            "load": first.r & second.r & pmp.r,
            "load_vs_mxr": either & second.r,
            "load_mxr": either & (second.r | second.x),
            "load_x": first.x & second.x & pmp.r & pmp.x,
            "store": first.w & first.d & second.w & second.d & pmp.w,
            "user": user,
            "unowned": unowned,
        }

    def allows(self, request, context) -> Value:
        """The access of ``request`` needs neither a walk nor a fault."""
        plain = Mux(context.vs_mxr & request.virt, self.load_vs_mxr, self.load)
        load = Mux(request.hlvx, self.load_x, Mux(context.mxr, self.load_mxr, plain))
        kind = Mux(
            request.access == Access.FETCH, self.fetch, Mux(request.access == Access.STORE, self.store, load)
        )
        user = user_allows(self.user, request.access, request.privilege, mode_sum(context, request.virt))
        return kind & (user | self.unowned)

    def answers(self, question) -> Value:
        """The same as ``allows`` for the Question of the request."""
        kind = Cat(getattr(self, name) & getattr(question, name) for name in _KINDS).any()
        return kind & (self.unowned | Mux(self.user, question.as_user, question.as_supervisor))
