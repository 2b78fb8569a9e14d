"""The machine that fits the boards."""

from rtl.config import CacheConfig, CoreConfig, SocConfig, TlbConfig

__all__ = ["board_config"]


def board_config(*, hypervisor: bool = True, xvmx: bool = True) -> SocConfig:
    """The machine with caches and translation caches of about half of the simulated one's entries: what is
    searched associatively costs most of an FPGA's logic.

    Parameters
    ----------
    hypervisor, xvmx: build the H extension, Xvmx
    """
    return SocConfig(
        core=CoreConfig(
            dcache=CacheConfig(ways=4),
            tlb=TlbConfig(instruction=4, data=8, walk_cache=4, guest_stage=4),
            hypervisor=hypervisor,
            xvmx=xvmx,
        )
    )
