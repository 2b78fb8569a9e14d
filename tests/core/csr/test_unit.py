"""The whole unit becomes Verilog, with and without the H extension and Xvmx."""

import pytest
from amaranth.back import verilog

from rtl.config import CoreConfig
from rtl.core.csr.unit import CsrUnit
from rtl.isa.csr_state import WriteRule, csr_states
from rtl.isa.events import EVENT_MASK, HpmEvent


@pytest.mark.parametrize("xvmx", [True, False])
@pytest.mark.parametrize("hypervisor", [True, False])
def test_verilog(hypervisor, xvmx):
    config = CoreConfig(hypervisor=hypervisor, xvmx=xvmx, observe=True)
    text = verilog.convert(CsrUnit(config), name="csr", strip_internal_attrs=True)
    assert ("vsepc" in text) == (hypervisor or xvmx)
    assert ("guest_scounteren_reg" in text) == xvmx
    assert "snapshot" in text


@pytest.mark.parametrize("hypervisor", [True, False])
def test_table_is_consistent(hypervisor):
    """What a register can read as: fixed bits are not writable; views name an existing register."""
    states = csr_states(hypervisor)
    for state in states.values():
        assert not state.writable & state.fixed, state.name
        assert not state.reset & ~(state.writable | state.fixed), state.name
        assert (state.view is not None) == (state.rule is WriteRule.VIEW), state.name
        assert state.view is None or state.view in states, state.name
        assert not (state.csr.read_only and state.writable), state.name
    assert len({state.csr.number for state in states.values()}) == len(states)


def test_events_fit_their_field():
    assert max(HpmEvent) <= EVENT_MASK
    assert [int(event) for event in HpmEvent] == list(range(len(HpmEvent)))
