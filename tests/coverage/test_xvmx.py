"""Coverage of Xvmx: who may access which register with ARCH 0 and 2, and what a few random programs reach."""

from cosim.build import Variant, build
from cosim.coverage.groups import groups
from cosim.coverage.results import Coverage
from cosim.coverage.run import Task, covered
from cosim.torture.xvmx_sweep import XVMX_SWEEP_INSTRUCTIONS


def _measure(*tasks: Task) -> Coverage:
    coverage = Coverage()
    for task in tasks:
        compared, hits = covered(build(Variant.OBSERVE), task)
        coverage.add(hits, compared)
    assert {name: wrong for name, group in groups().items() if (wrong := coverage.unexpected(group))} == {}
    return coverage


def test_the_sweep_reaches_every_access() -> None:
    """All registers of all architectures, from every mode, in lockstep."""
    coverage = _measure(Task(xvmx=True))
    assert coverage.instructions >= XVMX_SWEEP_INSTRUCTIONS
    assert coverage.holes(groups()["arch_csrs"]) == []


def test_random_programs_change_the_architecture_and_translate() -> None:
    coverage = _measure(*(Task(seed=seed, instructions=15_000, xvmx=True) for seed in range(6)))
    for name in ("architectures", "vm_translations"):
        group = groups()[name]
        assert len(coverage.holes(group)) < len(group.reachable) / 2
