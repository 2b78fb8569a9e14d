"""What the host kernel of the split design asks of the lowvisor, by ecall with the number in a7."""

from enum import IntEnum

__all__ = ["Service"]


class Service(IntEnum):
    """a7 of the call."""

    ENTER = 0
    """Run the vCPU whose address is in a0 until it leaves; changes all registers that a function call may."""
    FETCH = 1
    """a0 = the instruction that the running vCPU left at. This one and the others change a0 and a1 only."""
    FORGET_PAGE = 2
    """hfence.gvma of the guest physical address in a0."""
    FORGET_VIRTUAL = 3
    """hfence.vvma of all that the running guest has."""
    FORGET_ADDRESS = 4
    """hfence.vvma of its virtual address in a0."""
    WATCH = 5
    """The host kernel's external interrupt is to become pending when the machine's next one does."""
