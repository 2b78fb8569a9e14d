# Exceptions of the guest: to M by medeleg, to the host by EXCEPTION_BITMAP, else to the guest (docs/xvmx.md, section 5).
#include "xvmx.h"
XPROGRAM
    .macro RAISE_BREAKPOINT
1:  ebreak
    .endm
    .macro RAISE_ILLEGAL
1:  .word 0xffffffff
    .endm
    .macro RAISE_LOAD_ACCESS
    li a0, HOLE
1:  ld a1, 0(a0)
    .endm
    .macro RAISE_STORE_ACCESS
    li a0, HOLE
1:  sd a1, 0(a0)
    .endm
    .macro RAISE_STORE_MISALIGNED
    la a0, word + 1
1:  amoadd.w a1, a2, (a0)
    .endm
    .macro RAISE_LOAD_MISALIGNED
    la a0, word + 1
1:  lr.w a1, (a0)
    .endm
    .macro RAISE_ECALL_U
1:  ecall
    .endm
    .macro RAISE_LOAD_PAGE      # with G_SATP = table
    li a0, 0x1000
1:  lw a1, 4(a0)
    .endm
    .macro RAISE_STORE_PAGE
    li a0, 0x2000
1:  sw a1, 8(a0)
    .endm
/* A cause in both ways: the handler of the guest, and an exit. */
.macro BOTH_WAYS enter, raise, cause
    SET_FIELD EXCEPTION_BITMAP, ~(1 << \cause)
    \enter
    \raise
    LEAVE_GUEST
    CHECK_GUEST_TRAP \cause, 1b
    mv s5, s4                   # what stval held
    CHECK_FIELD G_SCAUSE, \cause
    SET_FIELD G_SCAUSE, 0x3f
    SET_FIELD G_SEPC, 0x123450
    SET_FIELD EXCEPTION_BITMAP, 1 << \cause
    \enter
    \raise
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EXCEPTION, 1b
    CHECK_FIELD EXIT_QUAL, \cause
    .if \cause == BREAKPOINT
    CHECK_FIELD_ADDRESS EXIT_TVAL, 1b
    .else
    GET_FIELD a0, EXIT_TVAL
    CHECK_SAME a0, s5
    .endif
    CHECK_FIELD G_SCAUSE, 0x3f  # the guest knows nothing of it
    CHECK_FIELD G_SEPC, 0x123450
    CHECK_FIELD GUEST_LINEAR, 0
    CHECK_FIELD GUEST_PHYS, 0
    CHECK s1, 0
.endm
    TEST 2
    BOTH_WAYS GUEST_S, RAISE_BREAKPOINT, BREAKPOINT
    BOTH_WAYS GUEST_U, RAISE_BREAKPOINT, BREAKPOINT
    TEST 3
    BOTH_WAYS GUEST_S, RAISE_ILLEGAL, ILLEGAL
    CHECK s5, 0xffffffff
    BOTH_WAYS GUEST_U, RAISE_ILLEGAL, ILLEGAL
    TEST 4
    BOTH_WAYS GUEST_S, RAISE_LOAD_ACCESS, LOAD_ACCESS
    CHECK s5, HOLE
    BOTH_WAYS GUEST_S, RAISE_STORE_ACCESS, STORE_ACCESS
    BOTH_WAYS GUEST_S, RAISE_LOAD_MISALIGNED, LOAD_MISALIGNED
    BOTH_WAYS GUEST_S, RAISE_STORE_MISALIGNED, STORE_MISALIGNED
    TEST 5
    BOTH_WAYS GUEST_U, RAISE_ECALL_U, ECALL_U
    CHECK s5, 0
    TEST 6      # page faults of the first stage
    IDENTITY table
    la t5, table
    srli t5, t5, 12
    li t6, SV39
    or t5, t5, t6
    mv a0, t5
    PUT_FIELD G_SATP, a0
    BOTH_WAYS GUEST_S, RAISE_LOAD_PAGE, LOAD_PAGE
    CHECK s5, 0x1004
    BOTH_WAYS GUEST_S, RAISE_STORE_PAGE, STORE_PAGE
    CHECK s5, 0x2008
    TEST 7      # a fetch: no instruction
    SET_FIELD EXCEPTION_BITMAP, 1 << FETCH_PAGE
    GUEST_S
    li a0, 0x5000
    jr a0
    LEAVE_GUEST
    CHECK_EXIT REASON_EXCEPTION
    CHECK_FIELD EXIT_QUAL, FETCH_PAGE
    CHECK_FIELD EXIT_TVAL, 0x5000
    CHECK_FIELD G_PC, 0x5000
    CHECK_FIELD EXIT_INSTR, 0
    CHECK_FIELD EXIT_INSTR_LEN, 0
    SET_FIELD G_SATP, 0
    TEST 8      # ecall from S is no exception to anyone
    SET_FIELD EXCEPTION_BITMAP, 0
    GUEST_S
1:  ecall
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_ECALL_S, 1b
    TEST 9      # medeleg comes first
    TO_M
    li a0, 1 << BREAKPOINT
    csrc medeleg, a0
    TO_S
    SET_FIELD EXCEPTION_BITMAP, -1
    SET_FIELD EXIT_CTLS, 0
    la s0, 2f
    li a5, 0
    GUEST_S
1:  ebreak
    addi a5, a5, 1
    LEAVE_GUEST
    j 3f
2:  CHECK_TRAP BY_M, BREAKPOINT     # in M
    CHECK_ADDRESS s3, 1b
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV | MSTATUS_GVA, MSTATUS_MPP_S | MSTATUS_MPV | MSTATUS_GVA
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    mret                            # back to the guest
3:  CHECK_EXIT REASON_VMCALL
    CHECK a5, 1
    TEST 10     # ... ecall from S nevertheless exits, from U not
    TO_M
    csrw medeleg, x0
    TO_S
    GUEST_S
1:  ecall
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_ECALL_S, 1b
    la s0, 2f
    GUEST_U
1:  ecall
    LEAVE_GUEST
    j fail
2:  CHECK_TRAP BY_M, ECALL_U
    CHECK_ADDRESS s3, 1b
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPV
    TEST 11     # bits without a meaning have none; a bitmap of ones exits for what there is
    li t0, 0xb1ff
    csrw medeleg, t0
    TO_S
    SET_FIELD EXCEPTION_BITMAP, -1
    GUEST_U
1:  ecall
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EXCEPTION, 1b
    CHECK_FIELD EXIT_QUAL, ECALL_U
    TEST 12     # the guest's handler, vectored mode: exceptions go to the base
    SET_FIELD EXCEPTION_BITMAP, 0
    la a0, guest_trap
    ori a0, a0, 1
    PUT_FIELD G_STVEC, a0
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    GUEST_U
1:  ebreak
    LEAVE_GUEST
    CHECK_GUEST_TRAP BREAKPOINT, 1b
    CHECK s7, SSTATUS_UXL | SSTATUS_SPIE
    GUEST_S
1:  ebreak
    LEAVE_GUEST
    CHECK_GUEST_TRAP BREAKPOINT, 1b
    CHECK s7, SSTATUS_UXL | SSTATUS_SPP
    PASS
    .data
    .balign 4096
table:
    .zero 4096
word:
    .zero 16
