"""The machine that the boards get, and parameters that make no machine."""

import pytest

from boards.config import board_config
from rtl.config import SocConfig
from rtl.isa.memory_map import UART_IRQ


def test_a_board_has_both_architectures_and_its_console():
    config = board_config()
    assert config.core.hypervisor and config.core.xvmx
    assert config.interrupt_sources >= UART_IRQ


@pytest.mark.parametrize(("hypervisor", "xvmx"), [(False, True), (True, False), (False, False)])
def test_an_architecture_can_be_left_away(hypervisor, xvmx):
    core = board_config(hypervisor=hypervisor, xvmx=xvmx).core
    assert (core.hypervisor, core.xvmx) == (hypervisor, xvmx)


def test_the_console_needs_its_interrupt():
    with pytest.raises(ValueError, match=r"interrupt_sources must be at least 10 .*, not 9"):
        SocConfig(interrupt_sources=9)
