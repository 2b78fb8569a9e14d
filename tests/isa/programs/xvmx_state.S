# What the transitions switch: the guest's registers, root's, and what is shared (docs/xvmx.md, sections 6 and 7).
#include "xvmx.h"
XPROGRAM
    TEST 2      # the guest group comes in
    SET_FIELD G_SP, 0x1001
    SET_FIELD G_SSTATUS, SSTATUS_SUM | SSTATUS_SPP
    SET_FIELD G_SIE, 0x220
    SET_FIELD G_STVEC, 0x2000
    SET_FIELD G_SSCRATCH, 0x3003
    SET_FIELD G_SEPC, 0x4004
    SET_FIELD G_SCAUSE, 5
    SET_FIELD G_STVAL, 0x6006
    SET_FIELD G_SCOUNTEREN, 0x123
    SET_FIELD G_SENVCFG, 1
    SET_FIELD G_STIMECMP, 0x7007007007007
    /* ... the host group, and what root has now */
    SET_FIELD H_SP, 0x9001
    SET_FIELD H_SSTATUS, SSTATUS_MXR | SSTATUS_SIE | SSTATUS_SPP
    SET_FIELD H_SIE, 0x202
    SET_FIELD H_SSCRATCH, 0x9003
    SET_FIELD H_SCOUNTEREN, 0x456
    SET_FIELD H_SENVCFG, 0
    SET_FIELD H_STIMECMP, 0x9007007007007
    li sp, 0xa001
    li t0, 0xa003
    csrw sscratch, t0
    li t0, 0xa004
    csrw sepc, t0
    li t0, 0x3a
    csrw scause, t0
    li t0, 0xa006
    csrw stval, t0
    csrwi senvcfg, 1
    li t0, 0x7ff
    csrw scounteren, t0
    csrw sie, x0
    GUEST_S
    mv a0, sp
    csrr a1, sstatus
    csrr a2, sie
    csrr a3, stvec
    csrr a4, sscratch
    csrr a5, sepc
    csrr a6, scause
    csrr s8, stval
    csrr s9, scounteren
    csrr s10, senvcfg
    csrr s11, stimecmp
    csrr s6, satp
    csrr s5, sip
    LEAVE_GUEST
    mv t0, sp
    csrr t1, sstatus
    csrr t2, sie
    csrr t3, sscratch
    CHECK_LEFT
    CHECK a0, 0x1001
    CHECK a1, SSTATUS_UXL | SSTATUS_SUM | SSTATUS_SPP
    CHECK a2, 0x220
    CHECK a3, 0x2000
    CHECK a4, 0x3003
    CHECK a5, 0x4004
    CHECK a6, 5
    CHECK s8, 0x6006
    CHECK s9, 0x123
    CHECK s10, 1
    CHECK s11, 0x7007007007007
    CHECK s6, 0
    CHECK s5, 0
    TEST 3      # the host group after the exit: interrupts off
    CHECK t0, 0x9001
    CHECK t1, SSTATUS_UXL | SSTATUS_MXR | SSTATUS_SPP
    CHECK t2, 0x202
    CHECK t3, 0x9003
    csrr a0, scounteren
    CHECK a0, 0x456
    csrr a0, senvcfg
    CHECK a0, 0
    csrr a0, stimecmp
    CHECK a0, 0x9007007007007
    csrr a0, satp
    CHECK a0, 0
    csrr a0, stvec
    CHECK_ADDRESS a0, root_trap
    CHECK_FIELD H_SSTATUS, SSTATUS_UXL | SSTATUS_MXR | SSTATUS_SIE | SSTATUS_SPP
    TEST 4      # root's sepc, scause, stval are its own
    csrr a0, sepc
    CHECK a0, 0xa004
    csrr a0, scause
    CHECK a0, 0x3a
    csrr a0, stval
    CHECK a0, 0xa006
    TEST 5      # what the guest writes is saved
    SET_FIELD H_SCOUNTEREN, 7
    GUEST_S
    li sp, 0xb001
    li t0, SSTATUS_MXR
    csrw sstatus, t0
    li t0, 0x200
    csrw sie, t0
    li t0, 0xb000
    csrw stvec, t0
    csrwi sscratch, 1
    csrwi sepc, 2
    csrwi scause, 3
    csrwi stval, 4
    csrwi scounteren, 5
    csrwi senvcfg, 0
    csrwi stimecmp, 31
    LEAVE_GUEST
    CHECK_LEFT
    CHECK_FIELD G_SP, 0xb001
    CHECK_FIELD G_SSTATUS, SSTATUS_UXL | SSTATUS_MXR
    CHECK_FIELD G_SIE, 0x200
    CHECK_FIELD G_STVEC, 0xb000
    csrr a0, sscratch
    CHECK a0, 0x9003
    CHECK_FIELD G_SSCRATCH, 1
    CHECK_FIELD G_SEPC, 2
    CHECK_FIELD G_SCAUSE, 3
    CHECK_FIELD G_STVAL, 4
    CHECK_FIELD G_SCOUNTEREN, 5
    CHECK_FIELD G_SENVCFG, 0
    CHECK_FIELD G_STIMECMP, 31
    CHECK_FIELD G_PRIV, 1
    SET_FIELD G_STIMECMP, -1
    PUT_ADDRESS G_STVEC, guest_trap
    TEST 6      # sie of the host: only what mideleg delegates
    TO_M
    li a0, 0x200
    csrw mideleg, a0
    li a0, 0xa8a
    csrw mie, a0
    TO_S
    SET_FIELD H_SIE, 0x020
    GUEST_S
    LEAVE_GUEST
    CHECK_LEFT
    TO_M
    csrr a0, mie
    CHECK a0, 0x88a
    csrw mie, x0
    li a0, 0x222
    csrw mideleg, a0
    TO_S
    TEST 7      # satp of both
    IDENTITY host_table
    IDENTITY guest_table
    SET_FIELD H_STIMECMP, -1
    la a0, host_table
    srli a0, a0, 12
    li a1, SV39 | (3 << 44)
    or a0, a0, a1
    PUT_FIELD H_SATP, a0
    la a1, guest_table
    srli a1, a1, 12
    li a2, SV39 | (5 << 44)
    or a1, a1, a2
    PUT_FIELD G_SATP, a1
    GUEST_S
    csrr a2, satp
    LEAVE_GUEST
    csrr a3, satp
    CHECK_LEFT
    CHECK_SAME a2, a1
    CHECK_SAME a3, a0
    GUEST_S
    csrw satp, x0
    li a2, 5 << 60          /* not supported: no effect */
    csrw satp, a2
    csrr a2, satp
    LEAVE_GUEST
    CHECK a2, 0
    CHECK_FIELD G_SATP, 0
    csrw satp, x0
    SET_FIELD H_SATP, 0
    TEST 8      # a reservation does not get through an exit, nor through an entry
    la a0, word
    GUEST_S
    lr.d a1, (a0)
    LEAVE_GUEST
    sc.d a2, a1, (a0)
    CHECK a2, 1
    lr.d a1, (a0)
    GUEST_S
    sc.d a2, a1, (a0)
    LEAVE_GUEST
    CHECK a2, 1
    lr.d a1, (a0)
    sc.d a2, a1, (a0)
    CHECK a2, 0
    TEST 9      # rd of a successful entry stays; x2 as rd is the guest's
    SET_FIELD G_SP, 0x7777
    PUT_ADDRESS G_PC, 1f
    PUT_ADDRESS H_PC, 2f
    li a0, 0x1234
    vmresume a0
    j fail
1:  mv a1, sp
    vmcall
2:  CHECK a0, 0x1234
    CHECK a1, 0x7777
    PUT_ADDRESS G_PC, 1f
    PUT_ADDRESS H_PC, 2f
    vmresume sp
    j fail
1:  mv a1, sp
    vmcall
2:  CHECK a1, 0x7777
    TEST 10     # two VMCSs in turn: each keeps its own
    .macro USE vmcs
    la t0, \vmcs
    vmptrld t1, t0
    CHECK t1, 0
    .endm
    USE vmcs_b
    jal fresh_vmcs
    SET_FIELD G_SSCRATCH, 0xb
    SET_FIELD G_SP, 0xbb
    SET_FIELD H_SP, 0xbbb
    PUT_ADDRESS H_PC, 2f
    PUT_ADDRESS G_PC, 1f
    USE vmcs_a
    SET_FIELD G_SSCRATCH, 0xa
    SET_FIELD G_SP, 0xaa
    SET_FIELD H_SP, 0xaaa
    PUT_ADDRESS H_PC, 2f
    PUT_ADDRESS G_PC, 1f
    li a0, 0
    li a3, 0
    vmresume a1             # vmcs_a has been launched
    j fail
1:  csrr a2, sscratch       # the guest
    addi a2, a2, 0x100
    csrw sscratch, a2
    addi sp, sp, 1
    vmcall
2:  addi a0, a0, 1
    mv a4, sp
    PUT_ADDRESS G_PC, 1b
    li t0, 3
    bgeu a0, t0, 3f
    li t0, 1
    bne a0, t0, 4f
    CHECK a4, 0xaaa
    CHECK a2, 0x10a
    USE vmcs_b
    vmlaunch a1             # and vmcs_b has not
    j fail
4:  CHECK a4, 0xbbb
    CHECK a2, 0x10b
    CHECK_FIELD G_SP, 0xbc
    USE vmcs_a
    CHECK_FIELD G_SP, 0xab
    CHECK_FIELD G_SSCRATCH, 0x10a
    CHECK_FIELD EXIT_REASON, REASON_VMCALL
    vmresume a1
    j fail
3:  CHECK a2, 0x20a
    CHECK a4, 0xaaa
    CHECK_FIELD G_SP, 0xac
    USE vmcs_b
    CHECK_FIELD G_SSCRATCH, 0x10b
    vmlaunch a1
    CHECK a1, 4
    la t0, vmcs_a
    ld a0, 8(t0)            # launched, in memory
    CHECK a0, 1
    PASS
    .data
    .balign 8
word:
    .dword 0
    .balign 4096
host_table:
    .zero 4096
guest_table:
    .zero 4096
