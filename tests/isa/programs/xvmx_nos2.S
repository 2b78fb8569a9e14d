# mvirt.NOS2: no second stage, under H and under Xvmx (docs/xvmx.md, section 1).
#include "xvmx.h"
XPROGRAM
    TEST 2      # EPTP of the current VMCS goes to zero, and stays so
    SET_EPTP table, 5
    TO_M
    li a0, MVIRT_NOS2
    csrs MVIRT, a0
    TO_S
    CHECK_FIELD EPTP, 0
    SET_EPTP table, 5
    CHECK_FIELD EPTP, 0
    csrr a0, SVMXCAP
    CHECK a0, 0x3723ff564d5801
    TEST 3      # ... VMX operation goes on; EPT and VPID are not to be had
    GUEST_S
    LEAVE_GUEST
    CHECK_LEFT
    SET_FIELD PROC_CTLS, PROC_EPT
    GUEST_S
    LEAVE_GUEST
    CHECK_REFUSED 7
    SET_FIELD PROC_CTLS, PROC_VPID
    GUEST_S
    LEAVE_GUEST
    CHECK_REFUSED 7
    SET_FIELD PROC_CTLS, 0
    TEST 4      # vmptrld drops a value that memory holds
    TO_M
    li a0, MVIRT_NOS2
    csrc MVIRT, a0
    TO_S
    CHECK_FIELD EPTP, 0
    .irp control, PROC_EPT, PROC_VPID   # it is zero still, and no table
    SET_FIELD PROC_CTLS, \control
    GUEST_S
    LEAVE_GUEST
    CHECK_REFUSED 7
    .endr
    SET_FIELD PROC_CTLS, 0
    SET_EPTP table, 5
    la a0, vmcs_a
    vmclear a1, a0
    CHECK a1, 0
    TO_M
    li a0, MVIRT_NOS2
    csrs MVIRT, a0
    TO_S
    la a0, vmcs_a
    vmptrld a1, a0
    CHECK a1, 0
    CHECK_FIELD EPTP, 0
    TEST 5      # under H: hgatp
    TO_M
    csrwi MVIRT, ARCH_H
    li a0, SV39 | 0x80004
    csrw hgatp, a0
    csrr a1, hgatp
    CHECK_SAME a0, a1
    li a1, ARCH_H | MVIRT_NOS2
    csrw MVIRT, a1
    csrr a1, hgatp
    CHECK a1, 0
    csrw hgatp, a0
    csrr a1, hgatp
    CHECK a1, 0
    csrs hgatp, a0
    csrwi MVIRT, ARCH_H
    csrr a1, hgatp
    CHECK a1, 0
    csrw hgatp, a0
    csrr a1, hgatp
    CHECK_SAME a0, a1
    PASS
    .data
    .balign 16384
table:
    .zero 16384
