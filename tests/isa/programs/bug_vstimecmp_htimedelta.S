# Directed: vstimecmp is compared with time + htimedelta, as the guest reads time.
#include "harness.h"
#define STCE (1 << 63)
#define VSTIP (1 << 6)
PROGRAM
    li s9, STCE
    csrs menvcfg, s9
    csrs henvcfg, s9
    li a0, 2
    csrw mcounteren, a0
    csrw hcounteren, a0
    csrw scounteren, a0
    li a0, -1
    csrw vstimecmp, a0
    csrw stimecmp, a0
    csrw htimedelta, x0
    TEST 2      # the guest's time is moved
    li a1, 1 << 40
    csrw htimedelta, a1
    csrr a2, time
    ENTER_VS
    csrr a0, time
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    sub a0, a0, a2
    bgeu a0, a1, 1f
    j fail
1:  srli a0, a0, 41
    CHECK a0, 0
    csrr a0, time       # HS' and M's is not
    sub a0, a0, a2
    srli a0, a0, 30
    CHECK a0, 0
.macro WAIT_VSTIP
1:  csrr a0, hip
    andi a0, a0, VSTIP
    beqz a0, 1b
.endm
.macro WAIT_NO_VSTIP
1:  csrr a0, hip
    andi a0, a0, VSTIP
    bnez a0, 1b
.endm
    TEST 3      # a compare value between time and time + delta: due
    li a0, 1 << 39
    csrw vstimecmp, a0
    WAIT_VSTIP
    csrw htimedelta, x0     # without the delta: not due
    WAIT_NO_VSTIP
    TEST 4      # the sum wraps: a small negative delta makes it huge
    csrr a0, time
    csrw vstimecmp, a0
    WAIT_VSTIP
    li a1, -(1 << 50)
    csrw htimedelta, a1
    WAIT_VSTIP
    li a0, -1
    csrw vstimecmp, a0
    WAIT_NO_VSTIP
    csrw htimedelta, x0
    TEST 5      # henvcfg.STCE off: no VSTIP from the timer, hvip's remains
    csrw vstimecmp, x0
    WAIT_VSTIP
    csrc henvcfg, s9
#ifndef ON_QEMU     /* QEMU 10.0 keeps it */
    WAIT_NO_VSTIP
#endif
    li a0, VSTIP
    csrw hvip, a0
    WAIT_VSTIP
    csrw hvip, x0
    csrs henvcfg, s9
    TEST 6      # the guest sets it as stimecmp, in its own time, and gets its timer interrupt
    li a0, -1
    csrw vstimecmp, a0
    li a0, VSTIP
    csrw hideleg, a0
    csrw hie, a0
    li a1, 1 << 40
    csrw htimedelta, a1
    ENTER_VS
    csrr a2, time
    addi a2, a2, 30
    csrw stimecmp, a2
    csrsi sstatus, 2
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(5)
    csrr a0, vstimecmp
    CHECK_SAME a0, a2
    csrr a0, time
    add a0, a0, a1
    bgeu a0, a2, 1f
    j fail
1:  TEST 7      # VSTIP cannot be cleared through vsip, only by the compare value
    li a0, VSTIP >> 1
    csrc vsip, a0
    csrr a1, vsip
    CHECK a1, VSTIP >> 1
    li a0, -1
    csrw vstimecmp, a0
    WAIT_NO_VSTIP
    TEST 8      # HS takes it when it is not delegated
    csrw hideleg, x0
    csrw vstimecmp, x0
    ENTER_VS
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(6)
    PASS
