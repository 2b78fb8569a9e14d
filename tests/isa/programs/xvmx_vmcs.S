# vmxon, vmxoff, vmclear, vmptrld, vmptrst: every error, and what stands in memory (docs/xvmx.md, sections 3 and 4).
#include "xvmx.h"
XPROGRAM
    la a1, vmxon_region
    la a2, vmcs_a
    la a3, vmcs_b
    TEST 2      # vmxon in VMX operation: 15 with a current VMCS, else -1
    vmxon a0, a1
    CHECK a0, 15
    CHECK_FIELD INSTR_ERROR, 15
    vmclear a0, a2
    CHECK a0, 0
    vmptrst a0
    CHECK a0, NO_VMCS
    vmxon a0, a1
    CHECK a0, NO_VMCS
    TEST 3      # without a current VMCS every failure is -1
    vmread a0, x0
    CHECK a0, NO_VMCS
    li a4, 0x999
    vmread a0, a4
    CHECK a0, NO_VMCS
    vmwrite a0, x0, x0
    CHECK a0, NO_VMCS
    vmlaunch a0
    CHECK a0, NO_VMCS
    vmresume a0
    CHECK a0, NO_VMCS
    vmclear a0, a1
    CHECK a0, NO_VMCS
    vmptrld a0, a1
    CHECK a0, NO_VMCS
    li a4, 1
    vmptrld a0, a4
    CHECK a0, NO_VMCS
    invept a0, x0, x0
    CHECK a0, NO_VMCS
    li a4, 4
    invvpid a0, a4, x0
    CHECK a0, NO_VMCS
    TEST 4      # vmptrld and its errors: they leave the current VMCS
    vmptrld a0, a2
    CHECK a0, 0
    vmptrst a0
    CHECK_SAME a0, a2
    addi a4, a3, 8
    vmptrld a0, a4
    CHECK a0, 9
    CHECK_FIELD INSTR_ERROR, 9
    li a4, 1 << 56
    vmptrld a0, a4
    CHECK a0, 9
    li a4, 1 << 63
    vmptrld a0, a4
    CHECK a0, 9
    vmptrld a0, a1
    CHECK a0, 10
    CHECK_FIELD INSTR_ERROR, 10
    sw x0, 0(a3)
    vmptrld a0, a3
    CHECK a0, 11
    CHECK_FIELD INSTR_ERROR, 11
    vmptrst a0
    CHECK_SAME a0, a2
    li t0, REVISION | (1 << 31)
    sw t0, 0(a3)
    vmptrld a0, a3
    CHECK a0, 11
    li t0, REVISION
    sw t0, 0(a3)
    TEST 5      # vmclear and its errors
    addi a4, a2, 4
    vmclear a0, a4
    CHECK a0, 2
    CHECK_FIELD INSTR_ERROR, 2
    li a4, 1 << 60
    vmclear a0, a4
    CHECK a0, 2
    vmclear a0, a1
    CHECK a0, 3
    CHECK_FIELD INSTR_ERROR, 3
    vmptrst a0
    CHECK_SAME a0, a2
    TEST 6      # vmclear of another VMCS writes its launch state, and nothing else
    li t0, -1
    sd t0, 8(a3)
    sd t0, 16(a3)
    vmclear a0, a3
    CHECK a0, 0
    ld t0, 8(a3)
    CHECK t0, 0
    ld t0, 16(a3)
    CHECK t0, -1
    vmptrst a0
    CHECK_SAME a0, a2
    CHECK_FIELD INSTR_ERROR, 3
    TEST 7      # a VMCS that is current lives on chip; vmclear writes it back
    li t0, 0x77
    sd t0, 16(a2)
    SET_FIELD PIN_CTLS, 0x1234567800000001
    ld t0, 16(a2)
    CHECK t0, 0x77
    li t0, 0x1122334400000000 | REVISION
    sd t0, 0(a2)            # the header is software's
    vmclear a0, a2
    CHECK a0, 0
    ld t0, 0(a2)
    CHECK t0, 0x1122334400000000 | REVISION
    ld t0, 8(a2)
    CHECK t0, 0
    ld t0, 16(a2)
    CHECK t0, 0x1234567800000001
    vmptrst a0
    CHECK a0, NO_VMCS
    TEST 8      # vmptrld takes memory's values, and writes the previous VMCS back
    li t0, 0x55
    sd t0, 16(a2)
    vmptrld a0, a2
    CHECK a0, 0
    CHECK_FIELD PIN_CTLS, 0x55
    SET_FIELD PROC_CTLS, 0x66
    SET_FIELD H_STIMECMP, 0x99
    vmptrld a0, a3
    CHECK a0, 0
    ld t0, 24(a2)
    CHECK t0, 0x66
    ld t0, 440(a2)          # the last field
    CHECK t0, 0x99
    vmptrst a0
    CHECK_SAME a0, a3
    SET_FIELD PROC_CTLS, 0x11
    vmptrld a0, a2
    CHECK a0, 0
    CHECK_FIELD PROC_CTLS, 0x66
    CHECK_FIELD H_STIMECMP, 0x99
    vmptrld a0, a3
    CHECK_FIELD PROC_CTLS, 0x11
    TEST 9      # vmptrld of the current VMCS does nothing
    li t0, 0x22
    sd t0, 24(a3)
    vmptrld a0, a3
    CHECK a0, 0
    CHECK_FIELD PROC_CTLS, 0x11
    ld t0, 24(a3)
    CHECK t0, 0x22
    TEST 10     # loads are masked as vmwrite masks
    vmclear a0, a3
    li t0, -1
    .set offset, 16
    .rept 54
    sd t0, offset(a3)
    .set offset, offset + 8
    .endr
    vmptrld a0, a3
    CHECK a0, 0
    CHECK_FIELD PIN_CTLS, -1
    CHECK_FIELD VIRQ, 0x222
    CHECK_FIELD PREEMPT_TIMER, 0xffffffff
    CHECK_FIELD INSTR_ERROR, -1
    CHECK_FIELD EXIT_REASON, -1
    CHECK_FIELD G_SSTATUS, SSTATUS_UXL | 0xc0122
    CHECK_FIELD G_SIE, 0x222
    CHECK_FIELD G_STVEC, -3
    CHECK_FIELD G_EIP0, -2
    CHECK_FIELD G_EIP3, -1
    CHECK_FIELD H_SENVCFG, 1
    TEST 11     # vmxoff drops the current VMCS without writing it
    SET_FIELD PROC_CTLS, 0x33
    vmxoff a0
    CHECK a0, 0
    TRAPS BY_HS, ILLEGAL, vmptrst a0
    TRAPS BY_HS, ILLEGAL, vmxoff a0
    TRAPS BY_HS, ILLEGAL, vmclear a0, a2
    TRAPS BY_HS, ILLEGAL, vmptrld a0, a2
    TRAPS BY_HS, ILLEGAL, vmread a0, x0
    TRAPS BY_HS, ILLEGAL, vmwrite a0, x0, x0
    TRAPS BY_HS, ILLEGAL, vmlaunch a0
    TRAPS BY_HS, ILLEGAL, vmresume a0
    TRAPS BY_HS, ILLEGAL, invept a0, x0, x0
    TRAPS BY_HS, ILLEGAL, invvpid a0, x0, x0
    lwu t0, 0(s3)
    CHECK_SAME s4, t0
    ld t0, 24(a3)
    CHECK t0, -1
    TEST 12     # vmxon and its errors
    addi a4, a1, 2
    vmxon a0, a4
    CHECK a0, NO_VMCS
    li a4, 1 << 56
    vmxon a0, a4
    CHECK a0, NO_VMCS
    sw x0, 0(a1)
    vmxon a0, a1
    CHECK a0, NO_VMCS
    TRAPS BY_HS, ILLEGAL, vmptrst a0
    li t0, REVISION
    sw t0, 0(a1)
    vmxon a0, a1
    CHECK a0, 0
    vmptrst a0
    CHECK a0, NO_VMCS
    TEST 13     # vmcall and vmfunc in root
    TRAPS BY_HS, ILLEGAL, vmcall
    TRAPS BY_HS, ILLEGAL, vmfunc a0, x0, x0
    TEST 14     # from root U all are illegal; vmxon too
    .macro IN_ROOT_U instruction:vararg
    li t6, SSTATUS_SPP
    csrc sstatus, t6
    la t6, 1f
    csrw sepc, t6
    la s0, 2f
    li s1, 0
    sret
1:  \instruction
2:  CHECK_TRAP BY_HS, ILLEGAL
    CHECK_ADDRESS s3, 1b
    .endm
    IN_ROOT_U vmxon a0, a1
    IN_ROOT_U vmxoff a0
    IN_ROOT_U vmclear a0, a2
    IN_ROOT_U vmptrld a0, a2
    IN_ROOT_U vmwrite a0, x0, x0
    IN_ROOT_U vmlaunch a0
    IN_ROOT_U invept a0, a1, a2
    IN_ROOT_U invvpid a0, a1, a2
    IN_ROOT_U vmptrst a0
    IN_ROOT_U vmread a0, x0
    IN_ROOT_U vmresume a0
    IN_ROOT_U vmcall
    IN_ROOT_U vmfunc a0, x0, x0
    TEST 15     # rd = x0 and rd = rs1
    vmptrld x0, a2
    vmptrst a0
    CHECK_SAME a0, a2
    li a0, 0x7ff
    vmread a0, a0
    CHECK a0, 12
    PASS
