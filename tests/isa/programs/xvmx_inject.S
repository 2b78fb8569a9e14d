# Event injection (docs/xvmx.md, section 6).
#include "xvmx.h"
XPROGRAM
.macro INJECT event, tval
    SET_FIELD ENTRY_EVENT, EVENT_VALID | (\event)
    SET_FIELD ENTRY_TVAL, \tval
.endm
    TEST 2      # every exception that can be, into S
    .irp cause, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15
    INJECT \cause, 0x1230 + \cause
    GUEST_S
1:  nop
    LEAVE_GUEST
    CHECK_GUEST_TRAP \cause, 76b
    CHECK s4, 0x1230 + \cause
    CHECK s7, SSTATUS_UXL | SSTATUS_SPP
    CHECK_FIELD ENTRY_EVENT, \cause
    CHECK_FIELD ENTRY_TVAL, 0x1230 + \cause
    CHECK_FIELD G_SCAUSE, \cause
    .endr

    TEST 3      # into U: SPP = 0; SIE goes to SPIE
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    INJECT BREAKPOINT, 0x55
    GUEST_U
    LEAVE_GUEST
    CHECK_GUEST_TRAP BREAKPOINT, 76b
    CHECK s7, SSTATUS_UXL | SSTATUS_SPIE
    TEST 4      # the next entry injects nothing
    SET_FIELD G_SSTATUS, 0
    GUEST_S
    LEAVE_GUEST
    CHECK_LEFT
    TEST 5      # interrupts; vectored
    la a0, vectors
    ori a0, a0, 1
    PUT_FIELD G_STVEC, a0
    .irp code, SSI, STI, SEI
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    INJECT EVENT_INTERRUPT | \code, 7
    li a5, 0
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(\code), 76b
    CHECK a5, \code
    CHECK s4, 7
    .endr
    INJECT BREAKPOINT, 0
    li a5, 0
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP BREAKPOINT, 76b
    CHECK a5, 99
    TEST 6      # an injected exception does not exit; it is not the guest's own
    PUT_ADDRESS G_STVEC, guest_trap
    SET_FIELD EXCEPTION_BITMAP, -1
    INJECT BREAKPOINT, 0
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP BREAKPOINT, 76b
    SET_FIELD EXCEPTION_BITMAP, 0
    TEST 7      # with a guest that waits: the event wakes it
    SET_FIELD G_ACTIVITY, 1
    INJECT BREAKPOINT, 0
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP BREAKPOINT, 76b
    CHECK_FIELD G_ACTIVITY, 0
    TEST 8      # INTWIN and pending interrupts are looked at after the delivery (SIE is 0 then)
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    SET_FIELD G_SIE, 0x222
    SET_FIELD VIRQ, 0x222
    SET_FIELD PROC_CTLS, PROC_INTWIN
    INJECT LOAD_PAGE, 0x123
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP LOAD_PAGE, 76b
    CHECK s4, 0x123
    PASS
    .balign 4
vectors:
    j 99f
    .set n, 1
    .rept 15
    j 10f + 8 * n
    .set n, n + 1
    .endr
10: nop
    nop
    .set n, 1
    .rept 15
    li a5, n
    j guest_trap
    .set n, n + 1
    .endr
99: li a5, 99
    j guest_trap
