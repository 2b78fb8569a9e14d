# VMX aborts: memory fails under hardware's hands (docs/xvmx.md, section 8).
#include "xvmx.h"
XPROGRAM
#define LOCKED 0x99             /* a page that S may not touch: NAPOT, no permissions */
/* The instruction aborts in root S: mtval is the page. */
.macro ABORTS address, instruction:vararg
    la s0, 74f
    li s1, 0
73: \instruction
74: CHECK_TRAP BY_M, VMX_ABORT
    CHECK_ADDRESS s3, 73b
    CHECK s4, \address
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP_S
    TO_S
.endm
/* PMP: entry 0 keeps S from the page at label; entry 1 allows the rest. */
.macro FORBID label
    TO_M
    la t0, \label
    srli t0, t0, 2
    ori t0, t0, 0x1ff
    csrw pmpaddr0, t0
    li t0, -1
    csrw pmpaddr1, t0
    li t0, 0x1f18
    csrw pmpcfg0, t0
    TO_S
.endm
.macro ALLOW
    TO_M
    li t0, 0x1f1f
    csrw pmpcfg0, t0
    TO_S
.endm
    la a1, vmxon_region
    la a2, vmcs_a
    la a3, vmcs_b
    TEST 2      # vmptrld of what is no memory
    li a4, HOLE
    vmptrst a0
    CHECK_SAME a0, a2
    ABORTS HOLE, vmptrld a0, a4
    vmptrst a0                  # there is no current VMCS any more
    CHECK a0, NO_VMCS
    lwu a0, 4(a2)
    CHECK a0, 2                 # and the one that was says why
    TEST 3      # a device is no memory either
    sw x0, 4(a2)
    li a4, 0x10000000
    ABORTS 0x10000000, vmptrld a0, a4
    lwu a0, 4(a2)
    CHECK a0, 0                 # there was none
    li a4, 0x55555555555000
    ABORTS 0x55555555555000, vmptrld a0, a4
    TEST 4      # vmclear
    li a4, HOLE + 0x1000
    vmptrld a0, a2
    CHECK a0, 0
    ABORTS HOLE + 0x1000, vmclear a0, a4
    vmptrst a0
    CHECK a0, NO_VMCS
    lwu a0, 4(a2)
    CHECK a0, 1
    sw x0, 4(a2)
    TEST 5      # the PMP: loads
    FORBID vmcs_b
    vmptrld a0, a2
    CHECK a0, 0
    la s5, vmcs_b
    la s0, 74f
    li s1, 0
73: vmptrld a0, a3
74: CHECK_TRAP BY_M, VMX_ABORT
    CHECK_ADDRESS s3, 73b
    CHECK_SAME s4, a3
    TO_S
    vmptrst a0
    CHECK a0, NO_VMCS
    lwu a0, 4(a2)
    CHECK a0, 2
    TEST 6      # ... write-back; the indicator cannot be written
    ALLOW
    sw x0, 4(a2)
    sw x0, 4(a3)
    vmptrld a0, a3
    CHECK a0, 0
    SET_FIELD PIN_CTLS, 0x5
    FORBID vmcs_b
    la s0, 74f
    li s1, 0
73: vmptrld a0, a2
74: CHECK_TRAP BY_M, VMX_ABORT
    CHECK_SAME s4, a3
    TO_S
    vmptrst a0
    CHECK a0, NO_VMCS
    ALLOW
    lwu a0, 4(a3)
    CHECK a0, 0
    ld a0, 16(a3)
    CHECK a0, 0
    vmptrld a0, a3
    CHECK a0, 0
    FORBID vmcs_b
    la s0, 74f
    li s1, 0
73: vmclear a0, a3
74: CHECK_TRAP BY_M, VMX_ABORT
    TO_S
    ALLOW
    TEST 7      # vmxon
    vmxoff a0
    li a4, HOLE
    ABORTS HOLE, vmxon a0, a4
    TRAPS BY_HS, ILLEGAL, vmptrst a0
    vmxon a0, a1
    CHECK a0, 0
    TEST 8      # the CSR bitmap: from the guest
    vmptrld a0, a2
    CHECK a0, 0
    jal fresh_vmcs
    SET_FIELD PROC_CTLS, PROC_CSRBM
    SET_FIELD CSR_BITMAP, HOLE
    GUEST_U                     # no register, no bitmap
    LEAVE_GUEST
    CHECK_LEFT
    la s0, 2f
    SET_FIELD G_SSCRATCH, 5
    GUEST_S
1:  csrrw a5, sscratch, a1
    LEAVE_GUEST
    j fail
2:  CHECK_TRAP BY_M, VMX_ABORT
    CHECK_ADDRESS s3, 1b
    CHECK s4, HOLE
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP_S | MSTATUS_MPV
    la t0, 3f                   # the entry is not outstanding: mret goes to root
    csrw mepc, t0
    mret
3:  vmptrst a0
    CHECK a0, NO_VMCS
    lwu a0, 4(a2)
    CHECK a0, 3
    TEST 9      # the EPTP list
    vmclear a0, a2
    vmptrld a0, a2
    jal fresh_vmcs
    MAP_AT table, 2, DRAM, PTE_URWX
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_VMFUNC
    SET_EPTP table, 0
    SET_FIELD EPTP_LIST, HOLE
    la s0, 2f
    GUEST_S
1:  vmfunc a0, x0, x0
    LEAVE_GUEST
    j fail
2:  CHECK_TRAP BY_M, VMX_ABORT
    CHECK_ADDRESS s3, 1b
    CHECK s4, HOLE
    TO_S
    lwu a0, 4(a2)
    CHECK a0, 4
    sw x0, 4(a2)
    vmptrld a0, a2
    CHECK a0, 0
    jal fresh_vmcs
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_VMFUNC
    SET_EPTP table, 0
    SET_FIELD EPTP_LIST, HOLE
    la s0, 2f
    GUEST_U
1:  vmfunc a0, x0, x0
    LEAVE_GUEST
    j fail
2:  CHECK_TRAP BY_M, VMX_ABORT
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPV
    TO_S
    lwu a0, 4(a2)
    CHECK a0, 4
    TEST 10     # the posted-interrupt descriptor: the notification stays
    vmclear a0, a2
    vmptrld a0, a2
    jal fresh_vmcs
    SET_FIELD PIN_CTLS, PIN_EXTINT | PIN_POSTED
    SET_FIELD EXIT_CTLS, EXIT_ACK
    SET_FIELD PI_VECTOR, SSI
    SET_FIELD PI_DESC, HOLE + 0x40
    csrsi sie, 2
    csrsi sip, 2
    la s0, 2f
    GUEST_S
    LEAVE_GUEST
    j fail
2:  CHECK_TRAP BY_M, VMX_ABORT
    CHECK_ADDRESS s3, 76b
    CHECK s4, HOLE
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP_S | MSTATUS_MPV
    csrr a0, mip
    CHECK_BITS a0, 2, 2
    csrw mip, x0
    csrw mie, x0
    TO_S
    lwu a0, 4(a2)
    CHECK a0, 5
    # ... also if that next instruction would be executed together with the one behind it
    vmclear a0, a2
    vmptrld a0, a2
    jal fresh_vmcs
    SET_FIELD PIN_CTLS, PIN_EXTINT | PIN_POSTED
    SET_FIELD EXIT_CTLS, EXIT_ACK
    SET_FIELD PI_VECTOR, SSI
    SET_FIELD PI_DESC, HOLE + 0x40
    csrsi sie, 2
    csrsi sip, 2
    la s0, 2f
    li a5, 0
    li a6, 0
    PUT_ADDRESS G_PC, 76f
    PUT_ADDRESS H_PC, 77f
    RESUME
    j 77f
    .option push
    .option norvc
    .balign 64
76: addi a5, a5, 1
    bnez a6, fail
    addi a6, a6, 1
    .option pop
    LEAVE_GUEST
    j fail
2:  CHECK_TRAP BY_M, VMX_ABORT
    CHECK_ADDRESS s3, 76b
    CHECK a5, 0
    CHECK a6, 0
    csrw mip, x0
    csrw mie, x0
    TO_S
    TEST 11     # a transition needs no memory: with the current VMCS out of reach it goes on
    vmclear a0, a2
    vmptrld a0, a2
    jal fresh_vmcs
    SET_FIELD G_SSCRATCH, 0x123
    FORBID vmcs_a
    GUEST_S
    csrr a5, sscratch
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a5, 0x123
    TEST 12     # medeleg cannot delegate it
    TO_M
    li a0, -1
    csrw medeleg, a0
    csrr a0, medeleg
    srli a0, a0, 24
    CHECK a0, 0
    PASS
    .data
    .balign 16384
table:
    .zero 16384
