# Jumps: link values, targets, the cleared lowest bit of jalr, return sequences.
#include "harness.h"
.option norvc
BASIC_PROGRAM
    TEST 2
    jal a0, 1f
    j fail
1:  la a1, 1b - 4
    CHECK_SAME a0, a1

    TEST 3
    la a2, 2f
    jalr a0, a2, 0
    j fail
2:  la a1, 2b - 4
    CHECK_SAME a0, a1

    TEST 4      # rd = rs1: the target is read before the link is written
    la a0, 3f
    jalr a0, a0, 0
    j fail
3:  la a1, 3b - 4
    CHECK_SAME a0, a1

    TEST 5      # the target's lowest bit is cleared
    la a0, 4f
    jalr a1, 1(a0)
    j fail
4:
    TEST 6      # negative offset
    la a0, 5f + 16
    jalr a1, -16(a0)
    j fail
5:
    TEST 7      # backward jal, x0 link
    li a0, 0
    j 7f
6:  addi a0, a0, 1
    j 8f
7:  j 6b
8:  CHECK a0, 1

    TEST 8      # nested calls
    li a0, 6
    call factorial
    CHECK a0, 720

    TEST 9      # jump to a target computed by the instruction before
    la a0, 9f
    addi a0, a0, -4
    addi a0, a0, 4
    jr a0
    j fail
9:
    PASS

factorial:
    la sp, stack_top
factorial_step:
    addi sp, sp, -16
    sd ra, 0(sp)
    sd a0, 8(sp)
    addi a0, a0, -1
    blez a0, 1f
    jal factorial_step
    ld a1, 8(sp)
    mul a0, a0, a1
    j 2f
1:  li a0, 1
2:  ld ra, 0(sp)
    addi sp, sp, 16
    ret
.data
    .zero 512
stack_top:
