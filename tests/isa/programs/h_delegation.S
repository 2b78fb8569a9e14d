# Who takes a trap from VS and VU: medeleg then hedeleg; what each level records (H chapter, "Trap Entry").
#include "harness.h"
PROGRAM
#define ALL_GUEST ((1 << ILLEGAL) | (1 << BREAKPOINT) | (1 << ECALL_U) | (1 << ECALL_VS) | (1 << VIRTUAL))
    TEST 2      # to M: MPV, MPP, GVA zero for an ecall
    ENTER_VS
    LEAVE
    CHECK_TRAP BY_M, ECALL_VS
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV | MSTATUS_GVA, MSTATUS_MPP_S | MSTATUS_MPV
    ENTER_VU
    LEAVE
    CHECK_TRAP BY_M, ECALL_U
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV | MSTATUS_GVA, MSTATUS_MPV
    ENTER_HS
    LEAVE
    CHECK_BITS s7, MSTATUS_MPV, 0
    TEST 3      # to HS: SPV, SPVP, SPP
    li a0, ALL_GUEST
    csrw medeleg, a0
    ENTER_VS
    .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_HS, ILLEGAL
    CHECK s4, 0xffffffff
    CHECK s5, 0
    CHECK s6, 0
    CHECK_BITS s7, MSTATUS_SPP, MSTATUS_SPP
    CHECK_BITS s8, HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_GVA, HSTATUS_SPV | HSTATUS_SPVP
    ENTER_VU
    .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_HS, ILLEGAL
    CHECK_BITS s7, MSTATUS_SPP, 0
    CHECK_BITS s8, HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_GVA, HSTATUS_SPV
    TEST 4      # a trap from V = 0 clears SPV and keeps SPVP
    li a0, HSTATUS_SPV | HSTATUS_SPVP
    csrs hstatus, a0
    ENTER_U
    .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_HS, ILLEGAL
    CHECK_BITS s8, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_SPVP
    TEST 5      # ecall from VS to HS
    ENTER_VS
    LEAVE
    CHECK_TRAP BY_HS, ECALL_VS
    TEST 6      # a breakpoint's tval is a guest address
    ENTER_VS
1:  ebreak
    LEAVE
    CHECK_TRAP BY_HS, BREAKPOINT
    CHECK_ADDRESS s4, 1b
#ifndef ON_QEMU     /* QEMU 10.0 leaves hstatus.GVA clear for breakpoints */
    CHECK_BITS s8, HSTATUS_GVA, HSTATUS_GVA
#endif
    csrw medeleg, x0
    ENTER_VS
1:  ebreak
    LEAVE
    CHECK_TRAP BY_M, BREAKPOINT
    CHECK_BITS s7, MSTATUS_GVA, MSTATUS_GVA
    ENTER_HS
1:  ebreak
    LEAVE
    CHECK_TRAP BY_M, BREAKPOINT
    CHECK_BITS s7, MSTATUS_GVA, 0
    TEST 7      # to VS: only the VS registers change
    li a0, ALL_GUEST
    csrw medeleg, a0
    li a0, (1 << ILLEGAL) | (1 << BREAKPOINT) | (1 << ECALL_U)
    csrw hedeleg, a0
    csrw scause, x0
    csrw mcause, x0
    csrw htval, x0
    ENTER_VS
1:  .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_VS, ILLEGAL
    CHECK_ADDRESS s3, 1b
    CHECK s4, 0xffffffff
    CHECK_BITS s7, MSTATUS_SPP, MSTATUS_SPP
    ENTER_VU
1:  ecall
    LEAVE
    CHECK_TRAP BY_VS, ECALL_U
    CHECK_ADDRESS s3, 1b
    CHECK_BITS s7, MSTATUS_SPP, 0
    TEST 8      # hedeleg does not matter for traps from V = 0
    ENTER_U
    ebreak
    LEAVE
    CHECK_TRAP BY_HS, BREAKPOINT
    TEST 9      # hedeleg without medeleg: to M
    csrw medeleg, x0
    ENTER_VS
    .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    TEST 10     # SIE and SPIE of vsstatus on a trap to VS
    li a0, ALL_GUEST
    csrw medeleg, a0
    li a0, MSTATUS_SIE
    csrw vsstatus, a0
    li a0, MSTATUS_SPIE
    csrc mstatus, a0
    li a0, MSTATUS_SIE
    csrc mstatus, a0
    ENTER_VS
    .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_VS, ILLEGAL
    CHECK_BITS s7, MSTATUS_SIE | MSTATUS_SPIE, MSTATUS_SPIE
    csrr a0, mstatus
    CHECK_BITS a0, MSTATUS_SPIE | MSTATUS_SIE, 0
    csrw vsstatus, x0
    PASS
