# medeleg: exceptions from S and U go to HS; those from M never do. sret and the S status stack.
#include "harness.h"
PROGRAM
    li a0, (1 << ILLEGAL) | (1 << BREAKPOINT) | (1 << ECALL_U)
    csrw medeleg, a0
    TEST 2
    ENTER_U
    LEAVE
    CHECK_TRAP BY_HS, ECALL_U
    CHECK_ADDRESS s3, 78b
    CHECK_BITS s7, MSTATUS_SPP, 0
    TEST 3
    ENTER_U
1:  .word 0
    LEAVE
    CHECK_TRAP BY_HS, ILLEGAL
    CHECK_ADDRESS s3, 1b
    TEST 4
    ENTER_HS
1:  .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_HS, ILLEGAL
    CHECK_ADDRESS s3, 1b
    CHECK s4, 0xffffffff
    CHECK_BITS s7, MSTATUS_SPP, MSTATUS_SPP
    TEST 5      # from M: stays in M
    ENTER_M
    .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    TEST 6      # not delegated
    ENTER_HS
    LEAVE
    CHECK_TRAP BY_M, ECALL_HS
    TEST 7      # SIE moves to SPIE, and back by sret
    ENTER_HS
    csrsi sstatus, 2
    .word 0
    LEAVE
    CHECK_TRAP BY_HS, ILLEGAL
    CHECK_BITS s7, MSTATUS_SIE | MSTATUS_SPIE, MSTATUS_SPIE
    ENTER_HS
    csrci sstatus, 2
    li a0, MSTATUS_SPIE | MSTATUS_SPP
    csrs sstatus, a0
    la a0, 1f
    csrw sepc, a0
    sret
    .word 0
1:  csrr a1, sstatus
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK_BITS a1, MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP, MSTATUS_SIE | MSTATUS_SPIE
    csrci sstatus, 2
    TEST 8      # sret from M mode works too and leaves M
    li a0, MSTATUS_SPP
    csrs mstatus, a0
    li a0, HSTATUS_SPV
    csrc hstatus, a0
    la a0, 1f
    csrw sepc, a0
    ENTER_M
    sret
1:  nop
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    TEST 9      # sret to U
    li a0, MSTATUS_SPP
    csrc mstatus, a0
    la a0, 1f
    csrw sepc, a0
    ENTER_HS
    sret
1:  csrr a0, sstatus
    LEAVE
    CHECK_TRAP BY_HS, ILLEGAL
    CHECK_ADDRESS s3, 1b
    TEST 10     # TSR, TW and TVM trap sret, wfi, sfence.vma and satp in HS as illegal instructions
    csrw medeleg, x0
    li a0, MSTATUS_TSR
    csrs mstatus, a0
    ENTER_HS
1:  sret
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 1b
    csrc mstatus, a0
    li a0, MSTATUS_TW
    csrs mstatus, a0
    ENTER_HS
1:  wfi
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK s4, 0x10500073
    csrc mstatus, a0
    li a0, MSTATUS_TVM
    csrs mstatus, a0
    ENTER_HS
1:  sfence.vma
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK s4, 0x12000073
    ENTER_HS
    csrr a1, satp
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    ENTER_HS
    csrw satp, x0
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    csrc mstatus, a0
    TEST 11     # U may not use any of them
    ENTER_U
    sret
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    ENTER_U
    sfence.vma
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
#ifndef ON_QEMU     /* QEMU 10.0 lets U execute it */
    ENTER_U
    sfence.w.inval
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
#endif
    TEST 12     # mret is for M alone
    ENTER_HS
    mret
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    PASS
