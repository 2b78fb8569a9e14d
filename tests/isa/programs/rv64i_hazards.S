# Results used at distances 1, 2 and 3, from the arithmetic unit, loads, multiplies and divides.
#include "harness.h"
.option norvc
BASIC_PROGRAM
    la s1, cell
.macro DISTANCES number, producer:vararg
    TEST \number
    \producer
    add a1, a0, x0
    add a2, a0, a1
    add a3, a0, a2
    CHECK a1, 42
    CHECK a2, 84
    CHECK a3, 126
    TEST \number + 1
    \producer
    nop
    add a1, a0, a0
    CHECK a1, 84
    TEST \number + 2
    \producer
    sd a0, 8(s1)
    ld a1, 8(s1)
    CHECK a1, 42
    TEST \number + 3    /* the value as an address, and as a branch operand */
    \producer
    add a1, s1, a0
    lbu a2, 0(a1)
    CHECK a2, 0x7b
    \producer
    bne a0, s3, fail_near
    \producer
    beq a0, x0, fail_near
.endm
    li s3, 42
    li s4, 6
    li s5, 7
    li s6, 294
    li a4, 123
    sb a4, 42(s1)
    DISTANCES 2, addi a0, x0, 42
    DISTANCES 10, ld a0, 0(s1)
    DISTANCES 20, lbu a0, 0(s1)
    DISTANCES 30, mul a0, s4, s5
    DISTANCES 40, div a0, s6, s5
    DISTANCES 50, remu a0, s3, s6
    DISTANCES 60, amoor.d a0, x0, (s1)
    DISTANCES 70, lr.d a0, (s1)
    TEST 80     # store then load of overlapping widths
    li a0, 0x1122334455667788
    sd a0, 8(s1)
    lb a1, 8(s1)
    lh a2, 10(s1)
    lwu a3, 12(s1)
    CHECK a1, -0x78
    CHECK a2, 0x5566
    CHECK a3, 0x11223344
    sb x0, 9(s1)
    ld a1, 8(s1)
    CHECK a1, 0x1122334455660088
    TEST 81     # a load's result overwritten by the next instruction
    ld a0, 0(s1)
    li a0, 5
    CHECK a0, 5
    TEST 82     # a divide's result overwritten by the next instruction
    div a0, s6, s5
    li a0, 5
    nop
    nop
    CHECK a0, 5
    TEST 83     # divide and load under way together
    div a0, s6, s5
    ld a1, 0(s1)
    add a2, a0, a1
    CHECK a2, 84
    PASS
fail_near:
    j fail
.data
.align 6
cell: .dword 42
    .zero 120
