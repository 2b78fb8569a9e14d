"""The cocotb side: a regression of one's own that talks to the machine."""

import pytest

from cosim.errors import UserError
from cosim.simulate import run_regression

MODULE = "tests.cosim.regression"


def test_a_regression_drives_the_machine(standin, tmp_path, monkeypatch):
    monkeypatch.setenv("COCOTB_TEST_FILTER", "good_")
    run_regression(standin, MODULE, folder=tmp_path)
    assert (tmp_path / "results.xml").exists()


def test_a_failing_regression_fails(standin, tmp_path, monkeypatch):
    monkeypatch.setenv("COCOTB_TEST_FILTER", "bad_")
    with pytest.raises(UserError, match="1 of 1 tests failed"):
        run_regression(standin, MODULE, folder=tmp_path)
