# The guest's interrupt file and posted interrupts (docs/xvmx.md, section 9).
#include "xvmx.h"
XPROGRAM
    TEST 2      # the file: lowest identity first; a write claims
    SET_FIELD G_EIP0, (1 << 5) | (1 << 63)
    SET_FIELD G_EIP2, 1 << 3
    SET_FIELD G_EIP3, 1 << 63
    GUEST_S
    csrr a0, STOPEI
    csrr a1, sip
    csrw STOPEI, x0
    csrrw a2, STOPEI, x0
    csrrs a3, STOPEI, a0
    csrrwi a4, STOPEI, 1
    csrr a5, STOPEI
    csrr a6, sip
    csrw STOPEI, a0
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, (5 << 16) | 5
    CHECK a1, 0x200
    CHECK a2, (63 << 16) | 63
    CHECK a3, (131 << 16) | 131
    CHECK a4, (255 << 16) | 255
    CHECK a5, 0
    CHECK a6, 0
    .irp field, G_EIP0, G_EIP1, G_EIP2, G_EIP3
    CHECK_FIELD \field, 0
    .endr
    SET_FIELD G_EIP3, 1 << 63   # the last one: SEI is gone at once
    GUEST_S
    csrr a0, sip
    csrw STOPEI, x0
    csrr a1, sip
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, 0x200
    CHECK a1, 0
    SET_FIELD G_EIP2, 1 << 3
    SET_FIELD G_SIE, 0x200
    GUEST_S
    csrr a0, STOPEI
    csrw STOPEI, x0
    csrsi sstatus, 2
    nop
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a0, (131 << 16) | 131
    SET_FIELD G_SIE, 0
    SET_FIELD G_SSTATUS, 0
    TEST 3      # from U it is not there; nor in root
    GUEST_U
1:  csrr a0, STOPEI
    LEAVE_GUEST
    CHECK_GUEST_TRAP ILLEGAL, 1b
    TRAPS BY_HS, ILLEGAL, csrr a0, STOPEI
    TEST 4      # SEI for the guest
    SET_FIELD G_EIP1, 1
    SET_FIELD G_SIE, 0x200
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(SEI), 76b
    CHECK_FIELD G_EIP1, 1
    CHECK_FIELD VIRQ, 0
    TEST 5      # a notification that is pending at entry
    SET_FIELD G_EIP1, 0
    SET_FIELD G_SSTATUS, 0
    SET_FIELD PIN_CTLS, PIN_EXTINT | PIN_POSTED
    SET_FIELD EXIT_CTLS, EXIT_ACK
    SET_FIELD PI_VECTOR, SSI
    SET_FIELD H_SIE, 0x222
    PUT_ADDRESS PI_DESC, descriptor
    la a0, descriptor
    li a1, 0x8000000000000081   # identities 0 (dropped), 7, 63
    sd a1, 0(a0)
    li a1, 0x100
    sd a1, 24(a0)               # identity 200
    li a1, 0x0123456700000003   # ON, SN, and a target
    sd a1, 32(a0)
    li a1, 0x222
    csrw sie, a1
    csrsi sip, 2
    GUEST_S
    csrr a1, STOPEI
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a1, (7 << 16) | 7
    CHECK_FIELD G_EIP0, (1 << 7) | (1 << 63)
    CHECK_FIELD G_EIP3, 0x100
    .irp offset, 0, 8, 16, 24
    ld a1, \offset(a0)
    CHECK a1, 0
    .endr
    ld a1, 32(a0)
    CHECK a1, 0x0123456700000002
    csrr a1, sip
    CHECK a1, 0
    TEST 6      # ... is delivered without an exit; PIR is or-ed in
    SET_FIELD G_EIP0, 1 << 9
    li a1, 1 << 8
    sd a1, 0(a0)
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    csrsi sip, 2
    GUEST_S
    LEAVE_GUEST
    CHECK_GUEST_TRAP INTERRUPT(SEI), 76b
    CHECK_FIELD G_EIP0, (1 << 8) | (1 << 9)
    TEST 7      # one that arrives while the guest runs: M sends it
    SET_FIELD G_EIP0, 0
    SET_FIELD G_EIP3, 0
    SET_FIELD G_SSTATUS, 0
    TO_M
    csrw mie, x0
    li a1, 0x222 | 8
    csrw mie, a1
    TO_S
    la s0, 2f
    li s5, 0
    GUEST_S
    li a1, CLINT_MSIP
    li a2, 1
    sw a2, 0(a1)
1:  csrr a3, STOPEI
    beqz a3, 1b
    LEAVE_GUEST
    j 3f
2:  li a1, CLINT_MSIP
    sw x0, 0(a1)
    li a1, 1 << 17
    la a0, descriptor
    sd a1, 8(a0)
    csrsi mip, 2
    mret
3:  CHECK_EXIT REASON_VMCALL
    CHECK a3, (81 << 16) | 81
    TEST 8      # SEI and STI are no notifications; an interrupt of higher priority exits first
    TO_M
    li a1, 0x222
    csrw mie, a1
    TO_S
    SET_FIELD H_STIMECMP, 0
    csrw stimecmp, x0
    li a1, 0x222
    csrw sie, a1
    csrsi sip, 2
    li a1, 1 << 2
    sd a1, 0(a0)
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_EXTINT, 76b    # SSI comes before STI: posted first
    CHECK_FIELD EXIT_QUAL, EVENT_VALID | STI
    CHECK_FIELD G_EIP0, 1 << 2
    ld a1, 0(a0)
    CHECK a1, 0
    SET_FIELD H_STIMECMP, -1
    li a1, -1
    csrw stimecmp, a1
    TEST 9      # without POSTED it is an exit
    SET_FIELD PIN_CTLS, PIN_EXTINT
    csrsi sip, 2
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_EXTINT, 76b
    CHECK_FIELD EXIT_QUAL, EVENT_VALID | SSI
    TEST 10     # STEP, PREEMPT and INTWIN come before: the notification waits
    SET_FIELD PIN_CTLS, PIN_EXTINT | PIN_POSTED
    SET_FIELD PROC_CTLS, PROC_INTWIN
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    csrsi sip, 2
    GUEST_S
    LEAVE_GUEST
    CHECK_EXIT_BEFORE REASON_INTWIN, 76b
    csrr a1, sip
    CHECK a1, 2
    PASS
    .data
    .balign 64
descriptor:
    .zero 64
