"""Configurations that the core complex refuses."""

import pytest

from rtl.config import CoreConfig, Cuts
from rtl.core.complex import CoreComplex


def test_a_staged_fetch_wants_a_registered_redirect():
    with pytest.raises(ValueError, match=r"add Cuts\.redirect"):
        CoreComplex(CoreConfig(cuts=Cuts(fetch=True, decode=True)))
    assert CoreComplex(CoreConfig(cuts=Cuts(fetch=True, redirect=True))).config.cuts.fetch
