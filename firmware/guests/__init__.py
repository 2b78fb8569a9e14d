"""Small guests in the firmware language. They run in VS mode, or in S mode under the monitor alike.

A guest is a module here with an `image`; `GUESTS` names them for command lines.
"""

__all__ = ["GUESTS"]

GUESTS = (
    "hello",
    "primes",
    "hypercall",
    "calls",
    "echo",
    "stress",
    "paging",
    "stray",
    "operations",
    "spin",
    "workloads",
)
"""Names of the guests: module `firmware.guests.NAME`."""
