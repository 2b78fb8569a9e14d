# Interrupts in the guest: virtual, physical, windows, timers, wfi (docs/xvmx.md, section 5).
#include "xvmx.h"
XPROGRAM
    TEST 2      # VIRQ: seen in sip, taken by priority when sie and SIE allow
    SET_FIELD VIRQ, 0x222
    GUEST_S
    csrr a0, sip
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, 0x222
    SET_FIELD G_SIE, 0x222
    GUEST_S                         # SIE = 0
    nop
    LEAVE_GUEST
    CHECK_LEFT
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    nop
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(SEI), 76b
    CHECK s4, 0
    SET_FIELD VIRQ, 0x022
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    nop
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(SSI), 76b
    SET_FIELD VIRQ, 0x020
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    nop
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(STI), 76b
    CHECK_FIELD VIRQ, 0x020         # stays
    SET_FIELD G_SIE, 0x202
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    nop
    LEAVE_GUEST
    CHECK_LEFT
    TEST 3      # U takes them whatever SIE is
    SET_FIELD G_SIE, 0x222
    SET_FIELD G_SSTATUS, 0
    GUEST_U
    nop
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(STI), 76b
    CHECK s7, SSTATUS_UXL
    TEST 4      # the guest enables them itself: before the next instruction
    SET_FIELD VIRQ, 0x200
    SET_FIELD G_SIE, 0
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    li a0, 0x200
    csrs sie, a0
1:  nop
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(SEI), 1b
    SET_FIELD G_SSTATUS, 0
    GUEST_S
    csrsi sstatus, 2
1:  nop
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(SEI), 1b
    CHECK_FIELD G_SIE, 0x200
    TEST 5      # the guest writes sip.SSIP; the others are not its own
    SET_FIELD VIRQ, 0x202
    SET_FIELD G_SIE, 0
    GUEST_S
    csrci sip, 2
    csrr a0, sip
    csrw sip, x0
    csrr a1, sip
    li a2, -1
    csrw sip, a2
    csrr a3, sip
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, 0x200
    CHECK a1, 0x200
    CHECK a3, 0x202
    CHECK_FIELD VIRQ, 0x202
    csrr a0, sip                    # nothing in root
    CHECK a0, 0
    TEST 6      # VIRQ in root is nothing
    csrw sie, x0
    li a0, 0x222
    csrw sie, a0
    csrsi sstatus, 2
    nop
    csrci sstatus, 2
    csrw sie, x0
    SET_FIELD VIRQ, 0
    TEST 7      # INTWIN: SIE or U, pending or not
    SET_FIELD PROC_CTLS, PROC_INTWIN
    SET_FIELD G_SSTATUS, 0
    GUEST_S
    nop
    csrsi sstatus, 2
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_INTWIN, 1b
    CHECK_FIELD EXIT_QUAL, 0
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_INTWIN, 76b
    SET_FIELD G_SSTATUS, 0
    GUEST_U
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_INTWIN, 76b
    SET_FIELD G_SSTATUS, SSTATUS_SPIE | SSTATUS_SPP
    GUEST_S
    la a0, 1f
    csrw sepc, a0
    sret
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_INTWIN, 1b
    TEST 8      # ... comes before the guest's interrupt
    SET_FIELD VIRQ, 0x200
    SET_FIELD G_SIE, 0x200
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_INTWIN, 76b
    SET_FIELD PROC_CTLS, 0
    SET_FIELD VIRQ, 0
    SET_FIELD G_SIE, 0
    SET_FIELD G_SSTATUS, 0
    TEST 9      # EXTINT: a physical interrupt, enabled by root's sie, exits whatever the guest's SIE and sie
    csrsi sip, 2
    SET_FIELD PIN_CTLS, PIN_EXTINT
    GUEST_S                         # not enabled in sie
    csrr a0, sip
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, 0
    csrsi sie, 2
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_EXTINT, 76b
    CHECK_FIELD EXIT_QUAL, 0
    csrr a0, sip
    CHECK a0, 2
    csrr a0, sie                    # H_SIE
    CHECK a0, 0
    TEST 10     # ... ACK
    csrsi sie, 2
    SET_FIELD EXIT_CTLS, EXIT_ACK
    SET_FIELD H_SIE, 0x222
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_U
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_EXTINT, 76b
    CHECK_FIELD EXIT_QUAL, EVENT_VALID | SSI
    csrr a0, sip
    CHECK a0, 0
    csrr a0, sie
    CHECK a0, 0x222
    TEST 11     # ... STI is a level: it stays; SEI comes before SSI before STI
    csrw stimecmp, x0
    csrsi sip, 2
    SET_FIELD H_STIMECMP, 0
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_EXTINT, 76b
    CHECK_FIELD EXIT_QUAL, EVENT_VALID | SSI
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_EXTINT, 76b
    CHECK_FIELD EXIT_QUAL, EVENT_VALID | STI
    csrr a0, sip
    CHECK a0, 0x20
    TEST 12     # ... INTWIN comes before EXTINT
    SET_FIELD PROC_CTLS, PROC_INTWIN
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_INTWIN, 76b
    SET_FIELD PROC_CTLS, 0
    SET_FIELD H_STIMECMP, -1
    li a0, -1
    csrw stimecmp, a0
    csrw sie, x0
    TEST 13     # without EXTINT the guest takes physical interrupts by its own sie
    SET_FIELD PIN_CTLS, 0
    SET_FIELD EXIT_CTLS, 0
    SET_FIELD H_SIE, 0
    csrsi sip, 2
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    SET_FIELD G_SIE, 0
    GUEST_S
    csrr a0, sip
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, 2
    SET_FIELD G_SIE, 2
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(SSI), 76b
    csrr a0, sip
    CHECK a0, 2
    SET_FIELD G_SSTATUS, 0
    GUEST_S                         # and can clear the software interrupt
    csrci sip, 2
    csrr a0, sip
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, 0
    csrr a0, sip
    CHECK a0, 0
    TEST 14     # ... only what mideleg gives it
    csrsi sip, 2
    TO_M
    li a0, 2
    csrc mideleg, a0
    TO_S
    GUEST_S
    csrr a0, sip
    csrci sip, 2
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, 0
    TO_M
    csrr a0, mip
    CHECK_BITS a0, 2, 2
    csrc mip, a0
    li a0, 0x222
    csrw mideleg, a0
    csrw mip, x0
    TEST 15     # an M-level interrupt goes to M, and the entry stays
    li a0, 8
    csrw mie, a0
    TO_S
    SET_FIELD PROC_CTLS, PROC_INTWIN
    SET_FIELD G_SSTATUS, 0
    li a5, 0
    la s0, 2f
    GUEST_S
    li a0, CLINT_MSIP
    li a1, 1
    sw a1, 0(a0)
1:  addi a5, a5, 1
    beqz a2, 1b
    LEAVE_GUEST
    j 3f
2:  CHECK_TRAP BY_M, INTERRUPT(3)
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV | MSTATUS_GVA, MSTATUS_MPP_S | MSTATUS_MPV
    li a0, CLINT_MSIP
    sw x0, 0(a0)
    li a2, 1
    csrw mie, x0
    mret
3:  CHECK_EXIT REASON_VMCALL
    TEST 16     # S-level interrupts that mideleg does not delegate are M's, EXTINT or not
    TO_M
    li a0, 2
    csrc mideleg, a0
    csrs mip, a0
    TO_S
    SET_FIELD PIN_CTLS, PIN_EXTINT
    SET_FIELD PROC_CTLS, 0
    TO_M
    csrw mie, x0
    TO_S
    GUEST_S
    LEAVE_GUEST
    CHECK_LEFT
    TO_M
    csrw mip, x0
    li a0, 0x222
    csrw mideleg, a0
    TO_S
    TEST 17     # the guest's timer, and its clock
    SET_FIELD G_SIE, 0x222
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    SET_FIELD G_STIMECMP, -1
    GUEST_S
    csrr a0, sip
    csrw stimecmp, x0
1:  j 1b                            # a timer's interrupt may come late
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(STI), 1b
    CHECK a0, 0
    csrr a0, sip                    # the guest's, not root's
    CHECK a0, 0
    csrr a0, stimecmp
    CHECK a0, -1
    CHECK_FIELD G_STIMECMP, 0
    TEST 18     # TIME_OFFSET counts for both
    SET_FIELD G_STIMECMP, 1 << 40
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    SET_FIELD TIME_OFFSET, 1 << 40
    rdtime a3
    GUEST_S
    rdtime a0
    LEAVE_GUEST
    CHECK_LEFT
    srli a0, a0, 40
    CHECK a0, 0
    SET_FIELD PROC_CTLS, PROC_TIMEOFF
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(STI), 76b
    SET_FIELD G_STIMECMP, -1
    GUEST_S
    rdtime a0
    LEAVE_GUEST
    srli a0, a0, 40
    CHECK a0, 1
    rdtime a0                       # root's has none
    srli a0, a0, 40
    CHECK a0, 0
    SET_FIELD PROC_CTLS, 0
    TEST 19     # stimecmp needs mcounteren.TM and menvcfg.STCE
    TO_M
    csrci mcounteren, 2
    TO_S
    GUEST_S
1:  csrr a0, stimecmp
    LEAVE_GUEST
    CHECK_GUEST_TRAP ILLEGAL, 1b
    GUEST_S
1:  rdtime a0
    LEAVE_GUEST
    CHECK_GUEST_TRAP ILLEGAL, 1b
    TO_M
    csrsi mcounteren, 2
    csrw menvcfg, x0
    TO_S
    SET_FIELD G_STIMECMP, 0
    SET_FIELD H_STIMECMP, 0
    GUEST_S
1:  csrr a0, stimecmp
    LEAVE_GUEST
    CHECK_GUEST_TRAP ILLEGAL, 1b
    GUEST_S
    csrr a0, sip
    LEAVE_GUEST
    CHECK a0, 0
    TO_M
    li a0, 1 << 63
    csrw menvcfg, a0
    li a0, -1
    csrw stimecmp, a0
    TO_S
    SET_FIELD G_STIMECMP, -1
    SET_FIELD H_STIMECMP, -1
    TEST 20     # the preemption timer: 0 exits before the first instruction
    SET_FIELD PIN_CTLS, PIN_PREEMPT
    SET_FIELD PREEMPT_TIMER, 0
    SET_FIELD G_SIE, 0
    SET_FIELD G_SSTATUS, 0
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_PREEMPT, 76b
    TEST 21     # ... after the injected event, and before INTWIN and EXTINT
    SET_FIELD ENTRY_EVENT, EVENT_VALID | BREAKPOINT
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_PREEMPT, guest_trap
    CHECK_FIELD_ADDRESS G_SEPC, 76b
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    SET_FIELD PROC_CTLS, PROC_INTWIN
    SET_FIELD PIN_CTLS, PIN_PREEMPT | PIN_EXTINT
    csrsi sie, 2
    csrsi sip, 2
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_PREEMPT, 76b
    csrw sip, x0
    SET_FIELD PROC_CTLS, 0
    TEST 22     # ... ends a loop, and counts ticks of time
    SET_FIELD PREEMPT_TIMER, 30
    SET_FIELD PIN_CTLS, PIN_PREEMPT
    rdtime a3
    GUEST_S
1:  j 1b
    LEAVE_GUEST
    rdtime a4
    CHECK_EXIT_BEFORE REASON_PREEMPT, 1b
    CHECK_FIELD PREEMPT_TIMER, 30   # not saved
    sub a4, a4, a3
    li a5, 30
    bltu a4, a5, fail
    TEST 23     # ... SAVE_PREEMPT
    SET_FIELD EXIT_CTLS, EXIT_SAVE_PREEMPT
    SET_FIELD PREEMPT_TIMER, 5000
    GUEST_S
    LEAVE_GUEST
    CHECK_LEFT
    GET_FIELD a0, PREEMPT_TIMER
    li a1, 5000
    bgtu a0, a1, fail
    li a1, 4000
    bltu a0, a1, fail
    SET_FIELD PREEMPT_TIMER, 3
    GUEST_S
1:  j 1b
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_PREEMPT, 1b
    CHECK_FIELD PREEMPT_TIMER, 0
    TEST 24     # ... also ends a wfi, and a guest that waits
    SET_FIELD PREEMPT_TIMER, 20
    GUEST_S
    wfi
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_PREEMPT, 1b
    CHECK_FIELD G_ACTIVITY, 0
    SET_FIELD PREEMPT_TIMER, 20
    SET_FIELD G_ACTIVITY, 1
    GUEST_S
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_PREEMPT, 76b
    CHECK_FIELD G_ACTIVITY, 0
    TEST 25     # wfi ends with a pending interrupt of the guest that sie enables, SIE or not
    SET_FIELD PIN_CTLS, 0
    SET_FIELD EXIT_CTLS, 0
    SET_FIELD G_SSTATUS, 0
    SET_FIELD G_SIE, 0x200
    SET_FIELD VIRQ, 0x200
    GUEST_S
    wfi
    LEAVE_GUEST
    CHECK_LEFT
    SET_FIELD VIRQ, 0
    SET_FIELD G_SIE, 0x20
    GUEST_S
    rdtime a0
    addi a0, a0, 20
    csrw stimecmp, a0
    wfi
    rdtime a1
    LEAVE_GUEST
    CHECK_LEFT
    bltu a1, a0, fail
    TEST 26     # ... and with an exit that is due: a physical interrupt
    SET_FIELD G_STIMECMP, -1
    SET_FIELD PIN_CTLS, PIN_EXTINT
    rdtime a0
    addi a0, a0, 40
    csrw stimecmp, a0
    li a0, 0x20
    csrw sie, a0
    GUEST_S
    wfi
1:  nop
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_EXTINT, 1b
    TEST 27     # mstatus.TW
    TO_M
    li a0, MSTATUS_TW
    csrs mstatus, a0
    TO_S
    csrw sie, x0
    SET_FIELD VIRQ, 0x200
    SET_FIELD PROC_CTLS, PROC_WFI
    GUEST_S
1:  wfi
    LEAVE_GUEST
    CHECK_GUEST_TRAP ILLEGAL, 1b
    PASS
