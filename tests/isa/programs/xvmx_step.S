# STEP: an exit after each instruction and after each event that the guest gets (docs/xvmx.md, section 5).
#include "xvmx.h"
XPROGRAM
    SET_FIELD PROC_CTLS, PROC_STEP
    TEST 2      # one instruction
    li a0, 0
    GUEST_S
    addi a0, a0, 1
1:  addi a0, a0, 1
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, 1b
    CHECK a0, 1
    TEST 3      # a jump, a branch, a compressed instruction
    GUEST_S
    j 1f
    nop
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, 1b
    GUEST_U
    bnez x0, fail
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, 1b
    CHECK_FIELD G_PRIV, 0
    GUEST_S
    .option rvc
    c.li a0, 5
1:  c.nop
    c.nop
    .option norvc
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, 1b
    CHECK a0, 5
    TEST 4      # an instruction that exits does not step
    GUEST_S
1:  vmcall
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_VMCALL, 1b
    SET_FIELD PROC_CTLS, PROC_STEP | PROC_WFI
    GUEST_S
1:  wfi
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_WFI, 1b
    SET_FIELD PROC_CTLS, PROC_STEP
    TEST 5      # an exception of the guest: before the handler's first instruction
    GUEST_S
1:  ebreak
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, guest_trap
    CHECK_FIELD_ADDRESS G_SEPC, 1b
    CHECK_FIELD G_SCAUSE, BREAKPOINT
    CHECK s1, 0
    TEST 6      # ... that exits itself
    SET_FIELD EXCEPTION_BITMAP, 1 << BREAKPOINT
    GUEST_S
1:  ebreak
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EXCEPTION, 1b
    SET_FIELD EXCEPTION_BITMAP, 0
    TEST 7      # an injected event
    SET_FIELD ENTRY_EVENT, EVENT_VALID | BREAKPOINT
    GUEST_S
    nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, guest_trap
    CHECK_FIELD_ADDRESS G_SEPC, 76b
    TEST 8      # an interrupt of the guest
    SET_FIELD VIRQ, 0x200
    SET_FIELD G_SIE, 0x200
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, guest_trap
    CHECK_FIELD_ADDRESS G_SEPC, 76b
    CHECK_FIELD G_SCAUSE, INTERRUPT(SEI)
    TEST 9      # ... does not come between an instruction and its exit
    SET_FIELD G_SSTATUS, 0
    GUEST_S
    csrsi sstatus, 2
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, 1b
    SET_FIELD VIRQ, 0
    SET_FIELD G_SSTATUS, 0
    TEST 10     # STEP comes before PREEMPT, INTWIN and EXTINT; they come before the first instruction
    SET_FIELD PIN_CTLS, PIN_PREEMPT
    SET_FIELD PREEMPT_TIMER, 0
    GUEST_S
    nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_PREEMPT, 76b
    SET_FIELD ENTRY_EVENT, EVENT_VALID | BREAKPOINT
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, guest_trap
    SET_FIELD PIN_CTLS, 0
    SET_FIELD PROC_CTLS, PROC_STEP | PROC_INTWIN
    GUEST_S
    csrsi sstatus, 2
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_STEP, 1b
    GUEST_S
    nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_INTWIN, 76b
    SET_FIELD PROC_CTLS, PROC_STEP
    SET_FIELD G_SSTATUS, 0
    TEST 11     # what goes to M does not count, nor does mret; what follows does
    TO_M
    li a0, 1 << BREAKPOINT
    csrc medeleg, a0
    TO_S
    la s0, 2f
    GUEST_S
1:  ebreak
    nop
    nop
    LEAVE_GUEST
    j 3f
2:  csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    mret
3:  CHECK_EXIT REASON_STEP
    la a0, 1b
    addi a0, a0, 8
    GET_FIELD a1, G_PC
    CHECK_SAME a0, a1
    TEST 12     # a loop under STEP, resumed again and again, ends as it should
    li a0, 0
    li a1, 10
    PUT_ADDRESS G_PC, 10f
    PUT_ADDRESS H_PC, 20f
    li a3, 0
    j 19f
10: addi a0, a0, 1
    bne a0, a1, 10b
    vmcall
20: GET_FIELD a2, EXIT_REASON
    li t0, REASON_VMCALL
    beq a2, t0, 30f
    CHECK a2, REASON_STEP
    addi a3, a3, 1
19: vmresume a2
    j fail
30: CHECK a0, 10
    CHECK a3, 20
    PASS
