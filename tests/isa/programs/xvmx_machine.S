# M mode beneath Xvmx: traps from the guest, mret into it, abandoned entries, MPRV (docs/xvmx.md, section 2).
#include "xvmx.h"
XPROGRAM
    TO_M
    li t0, 1 << ILLEGAL
    csrc medeleg, t0
    TO_S
    TEST 2      # M emulates an instruction of the guest and goes on: no exit, and root's registers are M's view
    SET_FIELD G_SSCRATCH, 0x11
    SET_FIELD G_SSTATUS, SSTATUS_SUM
    li t0, 0x22
    csrw sscratch, t0
    la s0, 2f
    GUEST_S
1:  .word 0xffffffff
    csrr a1, sscratch
    csrr a2, sstatus
    LEAVE_GUEST
    j 3f
2:  CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 1b
    CHECK s4, 0xffffffff
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV | MSTATUS_SUM, MSTATUS_MPP_S | MSTATUS_MPV
    csrr a3, sscratch
    CHECK a3, 0x22
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    mret
3:  CHECK_EXIT REASON_VMCALL
    CHECK a1, 0x11
    CHECK a2, SSTATUS_UXL | SSTATUS_SUM
    TEST 3      # mret may go to the guest's U mode
    la s0, 2f
    GUEST_S
1:  .word 0xffffffff
    nop
    csrr a1, sscratch
    LEAVE_GUEST
    j fail
2:  li t0, MSTATUS_MPP
    csrc mstatus, t0
    la t0, 3f
    csrw mepc, t0
    la s0, 4f
    li s1, 0
    mret
3:  csrr a1, sscratch
4:  CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 3b
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPV
    TEST 4      # to root: the entry is abandoned, and mret cannot get back
    TO_S
    CHECK_FIELD_ADDRESS G_PC, 76b
    CHECK_FIELD G_PRIV, 1
    CHECK_FIELD EXIT_REASON, REASON_VMCALL
    CHECK_FIELD G_SSCRATCH, 0x11
    TO_M
    li t0, MSTATUS_MPV | MSTATUS_MPP_S
    csrs mstatus, t0
    la t0, 1f
    csrw mepc, t0
    mret
1:  vmptrst a0
    CHECK_ADDRESS a0, vmcs_a
    TEST 5      # ... and the VMCS can be entered again
    GUEST_S
    LEAVE_GUEST
    CHECK_LEFT
    TEST 6      # sret from M abandons too
    la s0, 2f
    GUEST_S
1:  .word 0xffffffff
    LEAVE_GUEST
    j fail
2:  li t0, SSTATUS_SPP
    csrs sstatus, t0
    la t0, 3f
    csrw sepc, t0
    sret
3:  vmptrst a0
    CHECK_ADDRESS a0, vmcs_a
    TO_M
    li t0, MSTATUS_MPV | MSTATUS_MPP_S
    csrs mstatus, t0
    la t0, 4f
    csrw mepc, t0
    mret
4:  vmptrst a0
    CHECK_ADDRESS a0, vmcs_a
    TEST 7      # a trap within M while the entry is outstanding does not lose it
    la s0, 2f
    GUEST_S
1:  .word 0xffffffff
    li a1, 0x66
    LEAVE_GUEST
    j 4f
2:  csrr s5, mepc
    csrr s6, mstatus
    la s0, 3f
    li s1, 0
    .word 0xffffffff
3:  addi s5, s5, 4
    csrw mepc, s5
    li t0, MSTATUS_MPP
    csrc mstatus, t0
    csrs mstatus, s6
    mret
4:  CHECK_EXIT REASON_VMCALL
    CHECK a1, 0x66
    TEST 8      # MPRV with MPV: M loads and stores as the guest does, through EPTP
    MAP_AT root, 2, DRAM, PTE_URWX
    MAP root, 0, middle, PTE_TABLE
    MAP middle, 0, leaves, PTE_TABLE
    MAP leaves, 7, page, PTE_URWX
    SET_EPTP root, 0
    SET_FIELD PROC_CTLS, PROC_EPT
    la a0, page
    li a1, 0x5a5a
    sd a1, 0x10(a0)
    TO_M
    li t0, MSTATUS_MPV | MSTATUS_MPP_S | MSTATUS_MPRV
    li a0, 0x7010
    csrs mstatus, t0
    ld a1, 0(a0)
    li t0, MSTATUS_MPRV
    csrc mstatus, t0
    CHECK a1, 0x5a5a
    TO_S
    MAP middle, 64, leaves, PTE_TABLE   # without a current VMCS there is no second stage
    MAP leaves, 0, page, PTE_URWX
    la a0, vmcs_a
    vmclear a1, a0
    CHECK a1, 0
    TO_M
    li t0, MSTATUS_MPV | MSTATUS_MPP_S | MSTATUS_MPRV
    csrs mstatus, t0
    li a0, HOLE
    la s0, 1f
    li s1, 0
    ld a1, 0(a0)
1:  li t0, MSTATUS_MPRV
    csrc mstatus, t0
    CHECK_TRAP BY_M, LOAD_ACCESS
    TO_S
    la a0, vmcs_a
    vmptrld a1, a0
    CHECK a1, 0
    TEST 9      # the guest's ecall from U under medeleg goes where medeleg says
    TO_M
    li t0, 1 << ECALL_U
    csrc medeleg, t0
    TO_S
    SET_FIELD PROC_CTLS, 0
    la s0, 2f
    GUEST_U
1:  ecall
    li a1, 0x77
    LEAVE_GUEST
    j 3f
2:  CHECK_TRAP BY_M, ECALL_U
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPV
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    mret
3:  CHECK_EXIT REASON_VMCALL
    CHECK a1, 0x77
    CHECK_FIELD G_PRIV, 0
    TEST 10     # the preemption timer runs in M; an interrupt of M comes before its exit
    SET_FIELD PIN_CTLS, PIN_PREEMPT
    .macro DELAYED          # a guest whose timer ends while M emulates its first instruction
    SET_FIELD PREEMPT_TIMER, 1000
    la s0, 2f
    GUEST_S
    .word 0xffffffff
1:  .rept 20
    nop
    .endr
    LEAVE_GUEST
    j 4f
2:  rdtime a3
    addi a3, a3, 1200
3:  rdtime a4
    bltu a4, a3, 3b
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    .endm
    DELAYED
    mret
4:  CHECK_EXIT_BEFORE REASON_PREEMPT, 1b
    DELAYED
    li a1, CLINT_MSIP
    li a2, 1
    sw a2, 0(a1)
5:  csrr a2, mip
    andi a2, a2, 8
    beqz a2, 5b
    csrw mie, a2
    la s0, 6f
    li s1, 0
    mret
6:  CHECK_TRAP BY_M, INTERRUPT(3)
    CHECK_ADDRESS s3, 1b
    csrw mie, x0
    li a1, CLINT_MSIP
    sw x0, 0(a1)
    mret
4:  CHECK_EXIT_BEFORE REASON_PREEMPT, 1b
    SET_FIELD PIN_CTLS, 0
    TEST 11     # a change of ARCH ends VMX operation and the entry
    la s0, 2f
    GUEST_S
1:  .word 0xffffffff
    LEAVE_GUEST
    j fail
2:  csrwi MVIRT, ARCH_H
    csrwi MVIRT, ARCH_XVMX
    li t0, MSTATUS_MPV | MSTATUS_MPP_S
    csrs mstatus, t0
    la t0, 3f
    csrw mepc, t0
    la s0, 4f
    li s1, 0
    mret
3:  vmptrst a0
4:  CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 3b
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP_S
    PASS
    .data
    .balign 16384
root:
    .zero 16384
middle:
    .zero 4096
leaves:
    .zero 4096
page:
    .zero 4096
