# Code written by stores and run after fence.i, in a line already fetched and in a fresh one.
#include "harness.h"
.option norvc
BASIC_PROGRAM
    la s1, slot
    la s2, patterns
    TEST 2
    jalr s1
    CHECK a0, 1
    lw a1, 0(s2)
    sw a1, 0(s1)
    fence.i
    jalr s1
    CHECK a0, 2
    TEST 3
    lw a1, 4(s2)
    sw a1, 0(s1)
    fence.i
    jalr s1
    CHECK a0, 3
    TEST 4      # code copied to data
    la a2, area
    li a1, 0x00c00513   # li a0, 12
    sw a1, 0(a2)
    li a1, 0x00008067   # ret
    sw a1, 4(a2)
    fence.i
    jalr a2
    CHECK a0, 12
    TEST 5      # the instruction right after fence.i
    lw a1, 0(s2)
    la a2, 1f
    sw a1, 0(a2)
    fence.i
1:  li a0, 7
    CHECK a0, 2
    TEST 6      # many times over, in a loop
    li a3, 50
    li a4, 0x00000513   # li a0, 0
2:  slli a1, a3, 20
    or a1, a1, a4
    sw a1, 0(s1)
    fence.i
    jalr s1
    bne a0, a3, 3f
    addi a3, a3, -1
    bnez a3, 2b
    PASS
3:  j fail
slot:
    li a0, 1
    ret
patterns:
    li a0, 2
    li a0, 3
.data
.align 6
area: .zero 64
