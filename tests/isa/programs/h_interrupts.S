# VS-level interrupts: hvip, hideleg, vsie, vectored vstvec, priority, and where each is taken.
#include "harness.h"
PROGRAM
#define VSSI 0x4
#define VSTI 0x40
#define VSEI 0x400
    li s9, VSSI | VSTI | VSEI
    TEST 2      # not delegated: a VS interrupt in guest or HS goes to HS
    li a0, VSSI
    csrw hie, a0
    csrw hvip, a0
    ENTER_VS
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(2)
    CHECK s4, 0
    CHECK s5, 0
    CHECK s6, 0
    CHECK_BITS s8, HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_GVA, HSTATUS_SPV | HSTATUS_SPVP
    ENTER_VU
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(2)
    CHECK_BITS s8, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_SPV
    li a0, MSTATUS_SIE
    csrc mstatus, a0
    ENTER_HS
    nop
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    ENTER_HS
    csrsi sstatus, 2
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(2)
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(2)
    TEST 3      # never in M
    csrsi mstatus, 8
    nop
    nop
    csrci mstatus, 8
    TEST 4      # delegated: to VS, as the supervisor's code; not in V = 0
    csrw hideleg, s9
    csrw vsstatus, x0
    ENTER_VS            # vsstatus.SIE is 0
    nop
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    ENTER_VS
    csrsi sstatus, 2
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(1)
    CHECK s4, 0
    CHECK_BITS s7, MSTATUS_SPP | MSTATUS_SPIE | MSTATUS_SIE, MSTATUS_SPP | MSTATUS_SPIE
    csrw vsstatus, x0
    ENTER_VU            # in VU it is taken whatever SIE says
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(1)
    CHECK_BITS s7, MSTATUS_SPP, 0
    ENTER_HS
    csrsi sstatus, 2
    nop
    csrci sstatus, 2
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    ENTER_U
    nop
    LEAVE
    CHECK_TRAP BY_M, ECALL_U
    TEST 5      # timer and external codes
    li a0, VSTI
    csrw hvip, a0
    csrw hie, a0
    ENTER_VU
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(5)
    li a0, VSEI
    csrw hvip, a0
    csrw hie, a0
    ENTER_VU
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(9)
    TEST 6      # priority: external, software, timer
    csrw hvip, s9
    csrw hie, s9
#ifndef ON_QEMU     /* QEMU 10.0 takes the lowest code first */
    ENTER_VU
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(9)
#endif
    li a0, VSEI
    csrc hvip, a0
    ENTER_VU
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(1)
    li a0, VSSI
    csrc hvip, a0
    ENTER_VU
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(5)
    TEST 7      # HS' interrupts come before the guest's, M's before both
    csrw hvip, s9
    li a0, VSSI | VSTI
    csrw hideleg, a0
    ENTER_VU
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(10)
    li a0, 2
    csrw mip, a0
    li a0, 2
    csrs mie, a0
    csrw hvip, s9
    ENTER_VU            # SSI is not delegated to HS
1:  j 1b
    LEAVE
    CHECK_TRAP BY_M, INTERRUPT(1)
    csrw mip, x0
    csrw mie, x0
    csrw hvip, x0
    TEST 8      # the guest's own view: it sees and clears SSIP, sets its enables
    li a0, 0x222
    csrw mideleg, a0    /* QEMU 10.0 masks a guest's sip by it */
    csrw hideleg, s9
    csrw hvip, s9
    ENTER_VS
    csrr a0, sip
    csrci sip, 2
    csrr a1, sip
    li a2, 0x222
    csrw sie, a2
    csrr a3, sie
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, 0x222
    CHECK a1, 0x220
    CHECK a3, 0x222
    csrr a0, hvip
    CHECK_HVIP a0, 0x440
    csrw hvip, x0
    csrw hie, x0
    TEST 9      # vectored vstvec
    la a0, vectors + 1
    csrw vstvec, a0
    li a0, VSTI
    csrw hie, a0
    csrw hvip, a0
    li a2, 0
    ENTER_VU
1:  j 1b
    LEAVE
    CHECK_TRAP BY_VS, INTERRUPT(5)
    CHECK a2, 5
    csrw hvip, x0
    TEST 10     # wfi in VS wakes for a pending, enabled guest interrupt, even with SIE 0
    la a0, guest_trap
    csrw vstvec, a0
    csrw vsstatus, x0
    li a0, VSTI
    csrw hvip, a0
    csrw hie, a0
    ENTER_VS
    wfi
    li a2, 33
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a2, 33
    PASS
    .align 8
    .option push
    .option norvc
vectors:
    .rept 5
    li a2, 99
    .endr
    j 1f
    .option pop
1:  li a2, 5
    j guest_trap
