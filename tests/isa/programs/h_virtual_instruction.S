# Which instructions and registers raise virtual-instruction in VS and VU, and which illegal-instruction
# (H chapter, "Trap Cause Codes").
#include "harness.h"
PROGRAM
.macro TRY mode, cause, instruction:vararg
    \mode
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, \cause
.endm
.macro IN_VS_AND_VU cause, instruction:vararg
    TRY ENTER_VS, \cause, \instruction
    CHECK_ADDRESS s3, 1b
    lwu a3, 0(s3)
    CHECK_SAME s4, a3
    CHECK s6, 0
    TRY ENTER_VU, \cause, \instruction
    CHECK_ADDRESS s3, 1b
    CHECK_NO_GVA
.endm
    .option norvc
    la a1, word
    TEST 2      # hypervisor instructions
    IN_VS_AND_VU VIRTUAL, hfence.vvma
    IN_VS_AND_VU VIRTUAL, hfence.gvma
    IN_VS_AND_VU VIRTUAL, hinval.vvma x0, x0
    IN_VS_AND_VU VIRTUAL, hinval.gvma x0, x0
    IN_VS_AND_VU VIRTUAL, hlv.d a0, (a1)
    IN_VS_AND_VU VIRTUAL, hlv.bu a0, (a1)
    IN_VS_AND_VU VIRTUAL, hlvx.wu a0, (a1)
    IN_VS_AND_VU VIRTUAL, hsv.w a0, (a1)
    TEST 3      # hypervisor and VS registers, read and write
    IN_VS_AND_VU VIRTUAL, csrr a0, hstatus
    IN_VS_AND_VU VIRTUAL, csrw hstatus, x0
    IN_VS_AND_VU VIRTUAL, csrr a0, hedeleg
    IN_VS_AND_VU VIRTUAL, csrr a0, hideleg
    IN_VS_AND_VU VIRTUAL, csrr a0, hie
    IN_VS_AND_VU VIRTUAL, csrr a0, hip
    IN_VS_AND_VU VIRTUAL, csrr a0, hvip
    IN_VS_AND_VU VIRTUAL, csrr a0, htimedelta
    IN_VS_AND_VU VIRTUAL, csrr a0, hcounteren
    IN_VS_AND_VU VIRTUAL, csrr a0, htval
    IN_VS_AND_VU VIRTUAL, csrr a0, htinst
    IN_VS_AND_VU VIRTUAL, csrr a0, hgatp
    IN_VS_AND_VU VIRTUAL, csrw hgatp, x0
    IN_VS_AND_VU VIRTUAL, csrr a0, hgeip
    IN_VS_AND_VU VIRTUAL, csrr a0, henvcfg
    IN_VS_AND_VU VIRTUAL, csrr a0, vsstatus
    IN_VS_AND_VU VIRTUAL, csrr a0, vsatp
    IN_VS_AND_VU VIRTUAL, csrr a0, vsie
    IN_VS_AND_VU VIRTUAL, csrw vstvec, x0
    TEST 4      # read-only and machine registers: illegal, as they are for HS
    IN_VS_AND_VU ILLEGAL, csrw hgeip, x0
    IN_VS_AND_VU ILLEGAL, csrr a0, mstatus
    IN_VS_AND_VU ILLEGAL, csrr a0, mhartid
    IN_VS_AND_VU ILLEGAL, csrr a0, 0x5c0
    IN_VS_AND_VU ILLEGAL, csrr a0, 0x6c0
#ifndef ON_QEMU     /* QEMU 10.0 shows the bits of an earlier trap */
    IN_VS_AND_VU ILLEGAL, mret
#endif
    TRY ENTER_VS, ILLEGAL, mret
    TEST 5      # supervisor registers and instructions: in VU virtual, in VS allowed
#ifndef ON_QEMU     /* QEMU 10.0 raises illegal-instruction */
    TRY ENTER_VU, VIRTUAL, csrr a0, sstatus
    TRY ENTER_VU, VIRTUAL, csrr a0, sscratch
    TRY ENTER_VU, VIRTUAL, csrw sepc, x0
    TRY ENTER_VU, VIRTUAL, csrr a0, satp
    TRY ENTER_VU, VIRTUAL, csrr a0, senvcfg
    TRY ENTER_VU, VIRTUAL, csrr a0, scounteren
    TRY ENTER_VU, VIRTUAL, sret
#endif
    TRY ENTER_VU, VIRTUAL, sfence.vma
    TRY ENTER_VU, VIRTUAL, sinval.vma x0, x0
    TRY ENTER_VS, ECALL_VS, csrr a0, sstatus
    TRY ENTER_VS, ECALL_VS, csrr a0, senvcfg
    TRY ENTER_VS, ECALL_VS, csrr a0, scounteren
    TRY ENTER_VS, ECALL_VS, sfence.vma
    TRY ENTER_VS, ECALL_VS, sinval.vma x0, x0
    TRY ENTER_VS, ECALL_VS, sfence.w.inval
    TRY ENTER_VS, ECALL_VS, sfence.inval.ir
#ifndef ON_QEMU     /* QEMU 10.0 lets VU execute them */
    TRY ENTER_VU, VIRTUAL, sfence.w.inval
    TRY ENTER_VU, VIRTUAL, sfence.inval.ir
#endif
    TEST 6      # the same from V = 0: illegal in U, allowed in HS
    TRY ENTER_U, ILLEGAL, hfence.vvma
    TRY ENTER_U, ILLEGAL, hfence.gvma
    TRY ENTER_U, ILLEGAL, hlv.d a0, (a1)
    TRY ENTER_U, ILLEGAL, hsv.d a0, (a1)
    TRY ENTER_U, ILLEGAL, hlvx.hu a0, (a1)
    TRY ENTER_HS, ECALL_HS, hfence.vvma
    TRY ENTER_HS, ECALL_HS, hfence.gvma
    TRY ENTER_HS, ECALL_HS, hinval.vvma x0, x0
    TRY ENTER_HS, ECALL_HS, hinval.gvma x0, x0
    TRY ENTER_HS, ECALL_HS, hlv.d a0, (a1)
    TEST 7      # hstatus.HU lets U use HLV and HSV
    li a2, HSTATUS_HU
    csrs hstatus, a2
    TRY ENTER_U, ECALL_U, hlv.d a0, (a1)
    TRY ENTER_U, ECALL_U, hsv.d a0, (a1)
    TRY ENTER_U, ILLEGAL, hfence.vvma
    TRY ENTER_VU, VIRTUAL, hlv.d a0, (a1)
    csrc hstatus, a2
    TEST 8      # wfi: VU virtual; VS with VTW; TW comes first
    TRY ENTER_VU, VIRTUAL, wfi
    li a2, HSTATUS_VTW
    csrs hstatus, a2
    TRY ENTER_VS, VIRTUAL, wfi
    li a3, MSTATUS_TW
    csrs mstatus, a3
    TRY ENTER_VS, ILLEGAL, wfi
#ifndef ON_QEMU     /* QEMU 10.0 raises virtual-instruction */
    TRY ENTER_VU, ILLEGAL, wfi
#endif
    csrc hstatus, a2
    TRY ENTER_VS, ILLEGAL, wfi
    csrc mstatus, a3
    TEST 9      # VTSR stops sret in VS; TSR does not
    li a2, HSTATUS_VTSR
    csrs hstatus, a2
    TRY ENTER_VS, VIRTUAL, sret
    csrc hstatus, a2
    li a3, MSTATUS_TSR
    csrs mstatus, a3
    la a0, 9f
    csrw vsepc, a0
    li a0, MSTATUS_SPP
    csrw vsstatus, a0
#ifndef ON_QEMU     /* QEMU 10.0 applies TSR in VS, too */
    ENTER_VS
    sret
9:  nop
    LEAVE
    CHECK_NO_TRAP ECALL_VS
#else
9:
#endif
    TRY ENTER_HS, ILLEGAL, sret
    csrc mstatus, a3
    TEST 10     # VTVM stops sfence, sinval and satp in VS; TVM does not
    li a2, HSTATUS_VTVM
    csrs hstatus, a2
    TRY ENTER_VS, VIRTUAL, sfence.vma
    TRY ENTER_VS, VIRTUAL, sinval.vma x0, x0
    TRY ENTER_VS, VIRTUAL, csrr a0, satp
    TRY ENTER_VS, VIRTUAL, csrw satp, x0
    TRY ENTER_VS, ECALL_VS, sfence.w.inval
    csrc hstatus, a2
    li a3, MSTATUS_TVM
    csrs mstatus, a3
    TRY ENTER_VS, ECALL_VS, sfence.vma
    TRY ENTER_VS, ECALL_VS, csrr a0, satp
    TRY ENTER_VS, VIRTUAL, csrr a0, hgatp
    TRY ENTER_VS, VIRTUAL, hfence.gvma
    TRY ENTER_HS, ILLEGAL, csrr a0, hgatp
    TRY ENTER_HS, ILLEGAL, hfence.gvma
    TRY ENTER_HS, ILLEGAL, hinval.gvma x0, x0
    TRY ENTER_HS, ECALL_HS, hfence.vvma
    TRY ENTER_HS, ECALL_HS, csrr a0, vsatp
    csrc mstatus, a3
    TEST 11     # counters: mcounteren first, then hcounteren, then for VU scounteren
    csrw mcounteren, x0
    csrw hcounteren, x0
    csrw scounteren, x0
    TRY ENTER_VS, ILLEGAL, csrr a0, cycle
    TRY ENTER_VU, ILLEGAL, csrr a0, instret
    li a2, 7
    csrw mcounteren, a2
    TRY ENTER_VS, VIRTUAL, csrr a0, cycle
    TRY ENTER_VS, VIRTUAL, csrr a0, time
    TRY ENTER_VU, VIRTUAL, csrr a0, instret
    csrw hcounteren, a2
    TRY ENTER_VS, ECALL_VS, csrr a0, cycle
    TRY ENTER_VS, ECALL_VS, csrr a0, time
    TRY ENTER_VU, VIRTUAL, csrr a0, time
    csrw scounteren, a2
    TRY ENTER_VU, ECALL_U, csrr a0, time
    csrw hcounteren, x0
    TRY ENTER_VU, VIRTUAL, csrr a0, time
    csrw hcounteren, a2
    csrw mcounteren, x0
    TRY ENTER_VU, ILLEGAL, csrr a0, time
    TRY ENTER_VS, ILLEGAL, csrw cycle, x0
    TEST 12     # stimecmp from VS: menvcfg.STCE and mcounteren.TM, then henvcfg.STCE and hcounteren.TM
    li a2, 1 << 63
    li a3, 2
    csrs menvcfg, a2
    csrs henvcfg, a2
    csrw mcounteren, a3
    csrw hcounteren, a3
    TRY ENTER_VS, ECALL_VS, csrr a0, stimecmp
#ifndef ON_QEMU
    TRY ENTER_VU, VIRTUAL, csrr a0, stimecmp
#endif
    TRY ENTER_VS, VIRTUAL, csrr a0, vstimecmp
    csrw hcounteren, x0
    TRY ENTER_VS, VIRTUAL, csrr a0, stimecmp
    csrw hcounteren, a3
    csrc henvcfg, a2
    TRY ENTER_VS, VIRTUAL, csrr a0, stimecmp
    csrs henvcfg, a2
    csrw mcounteren, x0
    TRY ENTER_VS, ILLEGAL, csrr a0, stimecmp
    TRY ENTER_HS, ILLEGAL, csrr a0, vstimecmp
    csrw mcounteren, a3
    TRY ENTER_HS, ECALL_HS, csrr a0, vstimecmp
    csrc menvcfg, a2
    TRY ENTER_VS, ILLEGAL, csrr a0, stimecmp
    TRY ENTER_HS, ILLEGAL, csrr a0, vstimecmp
    PASS
.data
.align 3
word: .dword 0
