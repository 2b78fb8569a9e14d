"""What this build of the hypervisor is: chosen when the package is imported, constant in the compiled code.

`ARCH` is the back end (environment variable BIVISOR_ARCH: ``el2``, ``vmx``). `SHADOW` tells that shadow
page tables translate guests' memory instead of a second stage (BIVISOR_PAGING: ``nested`` or ``shadow``).
`DESIGN` is ``type1``, ``hosted`` or ``split`` (BIVISOR_DESIGN): `HOSTED` tells that every exit returns into
a host kernel with a context of its own, `SPLIT` that this kernel, too, runs in VS mode.
"""

import os

__all__ = ["ARCH", "DESIGN", "HOSTED", "SHADOW", "SPLIT"]

ARCH = os.environ.get("BIVISOR_ARCH", "el2")
SHADOW = os.environ.get("BIVISOR_PAGING", "nested") == "shadow"
DESIGN = os.environ.get("BIVISOR_DESIGN", "type1")
SPLIT = DESIGN == "split"
HOSTED = SPLIT or DESIGN == "hosted"
