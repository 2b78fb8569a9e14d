"""What this build of the hypervisor is: chosen when the package is imported, constant in the compiled code.

`ARCH` is the back end (environment variable BIVISOR_ARCH: ``el2``, ``vmx``). `SHADOW` tells that shadow page
tables translate guests' memory instead of a second stage (BIVISOR_PAGING: ``nested`` or ``shadow``).
"""

import os

__all__ = ["ARCH", "SHADOW"]

ARCH = os.environ.get("BIVISOR_ARCH", "el2")
SHADOW = os.environ.get("BIVISOR_PAGING", "nested") == "shadow"
