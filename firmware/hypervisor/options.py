"""What this build of the hypervisor is: chosen when the package is imported, constant in the compiled code.

`ARCH` is the back end (environment variable BIVISOR_ARCH: ``el2``, ``vmx``). `SHADOW` tells that shadow page
tables translate guests' memory instead of a second stage (BIVISOR_PAGING: ``nested`` or ``shadow``). `HOSTED`
tells that every exit returns into a host kernel with a context of its own (BIVISOR_DESIGN: ``type1`` or
``hosted``).
"""

import os

__all__ = ["ARCH", "HOSTED", "SHADOW"]

ARCH = os.environ.get("BIVISOR_ARCH", "el2")
SHADOW = os.environ.get("BIVISOR_PAGING", "nested") == "shadow"
HOSTED = os.environ.get("BIVISOR_DESIGN", "type1") == "hosted"
