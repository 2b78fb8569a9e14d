"""Divisors of the PLL."""

import pytest

from boards.clock import pll_settings


@pytest.mark.parametrize("mhz", [25, 40, 50, 55, 60, 62.5, 75, 100])
def test_the_frequency_is_exact_and_the_oscillator_in_range(mhz):
    settings = pll_settings(25, mhz)
    assert 25 / settings.input * settings.feedback == pytest.approx(mhz)
    assert 400 <= mhz * settings.output <= 800
    assert 25 / settings.input >= 3.125


def test_what_cannot_be_made():
    with pytest.raises(ValueError, match="ask for a multiple of 5 MHz"):
        pll_settings(25, 50.123)
