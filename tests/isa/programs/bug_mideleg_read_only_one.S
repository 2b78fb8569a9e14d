# Directed: mideleg's VS-level bits and SGEI are read-only one, so guest interrupts never go to M.
#include "harness.h"
PROGRAM
    TEST 2
    csrr a0, mideleg
    CHECK_BITS a0, 0x1444, 0x1444
    csrw mideleg, x0
    csrr a0, mideleg
    CHECK_BITS a0, 0x1fff, 0x1444
    li a1, -1
    csrc mideleg, a1
    csrr a0, mideleg
    CHECK_BITS a0, 0x1fff, 0x1444
    csrw mideleg, a1
    csrr a0, mideleg
    CHECK_BITS a0, 0x1fff, 0x1666
    csrw mideleg, x0
    TEST 3      # a pending guest interrupt goes to HS, even when M would take all others
    li a0, 0x40
    csrw hvip, a0
    csrw hie, a0
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(6)
    csrsi mstatus, 8
    nop
    nop
    csrci mstatus, 8
    PASS
