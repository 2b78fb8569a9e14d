# mvirt.ARCH: what exists under each architecture (docs/xvmx.md, section 1).
#include "xvmx.h"
XPROGRAM
.macro IN_M_ILLEGAL instruction:vararg
    TRAPS BY_M, ILLEGAL, \instruction
.endm
.macro IN_M_FINE instruction:vararg
    la s0, fail
    li s1, 0
    \instruction
    li s0, 0
.endm
    TO_M
    TEST 2      # mvirt is WARL
    csrr a0, MVIRT
    CHECK a0, ARCH_XVMX
    li a0, -1
    csrw MVIRT, a0
    csrr a0, MVIRT
    CHECK a0, ARCH_XVMX | MVIRT_HOLE | MVIRT_NOS2
    csrwi MVIRT, ARCH_H
    csrr a0, MVIRT
    CHECK a0, ARCH_H
    csrwi MVIRT, 3
    csrr a0, MVIRT
    CHECK a0, ARCH_H
    csrwi MVIRT, ARCH_NONE
    csrr a0, MVIRT
    CHECK a0, ARCH_NONE
    TEST 3      # ARCH 0: neither H nor Xvmx, in M
    csrr a0, misa
    CHECK_BITS a0, 0x80, 0
    IN_M_ILLEGAL csrr a0, hstatus
    IN_M_ILLEGAL csrr a0, hgatp
    IN_M_ILLEGAL csrr a0, hvip
    IN_M_ILLEGAL csrr a0, htimedelta
    IN_M_ILLEGAL csrr a0, vsstatus
    IN_M_ILLEGAL csrr a0, vsatp
    IN_M_ILLEGAL csrr a0, mtval2
    IN_M_ILLEGAL csrr a0, mtinst
    IN_M_ILLEGAL csrr a0, SVMXCAP
    IN_M_ILLEGAL csrr a0, STOPEI
    IN_M_ILLEGAL hfence.gvma
    IN_M_ILLEGAL hfence.vvma
    IN_M_ILLEGAL hinval.gvma x0, x0
    IN_M_ILLEGAL hlv.w a0, (sp)
    IN_M_ILLEGAL hsv.w a0, (sp)
    IN_M_ILLEGAL vmptrst a0
    IN_M_ILLEGAL vmcall
    TEST 4      # ... bits that go with them
    li a0, -1
    csrw mideleg, a0
    csrr a0, mideleg
    CHECK a0, 0x222
    csrw medeleg, a0
    li a0, -1
    csrw medeleg, a0
    csrr a0, medeleg
    CHECK a0, 0xcb3ff
    csrw mie, a0
    li a0, -1
    csrw mie, a0
    csrr a0, mie
    CHECK a0, 0xaaa
    li a0, MSTATUS_MPV | MSTATUS_GVA
    csrs mstatus, a0
    csrr a0, mstatus
    CHECK_BITS a0, MSTATUS_MPV | MSTATUS_GVA, 0
    csrw mie, x0
    TEST 5      # ARCH 1: all of H, nothing of Xvmx
    csrwi MVIRT, ARCH_H
    csrr a0, misa
    CHECK_BITS a0, 0x80, 0x80
    IN_M_FINE csrw hstatus, x0
    IN_M_FINE csrr a0, vsstatus
    IN_M_FINE csrr a0, mtval2
    IN_M_FINE hfence.gvma
    IN_M_ILLEGAL csrr a0, SVMXCAP
    IN_M_ILLEGAL csrr a0, STOPEI
    IN_M_ILLEGAL vmptrst a0
    IN_M_ILLEGAL vmcall
    li a0, -1
    csrw medeleg, a0
    csrr a0, medeleg
    CHECK_BITS a0, 0xf00400, 0xf00400
    li a0, -1
    csrw mideleg, a0
    csrr a0, mideleg
    CHECK a0, 0x1666
    li a0, MSTATUS_MPV | MSTATUS_GVA
    csrs mstatus, a0
    csrr a0, mstatus
    CHECK_BITS a0, MSTATUS_MPV | MSTATUS_GVA, MSTATUS_MPV | MSTATUS_GVA
    TEST 6      # ... also from S: virtual-instruction and the rest stay as they were
    li a0, 0
    csrw medeleg, a0
    csrwi MVIRT, ARCH_XVMX
    csrr a0, mstatus
    CHECK_BITS a0, MSTATUS_MPV | MSTATUS_GVA, 0
    TEST 7      # ARCH 2: no H
    csrr a0, misa
    CHECK_BITS a0, 0x80, 0
    IN_M_ILLEGAL csrr a0, hstatus
    IN_M_ILLEGAL csrr a0, hedeleg
    IN_M_ILLEGAL csrr a0, hgeip
    IN_M_ILLEGAL csrr a0, vsatp
    IN_M_ILLEGAL csrr a0, vstimecmp
    IN_M_ILLEGAL csrr a0, mtval2
    IN_M_ILLEGAL csrr a0, mtinst
    IN_M_ILLEGAL hfence.vvma
    IN_M_ILLEGAL hlvx.wu a0, (sp)
    li a0, -1
    csrw mideleg, a0
    csrr a0, mideleg
    CHECK a0, 0x222
    li a0, -1
    csrw medeleg, a0
    csrr a0, medeleg
    CHECK a0, 0xcb3ff
    li a0, -1
    csrw mie, a0
    csrr a0, mie
    CHECK a0, 0xaaa
    csrw mie, x0
    li a0, MSTATUS_MPV | MSTATUS_GVA
    csrs mstatus, a0
    csrr a0, mstatus
    CHECK_BITS a0, MSTATUS_MPV | MSTATUS_GVA, MSTATUS_MPV | MSTATUS_GVA
    csrr a0, mip
    CHECK_BITS a0, 0x1444, 0
    TEST 8      # svmxcap
    csrr a0, SVMXCAP
    CHECK a0, 0x373fff564d5801
    IN_M_ILLEGAL csrw SVMXCAP, x0
    IN_M_ILLEGAL csrr a0, STOPEI
    TEST 9      # the VMX instructions are not M's
    IN_M_ILLEGAL vmptrst a0
    IN_M_ILLEGAL vmxon a0, a1
    IN_M_ILLEGAL vmxoff a0
    IN_M_ILLEGAL vmclear a0, a1
    IN_M_ILLEGAL vmptrld a0, a1
    IN_M_ILLEGAL vmread a0, a1
    IN_M_ILLEGAL vmwrite a0, a1, a2
    IN_M_ILLEGAL vmlaunch a0
    IN_M_ILLEGAL invept a0, a1, a2
    IN_M_ILLEGAL invvpid a0, a1, a2
    IN_M_ILLEGAL vmresume a0
    IN_M_ILLEGAL vmcall
    IN_M_ILLEGAL vmfunc a0, a1, a2
    TEST 10     # after the changes of ARCH there is no VMX operation
    li a0, 0xb1ff
    csrw medeleg, a0
    TO_S
    TRAPS BY_HS, ILLEGAL, vmptrst a0
    TRAPS BY_HS, ILLEGAL, vmxoff a0
    TRAPS BY_HS, ILLEGAL, csrr a0, MVIRT
    csrr a0, SVMXCAP
    CHECK_BITS a0, 0xffffffff, REVISION
    la a1, vmxon_region
    vmxon a0, a1
    CHECK a0, 0
    vmptrst a0
    CHECK a0, NO_VMCS
    PASS
