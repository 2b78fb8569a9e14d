"""Parameters of the machine, as frozen dataclasses derived from each other."""

from dataclasses import dataclass, field, fields

from rtl.isa.memory_map import PLIC_SOURCES, UART_IRQ

__all__ = ["BranchConfig", "CacheConfig", "CoreConfig", "Cuts", "SocConfig", "TlbConfig"]


def _power_of_two(name: str, value: int) -> None:
    if value < 1 or value & (value - 1):
        raise ValueError(f"{name} must be a power of two, not {value}")


@dataclass(frozen=True)
class CacheConfig:
    """A virtually indexed, physically tagged cache: a way is at most one page, so there are no aliases.

    Attributes
    ----------
    ways: associativity
    way_bytes: size of one way in bytes, a power of two and at most 4096
    line_bytes: line size in bytes
    """

    ways: int = 4
    way_bytes: int = 4096
    line_bytes: int = 64

    def __post_init__(self) -> None:
        _power_of_two("CacheConfig.ways", self.ways)
        _power_of_two("CacheConfig.way_bytes", self.way_bytes)
        _power_of_two("CacheConfig.line_bytes", self.line_bytes)
        if self.way_bytes > 4096:
            raise ValueError(f"CacheConfig.way_bytes must be at most 4096 (one page), not {self.way_bytes}")

    @property
    def size(self) -> int:
        """Capacity in bytes."""
        return self.ways * self.way_bytes

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.way_bytes // self.line_bytes


@dataclass(frozen=True)
class TlbConfig:
    """Sizes of the translation caches, in entries."""

    instruction: int = 8
    data: int = 16
    second_level_sets: int = 64
    second_level_ways: int = 4
    walk_cache: int = 8
    guest_stage: int = 8


@dataclass(frozen=True)
class BranchConfig:
    """Sizes of the branch predictor.

    Attributes
    ----------
    btb_entries: control transfers whose targets are known, a power of two
    counter_rows: rows of four direction counters, a power of two; its logarithm is the length of the history
    return_stack: return addresses, a power of two
    """

    btb_entries: int = 2048
    counter_rows: int = 1024
    return_stack: int = 8

    def __post_init__(self) -> None:
        for name in ("btb_entries", "counter_rows", "return_stack"):
            _power_of_two(f"BranchConfig.{name}", getattr(self, name))


@dataclass(frozen=True)
class Cuts:
    """Registers in the hart's long paths. A simulated machine does without them, for each costs cycles; an
    FPGA's clock depends on them.

    Attributes
    ----------
    memory: translation, the data cache's look-up and the result of an access each take a cycle
    fetch: translation of a fetch address and the instruction cache's look-up each take a cycle; wants
        ``redirect``, or one of ``execute``, ``memory`` and ``walk``
    redirect: a redirect reaches the frontend a cycle later
    decode: instructions stand in a register before they are decoded
    execute: CSR instructions are checked and read in one cycle and take effect in the next; traps and
        interrupts are noticed in one cycle and taken in the next
    walk: the steps of a walk, and its accesses, take a cycle for each thing that they look up
    vmx: the VMX unit's reads of memory, VMCS and registers take effect in the cycle behind
    bus: registers between the hart and the AXI decoder, behind the decoding of addresses, before and behind
        the devices, and in the PLIC's search
    """

    memory: bool = False
    fetch: bool = False
    redirect: bool = False
    decode: bool = False
    execute: bool = False
    walk: bool = False
    vmx: bool = False
    bus: bool = False

    @classmethod
    def everywhere(cls) -> "Cuts":
        """All of them."""
        return cls(**{each.name: True for each in fields(cls)})

    @property
    def late_vectors(self) -> bool:
        """What it takes to find an interrupt's handler spreads over the two cycles that a trap of execute
        takes; if traps of memory take two, too, where each goes is found out in the first."""
        return self.execute and not self.memory


@dataclass(frozen=True)
class CoreConfig:
    """One hart.

    Attributes
    ----------
    hypervisor: build the H extension (``mvirt.ARCH`` = 1)
    xvmx: build Xvmx (``mvirt`` and its ARCH = 2)
    dual_issue: let a simple arithmetic instruction go along with the next or the previous one
    dma: other masters than the hart may use memory, through the data cache
    cuts: registers in long paths
    observe: bring out the retire port's CSR snapshot (for lockstep); costs simulation speed
    """

    icache: CacheConfig = field(default_factory=CacheConfig)
    dcache: CacheConfig = field(default_factory=lambda: CacheConfig(ways=8))
    tlb: TlbConfig = field(default_factory=TlbConfig)
    branch: BranchConfig = field(default_factory=BranchConfig)
    hypervisor: bool = True
    xvmx: bool = True
    dual_issue: bool = True
    dma: bool = True
    cuts: Cuts = field(default_factory=Cuts)
    observe: bool = False
    hart_id: int = 0

    @property
    def in_steps(self) -> bool:
        """CSRs are read in steps (``Cuts.execute``), for which a VMX unit waits with ``Cuts.vmx`` only."""
        return self.cuts.execute and (self.cuts.vmx or not self.xvmx)

    @property
    def virtual(self) -> bool:
        """There is a virtualization mode V."""
        return self.hypervisor or self.xvmx


@dataclass(frozen=True)
class SocConfig:
    """The whole machine.

    Attributes
    ----------
    core: the hart's parameters
    cycles_per_tick: core cycles per tick of ``mtime``
    interrupt_sources: number of the PLIC's last source, at least the console's
    """

    core: CoreConfig = field(default_factory=CoreConfig)
    cycles_per_tick: int = 10
    interrupt_sources: int = PLIC_SOURCES

    def __post_init__(self) -> None:
        if self.interrupt_sources < UART_IRQ:
            raise ValueError(
                f"SocConfig.interrupt_sources must be at least {UART_IRQ} (the console), "
                f"not {self.interrupt_sources}"
            )
