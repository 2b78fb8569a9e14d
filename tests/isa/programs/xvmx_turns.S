# Two VMCSs in turn: all fields and the record of the last exit go with each (docs/xvmx.md, sections 3 and 4).
#include "xvmx.h"
XPROGRAM
    la a2, vmcs_a
    la a3, vmcs_b
    TEST 2      # the record of an exit
    GUEST_S
1:  ecall
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_ECALL_S, 1b
    vmclear a0, a3
    CHECK a0, 0
    vmptrld a0, a3
    CHECK a0, 0
    .irp field, EXIT_REASON, EXIT_QUAL, EXIT_TVAL, GUEST_LINEAR, GUEST_PHYS, EXIT_INSTR, EXIT_INSTR_LEN, IDT_EVENT
    CHECK_FIELD \field, 0
    .endr
    vmptrld a0, a2
    CHECK a0, 0
    CHECK_EXIT_AT REASON_ECALL_S, 1b
    TEST 3      # ... and its launch state
    vmlaunch a0
    CHECK a0, 4
    vmptrld a0, a3
    vmresume a0
    CHECK a0, 5
    TEST 4      # every field that can be written
/* Field n of the table := (n + 1) * seed; what it holds then goes to a buffer. */
.macro FILL seed, buffer
    la s5, numbers
    la s6, \buffer
    li s8, 0
    li s9, \seed
1:  lhu s10, 0(s5)
    li t0, 0xffff
    beq s10, t0, 2f
    add s8, s8, s9
    vmwrite a0, s10, s8
    CHECK a0, 0
    vmread a1, s10
    sd a1, 0(s6)
    addi s5, s5, 2
    addi s6, s6, 8
    j 1b
2:
.endm
.macro HOLDS buffer
    la s5, numbers
    la s6, \buffer
1:  lhu s10, 0(s5)
    li t0, 0xffff
    beq s10, t0, 2f
    vmread a0, s10
    ld a1, 0(s6)
    CHECK_SAME a0, a1
    addi s5, s5, 2
    addi s6, s6, 8
    j 1b
2:
.endm
    vmptrld a0, a2
    FILL 0x0123456789abcdef, values_a
    vmptrld a0, a3
    FILL 0xfedcba9876543211, values_b
    vmptrld a0, a2
    HOLDS values_a
    vmptrld a0, a3
    HOLDS values_b
    vmclear a0, a3
    CHECK a0, 0
    vmptrld a0, a2
    HOLDS values_a
    vmptrld a0, a3
    HOLDS values_b
    PASS
    .data
    .balign 8
values_a:
    .zero 8 * 64
values_b:
    .zero 8 * 64
numbers:
    .set n, 0
    .rept 15
    .half n
    .set n, n + 1
    .endr
    .set n, 0x200
    .rept 20
    .half n
    .set n, n + 1
    .endr
    .set n, 0x300
    .rept 10
    .half n
    .set n, n + 1
    .endr
    .half 0xffff
