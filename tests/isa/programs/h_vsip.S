# vsip.SSIP is an alias of hip.VSSIP while hideleg delegates it, else read-only zero (H chapter, vsip and vsie).
#include "harness.h"
PROGRAM
    csrw hvip, x0
    csrw hideleg, x0
    li a0, 2
    TEST 2      # not delegated
    csrw vsip, a0
    csrr a1, hvip
    CHECK_HVIP a1, 0
    csrs vsip, a0
    csrr a1, vsip
    CHECK a1, 0
    csrr a1, hvip
    CHECK_HVIP a1, 0
    TEST 3      # nor does a write clear what is pending
    li a2, 4
    csrw hvip, a2
    csrw vsip, x0
    csrr a1, hvip
    CHECK_HVIP a1, 4
    csrr a1, vsip
    CHECK a1, 0
    TEST 4      # delegated
    csrw hideleg, a2
    csrr a1, vsip
    CHECK a1, 2
    csrw vsip, x0
    csrr a1, hvip
    CHECK_HVIP a1, 0
    csrs vsip, a0
    csrr a1, hvip
    CHECK_HVIP a1, 4
    PASS
