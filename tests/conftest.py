"""What every test may ask for: simulators, built once for all workers (the build cache is locked)."""

import pytest

from cosim.build import Build, Variant, build

STANDIN = "tests.cosim.standin:StandIn"


@pytest.fixture(scope="session")
def standin() -> Build:
    """The fast simulator of the stand-in SoC."""
    return build(Variant.FAST, soc=STANDIN)


@pytest.fixture(scope="session")
def standin_trace() -> Build:
    """The tracing simulator of the stand-in SoC."""
    return build(Variant.TRACE, soc=STANDIN)


@pytest.fixture(scope="session")
def simulator() -> Build:
    """The fast simulator of the machine."""
    return build(Variant.FAST)


@pytest.fixture(scope="session")
def simulator_trace() -> Build:
    """The tracing simulator of the machine."""
    return build(Variant.TRACE)
