"""The hardware's permission functions are the model's, for every input."""

from dataclasses import replace

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.wiring import In

from cosim.formal.proof import Proof, assume, claim
from cosim.model.exceptions import Access as ModelAccess
from cosim.model.exceptions import Trap
from cosim.model.machine import Machine
from cosim.model.pmp import Pmp
from cosim.model.translation import Space, Walker
from rtl.isa.csrs import CSRS
from rtl.isa.paging import PAGE_SHIFT, AtpMode, PmpMatch, Pte
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import Access, TranslationContext, TranslationRequest
from rtl.mmu.permissions import Question, Rights, StageRights, mode_sum, stage_allows, user_allows
from tests.formal.proofs.table import tabulated

__all__ = ["PermissionsProof"]

_ROOT = 0x8000_4000
_ATP = AtpMode.SV39 << 60 | _ROOT >> PAGE_SHIFT
_PMP_MATCH_SHIFT = 3


class _OneLeaf:
    """Memory in which every entry of every table is the same 1 GiB leaf."""

    def __init__(self) -> None:
        self.leaf = 0

    def is_main_memory(self, address: int) -> bool:
        return True

    def read_u64(self, address: int) -> int:
        return self.leaf

    def write_u64(self, address: int, value: int) -> None:
        raise AssertionError("without hardware updates nothing is written")


class _Model:
    """The golden model's answers, through its translation of one address."""

    def __init__(self) -> None:
        self.memory = _OneLeaf()
        self.pmp = Pmp()
        self.walker = Walker(self.memory, self.pmp)
        self.hart = Machine(16 << 20).hart
        self.allow(1, 1, 1)

    def allow(self, r: int, w: int, x: int) -> None:
        """One PMP entry for all of memory."""
        self.pmp.cfg[0] = r | w << 1 | x << 2 | PmpMatch.NAPOT << _PMP_MATCH_SHIFT
        self.pmp.addr[0] = (1 << 54) - 1

    def space(self, user: int, virt: int, mxr: int, vs_mxr: int, sum_: int, vs_sum: int) -> Space:
        """What the model makes of the status registers; both stages Bare so far."""
        value, status = self.hart.csrs.value, CSRS["mstatus"]
        value["mstatus"] = mxr * status.mask("MXR") | sum_ * status.mask("SUM")
        value["vsstatus"] = vs_mxr * status.mask("MXR") | vs_sum * status.mask("SUM")
        value["satp"] = value["vsatp"] = value["hgatp"] = _ATP
        return self.hart.space(int(Privilege.U if user else Privilege.S), virt)

    def permits(self, space: Space, access: int, hlvx: int, leaf: int) -> bool:
        """Whether the access succeeds where every leaf has these flags (besides V and A)."""
        self.memory.leaf = leaf | Pte.V | Pte.A
        try:
            self.walker.translate(space, 0, access, bool(hlvx))
        except Trap:
            return False
        return True


def _access(fetch: int, store: int) -> int:
    return ModelAccess.FETCH if fetch else ModelAccess.STORE if store else ModelAccess.LOAD


def _flags(r: int, w: int, x: int, u: int, d: int) -> int:
    return int(r * Pte.R | w * Pte.W | x * Pte.X | u * Pte.U | d * Pte.D)


class PermissionsProof(Proof):
    """Combinational: one cycle, all inputs.

    The model's answers are tabulated through its public ``translate``, with the status registers as CSR
    values, for each stage alone and for the PMP; an access is permitted if all three permit it. Claims: so
    says a TLB entry's folded ``Rights``, and so do the walk's functions for each stage.

    Assumptions: no W without R (the walker refuses it before), HLVX only for loads, mode S or U.
    """

    depth = 1

    def __init__(self) -> None:
        super().__init__(
            {
                "request": In(TranslationRequest),
                "context": In(TranslationContext),
                "first": In(StageRights),
                "second": In(StageRights),
                "pmp": In(StageRights),
                "user": In(1),
                "bare_first": In(1),
                "bare_second": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        request, context, first, second = self.request, self.context, self.first, self.second
        fetch, store = request.access == Access.FETCH, request.access == Access.STORE
        mode = request.privilege == Privilege.U
        assume(
            m,
            fetch | store | (request.access == Access.LOAD),
            mode | (request.privilege == Privilege.S),
            ~request.hlvx | (request.access == Access.LOAD),
            first.r | ~first.w,
            second.r | ~second.w,
            ~self.bare_first | first.as_value().all(),
            ~self.bare_second | second.as_value().all(),
            self.bare_second | request.virt,
        )
        allowed_first, allowed_second, allowed_pmp = self._model(fetch, store, mode)
        rights = Signal(Rights)
        for name, value in Rights.combine(first, second, self.pmp, self.user, self.bare_first).items():
            m.d.comb += getattr(rights, name).eq(value)
        question = Signal(Question)
        for name, value in Question.of(request, context).items():
            m.d.comb += getattr(question, name).eq(value)
        permitted = (self.bare_first | allowed_first) & (self.bare_second | allowed_second) & allowed_pmp
        claim(m, "rights_of_an_entry", rights.allows(request, context) == permitted)
        claim(m, "rights_asked_by_a_question", rights.answers(question) == permitted)
        dirty = ~store | first.d
        by_kind = stage_allows(
            first, request.access, request.hlvx, context.mxr | (request.virt & context.vs_mxr)
        )
        by_user = user_allows(self.user, request.access, request.privilege, mode_sum(context, request.virt))
        claim(m, "walk_of_first_stage", self.bare_first | ((by_kind & by_user & dirty) == allowed_first))
        by_kind = stage_allows(second, request.access, request.hlvx, context.mxr)
        claim(
            m,
            "walk_of_second_stage",
            self.bare_second | ((by_kind & (~store | second.d)) == allowed_second),
        )
        return m

    def _model(self, fetch: Value, store: Value, mode: Value) -> tuple[Value, Value, Value]:
        """What the model permits in the first and second stage and by the PMP."""
        request, context = self.request, self.context
        model = _Model()
        kind = [fetch, store, request.hlvx]

        def first(user, virt, mxr, vs_mxr, sum_, vs_sum, fetch, store, hlvx, *flags) -> bool:
            space = replace(model.space(user, virt, mxr, vs_mxr, sum_, vs_sum), gatp=0)
            return model.permits(space, _access(fetch, store), hlvx, _flags(*flags))

        def second(user, mxr, vs_mxr, fetch, store, hlvx, r, w, x, d) -> bool:
            space = replace(model.space(user, 1, mxr, vs_mxr, 0, 0), atp=0)
            return model.permits(space, _access(fetch, store), hlvx, _flags(r, w, x, 1, d))

        def pmp(fetch, store, hlvx, r, w, x) -> bool:
            model.allow(r, w, x)
            kinds = [_access(fetch, store), *([ModelAccess.FETCH] if hlvx else [])]
            return all(model.pmp.allows(_ROOT, kind, int(Privilege.S)) for kind in kinds)

        def bits(rights) -> list[Value]:
            return [rights.r, rights.w, rights.x]

        status = [mode, request.virt, context.mxr, context.vs_mxr, context.sum, context.vs_sum]
        return (
            tabulated([*status, *kind, *bits(self.first), self.user, self.first.d], first),
            tabulated([mode, context.mxr, context.vs_mxr, *kind, *bits(self.second), self.second.d], second),
            tabulated([*kind, *bits(self.pmp)], pmp),
        )
