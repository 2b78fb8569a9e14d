"""What the tests of the MMU share."""

import pytest

from rtl.config import Cuts
from tests.mmu.bench import Bench


@pytest.fixture(params=[Cuts(), Cuts(walk=True)], ids=["plain", "cut"])
def each_cut(request, monkeypatch) -> Cuts:
    """The test runs without registers in the long paths, and with them."""
    monkeypatch.setattr(Bench, "cuts", request.param)
    return request.param
