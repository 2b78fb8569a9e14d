# Directed: hfence.gvma in HS under TVM is an illegal instruction whose bits stand in tval.
#include "harness.h"
PROGRAM
    li s9, MSTATUS_TVM
    csrs mstatus, s9
    li a1, 0x1234
    li a2, 3
.macro ILLEGAL_IN_HS bits, instruction:vararg
    ENTER_HS
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 1b
    CHECK s4, \bits
    CHECK s5, 0
    CHECK s6, 0
.endm
    TEST 2
    ILLEGAL_IN_HS 0x62000073, hfence.gvma
    ILLEGAL_IN_HS 0x62c58073, hfence.gvma a1, a2
    ILLEGAL_IN_HS 0x66c58073, hinval.gvma a1, a2
    ILLEGAL_IN_HS 0x12c58073, sfence.vma a1, a2
    ILLEGAL_IN_HS 0x16c58073, sinval.vma a1, a2
    TEST 3      # HS' own handler sees the same
    li a0, 1 << ILLEGAL
    csrw medeleg, a0
    ENTER_HS
1:  hfence.gvma a1, a2
    LEAVE
    CHECK_TRAP BY_HS, ILLEGAL
    CHECK_ADDRESS s3, 1b
    CHECK s4, 0x62c58073
    CHECK_BITS s8, HSTATUS_GVA | HSTATUS_SPV, 0
    TEST 4      # hfence.vvma is not touched by TVM; M is not either
    ENTER_HS
    hfence.vvma a1, a2
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    ENTER_M
    hfence.gvma a1, a2
    LEAVE
    CHECK_NO_TRAP ECALL_M
    TEST 5      # and without TVM HS may
    csrc mstatus, s9
    ENTER_HS
    hfence.gvma a1, a2
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    PASS
