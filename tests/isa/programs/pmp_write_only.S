# pmpcfg never holds W without R, which is reserved (privileged spec, "PMP Configuration Registers"): here W goes.
#include "harness.h"
PROGRAM
#ifndef ON_QEMU     /* QEMU 10.0 keeps it */
    TEST 2
    li a0, 0x1f1a1b1e
    csrw pmpcfg0, a0
    csrr a1, pmpcfg0
    CHECK a1, 0x1f181b1c
#endif
    PASS
