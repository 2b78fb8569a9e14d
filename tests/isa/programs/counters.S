# cycle, time, instret and the programmable counters: enables, writes, mcountinhibit.
#include "harness.h"
PROGRAM
    TEST 2      # they move
    csrr a0, mcycle
    csrr a1, minstret
    nop
    nop
    csrr a2, mcycle
    csrr a3, minstret
    bltu a0, a2, 1f
    j fail
1:  bltu a1, a3, 1f
    j fail
1:
#ifndef ON_QEMU     /* QEMU's counters are not exact */
    TEST 3      # instret counts every instruction once
    csrr a0, minstret
    nop
    nop
    csrr a1, minstret
    sub a1, a1, a0
    CHECK a1, 3
    csrr a0, minstret
    csrr a1, minstret
    sub a1, a1, a0
    CHECK a1, 1
    TEST 4      # a written value is what the next instruction reads
    li a0, 1000
    csrw minstret, a0
    csrr a1, minstret
    CHECK a1, 1000
    TEST 5      # an instruction that traps does not retire
    ENTER_M
    csrr a0, minstret
    ecall
77: csrr a1, minstret
    sub a1, a1, a0      # csrr and the frame's 12: bnez li 7 csrr beqz mv li jr
    CHECK a1, 14
#endif
    TEST 6      # mcountinhibit stops them
    li a0, 5
    csrw mcountinhibit, a0
    csrr a1, mcycle
    csrr a2, minstret
    nop
    nop
    csrr a3, mcycle
    csrr a4, minstret
    CHECK_SAME a1, a3
    CHECK_SAME a2, a4
    csrw mcountinhibit, x0
    csrr a3, mcycle
    csrr a4, mcycle
    bltu a3, a4, 1f
    j fail
1:  TEST 7      # the user's views
    li a0, 4
    csrw mcountinhibit, a0
    li a0, 77777
    csrw minstret, a0
    csrr a1, instret
#ifndef ON_QEMU
    CHECK_SAME a0, a1
#endif
    csrw mcountinhibit, x0
    csrr a0, time
    li a2, CLINT_MTIME
    ld a1, 0(a2)
    bgeu a1, a0, 1f
    j fail
1:  ENTER_M
    csrw cycle, x0
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    TEST 8      # mcounteren for S and U, scounteren for U as well
.macro TRY mode, csr, cause
    \mode
    csrr a0, \csr
    LEAVE
    CHECK_TRAP BY_M, \cause
.endm
    csrw mcounteren, x0
    csrw scounteren, x0
    TRY ENTER_HS, cycle, ILLEGAL
    TRY ENTER_HS, time, ILLEGAL
    TRY ENTER_HS, instret, ILLEGAL
    TRY ENTER_U, cycle, ILLEGAL
    li a1, 1
    csrw mcounteren, a1
    TRY ENTER_HS, cycle, ECALL_HS
    TRY ENTER_HS, time, ILLEGAL
    TRY ENTER_HS, instret, ILLEGAL
    TRY ENTER_U, cycle, ILLEGAL
    csrw scounteren, a1
    TRY ENTER_U, cycle, ECALL_U
    li a1, 6
    csrw mcounteren, a1
    csrw scounteren, a1
    TRY ENTER_U, cycle, ILLEGAL
    TRY ENTER_U, time, ECALL_U
    TRY ENTER_U, instret, ECALL_U
    csrw mcounteren, x0
    TRY ENTER_U, instret, ILLEGAL
    TEST 9      # programmable counters hold values; the last ones are zero
#ifndef ON_QEMU     /* QEMU has 16 counters */
    csrw mhpmevent3, x0
    csrw mhpmevent10, x0
    li a0, 0x123456789a
    csrw mhpmcounter3, a0
    csrw mhpmcounter10, a0
    csrr a1, mhpmcounter3
    CHECK_SAME a0, a1
    csrr a1, mhpmcounter10
    CHECK_SAME a0, a1
    csrr a1, hpmcounter3
    CHECK_SAME a0, a1
    csrw mhpmcounter11, a0
    csrr a1, mhpmcounter11
    CHECK a1, 0
    csrw mhpmevent31, a0
    csrr a1, mhpmevent31
    CHECK a1, 0
    csrw mhpmcounter3, x0
#endif
    PASS
