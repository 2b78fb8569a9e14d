"""The CSR state that is brought out for lockstep."""

from amaranth.lib import data

from rtl.isa.csr_state import Legality, WriteRule, csr_states

__all__ = ["snapshot_layout", "state_layout"]

_NO_STATE = (WriteRule.VIEW, WriteRule.STOPEI)


def snapshot_layout(hypervisor: bool = True, xvmx: bool = True) -> data.StructLayout:
    """64 bits for every register with state of its own, by name: no views, no user copies of counters, no
    constants. Pending and enable registers are shown by mip, mie and hvip."""
    return data.StructLayout(
        {
            name: 64
            for name, state in csr_states(hypervisor, xvmx).items()
            if state.writable and state.rule not in _NO_STATE and state.legality is not Legality.COUNTER
        }
    )


def state_layout(hypervisor: bool = True, xvmx: bool = True) -> data.StructLayout:
    """What only instructions, traps and returns change: ``mode`` (privilege, V in bit 2) and the registers of
    the snapshot without the counters; of ``mip`` only the bits that software sets. A register that is added
    to ``csr_states`` is in here by itself."""
    names = [
        name
        for name in snapshot_layout(hypervisor, xvmx).members
        if name not in ("mcycle", "minstret") and not name.startswith("mhpmcounter")
    ]
    return data.StructLayout(dict.fromkeys(["mode", *names], 64))
