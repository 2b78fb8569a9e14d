# In VS the supervisor registers' numbers mean the VS registers; HS's own stay untouched.
#include "harness.h"
PROGRAM
    TEST 2
.macro SWAPS csr, vcsr, first, second
    li a0, \first
    csrw \csr, a0
    li a0, \second
    csrw \vcsr, a0
    li a2, \second ^ 0x1000
    ENTER_VS
    csrr a1, \csr
    csrw \csr, a2
    LEAVE
    CHECK s2, ECALL_VS
    CHECK a1, \second
    csrr a1, \vcsr
    CHECK a1, \second ^ 0x1000
    csrr a1, \csr
    CHECK a1, \first
.endm
    SWAPS sscratch, vsscratch, 0x1111, 0x2222
    SWAPS sepc, vsepc, 0x1110, 0x2220
    SWAPS stval, vstval, 0x1111, 0x2222
    SWAPS stvec, vstvec, 0x80001110, 0x80002220
    csrw scause, x0
    li a0, 13
    csrw vscause, a0
    ENTER_VS
    csrr a1, scause
    LEAVE
    CHECK a1, 13
    la a0, supervisor_trap
    csrw stvec, a0
    la a0, guest_trap
    csrw vstvec, a0
    TEST 3      # sstatus is vsstatus: mstatus keeps its bits
    li a0, MSTATUS_SUM | MSTATUS_SPIE
    csrc mstatus, a0
    csrw vsstatus, x0
    ENTER_VS
    csrs sstatus, a0
    LEAVE
    csrr a1, vsstatus
    and a1, a1, a0
    CHECK_SAME a0, a1
    csrr a1, mstatus
    and a1, a1, a0
    CHECK a1, 0
    csrw vsstatus, x0
    TEST 4      # sie and sip are vsie and vsip
    li a0, 0x444
    csrw hideleg, a0
    li a1, 0x222
    ENTER_VS
    csrw sie, a1
    csrsi sip, 2
    LEAVE
    csrr a0, hie
    CHECK a0, 0x444
    csrr a0, hvip
    CHECK_HVIP a0, 4
    csrr a0, sie
    CHECK a0, 0
    csrw hvip, x0
    csrw hie, x0
    TEST 5      # satp is vsatp
    csrw satp, x0
    csrw vsatp, x0
    li a0, 0x80123      # Bare; PPN is held
    csrw vsatp, a0
    ENTER_VS
    csrr a1, satp
    csrw satp, x0
    LEAVE
    CHECK s2, ECALL_VS
    csrr a2, vsatp
    CHECK a2, 0
    TEST 6      # sret in VS: by vsstatus and vsepc, V stays
    la a0, 1f
    csrw vsepc, a0
    li a0, MSTATUS_SPP | MSTATUS_SPIE
    csrw vsstatus, a0
    li a0, MSTATUS_SIE
    csrc mstatus, a0
    ENTER_VS
    sret
    .word 0
1:  csrr a1, sstatus
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK_BITS a1, MSTATUS_SPP | MSTATUS_SPIE | MSTATUS_SIE, MSTATUS_SPIE | MSTATUS_SIE
    csrr a1, mstatus
    CHECK_BITS a1, MSTATUS_SIE, 0
    csrw vsstatus, x0
    TEST 7      # sret from VS to VU
    la a0, 1f
    csrw vsepc, a0
    ENTER_VS
    sret
1:  nop
    LEAVE
    CHECK_NO_TRAP ECALL_U
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPV
    TEST 8      # sret in HS with SPV: to VS, and SPV clears
    la a0, 1f
    csrw sepc, a0
    li a0, HSTATUS_SPV
    csrs hstatus, a0
    li a0, MSTATUS_SPP
    csrs mstatus, a0
    ENTER_HS
    sret
1:  nop
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP_S | MSTATUS_MPV
    CHECK_BITS s8, HSTATUS_SPV, 0
    TEST 9      # the same from M
    la a0, 1f
    csrw sepc, a0
    li a0, HSTATUS_SPV
    csrs hstatus, a0
    li a0, MSTATUS_SPP
    csrc mstatus, a0
    ENTER_M
    sret
1:  nop
    LEAVE
    CHECK_NO_TRAP ECALL_U
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPV
    TEST 10     # mret with MPP = M ignores MPV
    li a0, MSTATUS_MPP | MSTATUS_MPV
    csrs mstatus, a0
    la a0, 1f
    csrw mepc, a0
    ENTER_M
    mret
1:  csrr a1, mscratch
    LEAVE
    CHECK_NO_TRAP ECALL_M
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP
    TEST 11     # vsscratch by its own number: from HS only
    ENTER_HS
    csrr a1, vsscratch
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    ENTER_VS
    csrr a1, vsscratch
    LEAVE
    CHECK_TRAP BY_M, VIRTUAL
    PASS
