"""Permission logic, exhaustively, against a statement of the rules in Python."""

import itertools
import random

from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from rtl.isa.paging import Pte
from rtl.isa.privilege import Privilege
from rtl.mmu.interface import Access, TranslationContext, TranslationRequest
from rtl.mmu.permissions import Question, Rights, StageRights, stage_allows, user_allows
from tests.mmu.reference import leaf_permits

BITS = (0, 1)
LEAVES = [(1, 0, 0, 0), (1, 1, 0, 0), (1, 1, 0, 1), (0, 0, 1, 0), (1, 0, 1, 1), (1, 1, 1, 0), (1, 1, 1, 1)]
PMPS = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1)]
KINDS = [(Access.FETCH, 0), (Access.LOAD, 0), (Access.LOAD, 1), (Access.STORE, 0)]


def _simulate(m: Module, test) -> None:
    sim = Simulator(m)
    sim.add_testbench(test)
    sim.run()


def _flags(r: int, w: int, x: int, u: int) -> int:
    return r * Pte.R | w * Pte.W | x * Pte.X | u * Pte.U


def test_one_stage():
    """R, W, X, U, SUM, MXR, HLVX against access and privilege: every combination."""
    m = Module()
    rights, allowed = Signal(StageRights), Signal()
    inputs = access, hlvx, mxr, user, privilege, sum_ = (
        Signal(Access),
        Signal(),
        Signal(),
        Signal(),
        Signal(Privilege),
        Signal(),
    )
    m.d.comb += allowed.eq(
        stage_allows(rights, access, hlvx, mxr) & user_allows(user, access, privilege, sum_)
    )

    async def test(ctx):
        for r, w, x, u, mxr_on, sum_on in itertools.product(BITS, repeat=6):
            ctx.set(rights, {"r": r, "w": w, "x": x})
            for (kind, execute), mode in itertools.product(KINDS, (Privilege.U, Privilege.S)):
                for signal, value in zip(inputs, (kind, execute, mxr_on, u, mode, sum_on), strict=True):
                    ctx.set(signal, value)
                expected = leaf_permits(_flags(r, w, x, u), kind, mode, execute, mxr_on, sum_on)
                assert ctx.get(allowed) == expected, (r, w, x, u, mxr_on, sum_on, kind, execute, mode)

    _simulate(m, test)


def test_rights_of_two_stages():
    """A TLB entry's folded rights say what both stages and the PMP say one after the other."""
    m = Module()
    rng = random.Random(1)
    first, second, pmp = Signal(StageRights), Signal(StageRights), Signal(StageRights)
    user, unowned, rights = Signal(), Signal(), Signal(Rights)
    request, context, allowed = Signal(TranslationRequest), Signal(TranslationContext), Signal()
    for name, value in Rights.combine(first, second, pmp, user, unowned).items():
        m.d.comb += getattr(rights, name).eq(value)
    question, answered = Signal(Question), Signal()
    for name, value in Question.of(request, context).items():
        m.d.comb += getattr(question, name).eq(value)
    m.d.comb += [allowed.eq(rights.allows(request, context)), answered.eq(rights.answers(question))]

    async def test(ctx):
        for one, two, three in itertools.product(LEAVES, LEAVES, PMPS):
            for (access, hlvx), mxr, vs_mxr, virt in itertools.product(KINDS, BITS, BITS, BITS):
                u, bare, sum_, vs_sum = (rng.randrange(2) for _ in range(4))
                mode = rng.choice((Privilege.U, Privilege.S))
                ctx.set(first, dict(zip("rwxd", one, strict=True)))
                ctx.set(second, dict(zip("rwxd", two, strict=True)))
                ctx.set(pmp, dict(zip("rwx", three, strict=True)))
                ctx.set(user, u)
                ctx.set(unowned, bare)
                ctx.set(request, {"access": access, "hlvx": hlvx, "virt": virt, "privilege": mode})
                ctx.set(context, {"mxr": mxr, "vs_mxr": vs_mxr, "sum": sum_, "vs_sum": vs_sum})
                owner = _flags(*one[:3], u if not bare else mode == Privilege.U)
                inner = mxr or (virt and vs_mxr)
                expected = (
                    leaf_permits(owner, access, mode, hlvx, inner, vs_sum if virt else sum_)
                    and leaf_permits(_flags(*two[:3], 1), access, Privilege.U, hlvx, mxr, False)
                    and three[{Access.LOAD: 0, Access.STORE: 1, Access.FETCH: 2}[access]]
                    and (not hlvx or three[2])
                    and (access != Access.STORE or (one[3] and two[3]))
                )
                assert ctx.get(allowed) == bool(expected), (one, two, three, access, hlvx, mxr, vs_mxr, virt)
                assert ctx.get(answered) == bool(expected), (one, two, three, access, hlvx, mxr, vs_mxr, virt)

    _simulate(m, test)
