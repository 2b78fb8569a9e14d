"""The golden model: the architecture as readable Python.

One file per chapter of the specifications: ``integer`` and ``execute`` (RV64IMA), ``decode`` (C),
``csrs``, ``counters``, ``traps``, ``pmp``, ``translation`` (Sv39, Sv39x4), ``system`` (privileged and
hypervisor instructions); ``hart`` runs them, ``machine`` adds memory and devices.
"""

from cosim.model.exceptions import Stop, Trap
from cosim.model.hart import Hart
from cosim.model.machine import Machine, Result, run
from cosim.model.record import Imposed, MemoryAccess, Record

__all__ = [
    "Hart",
    "Imposed",
    "Machine",
    "MemoryAccess",
    "Record",
    "Result",
    "Stop",
    "Trap",
    "run",
]
