# mvirt.HOLE: sstatus in U mode, read without a trap and written without effect (docs/xvmx.md, section 11).
#include "xvmx.h"
XPROGRAM
#define ECALL_S 9
    TO_M
.macro IN_U offset
    li t6, MSTATUS_MPP | MSTATUS_MPV
    csrc mstatus, t6
    la t6, 76f
    csrw mepc, t6
    la s0, 77f
    li s1, 0
    mret
76:
.endm
.macro BACK
78: ecall
77:
.endm
    csrw medeleg, x0
.macro HOLE_IS_SHUT arch
    li a0, \arch
    csrw MVIRT, a0
    .irp access, "csrr a0, sstatus", "csrw sstatus, x0", "csrsi sstatus, 2", "csrci sstatus, 2"
    IN_U
1:  \access
    BACK
    CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 1b
    .endr
.endm
    TEST 2
    HOLE_IS_SHUT ARCH_NONE
    HOLE_IS_SHUT ARCH_H
    HOLE_IS_SHUT ARCH_XVMX
.macro HOLE_IS_OPEN arch
    li a0, \arch | MVIRT_HOLE
    csrw MVIRT, a0
    li a0, SSTATUS_SUM | SSTATUS_SPIE | SSTATUS_SIE
    csrw sstatus, a0
    li a1, SSTATUS_MXR
    IN_U
    csrr a2, sstatus
    csrrw a3, sstatus, x0
    csrrs a4, sstatus, a1
    csrrci a5, sstatus, 2
    csrw sstatus, a1
    BACK
    CHECK_TRAP BY_M, ECALL_U
    CHECK_ADDRESS s3, 78b
    .irp reg, a2, a3, a4, a5
    CHECK \reg, SSTATUS_UXL | SSTATUS_SUM | SSTATUS_SPIE | SSTATUS_SIE
    .endr
    csrr a0, sstatus
    CHECK a0, SSTATUS_UXL | SSTATUS_SUM | SSTATUS_SPIE | SSTATUS_SIE
.endm
    TEST 3
    HOLE_IS_OPEN ARCH_NONE
    TEST 4
    HOLE_IS_OPEN ARCH_H
    TEST 5
    HOLE_IS_OPEN ARCH_XVMX
    TEST 6      # other registers stay closed
    IN_U
1:  csrr a0, sscratch
    BACK
    CHECK_TRAP BY_M, ILLEGAL
    TEST 7      # in VU of the H extension: the guest's register
    li a0, ARCH_H | MVIRT_HOLE
    csrw MVIRT, a0
    csrw hgatp, x0
    csrw vsatp, x0
    li a0, SSTATUS_MXR
    csrw vsstatus, a0
    csrw sstatus, x0
    li t6, MSTATUS_MPP
    csrc mstatus, t6
    li t6, MSTATUS_MPV
    csrs mstatus, t6
    la t6, 1f
    csrw mepc, t6
    la s0, 77f
    li s1, 0
    mret
1:  csrrwi a2, sstatus, 0
    BACK
    CHECK a2, SSTATUS_UXL | SSTATUS_MXR
    csrr a0, vsstatus
    CHECK a0, SSTATUS_UXL | SSTATUS_MXR
    TEST 8      # in non-root U: the guest's, and CSR_BITMAP looks at it
    li a0, ARCH_XVMX | MVIRT_HOLE
    csrw MVIRT, a0
    li t0, 0xb1ff
    csrw medeleg, t0
    TO_S
    la a0, vmxon_region
    vmxon a1, a0
    CHECK a1, 0
    la a0, vmcs_a
    vmclear a1, a0
    vmptrld a1, a0
    CHECK a1, 0
    jal fresh_vmcs
    SET_FIELD G_SSTATUS, SSTATUS_SPIE
    GUEST_U
    csrr a2, sstatus
    csrw sstatus, x0
    csrr a3, sstatus
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a2, SSTATUS_UXL | SSTATUS_SPIE
    CHECK a3, SSTATUS_UXL | SSTATUS_SPIE
    PUT_ADDRESS CSR_BITMAP, bitmap
    SET_FIELD PROC_CTLS, PROC_CSRBM
    la a0, bitmap
    li a1, 2
    sb a1, 0x40(a0)     # writes of sstatus (0x100)
    GUEST_U
    csrr a2, sstatus
1:  csrs sstatus, a1
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_CSR, 1b
    CHECK_FIELD EXIT_QUAL, 0x100 | (1 << 12) | (11 << 16)
    PASS
    .data
    .balign 1024
bitmap:
    .zero 1024
