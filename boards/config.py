"""The machine that fits the boards."""

from rtl.config import CacheConfig, CoreConfig, Cuts, SocConfig, TlbConfig
from rtl.isa.memory_map import UART_IRQ

__all__ = ["board_config"]


def board_config(*, hypervisor: bool = True, xvmx: bool = True, dma: bool = False) -> SocConfig:
    """The machine that leaves half of an ECP5-85F to others: no pairs of instructions, caches and translation
    caches of about half of the simulated one's entries (what is searched associatively costs most of an
    FPGA's logic), no more interrupt sources than there are devices, and no way into memory for masters that
    are not there. Registers stand in all long paths.

    Parameters
    ----------
    hypervisor, xvmx: build the H extension, Xvmx
    dma: let devices reach memory (the simulator's do)
    """
    return SocConfig(
        core=CoreConfig(
            dcache=CacheConfig(ways=4),
            tlb=TlbConfig(instruction=4, data=8, walk_cache=4, guest_stage=4),
            hypervisor=hypervisor,
            xvmx=xvmx,
            dual_issue=False,
            dma=dma,
            cuts=Cuts.everywhere(),
        ),
        interrupt_sources=UART_IRQ,
    )
