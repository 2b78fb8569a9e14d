# Load-reserved and store-conditional (A chapter, "Zalrsc").
#include "harness.h"
.option norvc
BASIC_PROGRAM
    la s1, cell
    TEST 2      # the plain pair succeeds
    li a1, -5
    sd a1, 0(s1)
    lr.w a0, (s1)
    CHECK a0, -5
    li a2, 0x12345678
1:  lr.w a0, (s1)
    sc.w a3, a2, (s1)
    bnez a3, 1b
    ld a0, 0(s1)
    CHECK a0, 0xffffffff12345678
1:  lr.d a0, (s1)
    sc.d a3, a1, (s1)
    bnez a3, 1b
    ld a0, 0(s1)
    CHECK a0, -5

    TEST 3      # no reservation left after a success
    li a2, 77
    sc.d a3, a2, (s1)
    CHECK a3, 1
    ld a0, 0(s1)
    CHECK a0, -5

    TEST 4      # a failed sc also takes the reservation
    lr.d a0, (s1)
    la a4, other
    sc.d a3, a2, (a4)
    CHECK a3, 1
    sc.d a3, a2, (s1)
    CHECK a3, 1
    ld a0, 0(a4)
    CHECK a0, 9

    TEST 5      # a counter: the loop of the specification
    sd x0, 0(s1)
    li a5, 100
2:  lr.d a0, (s1)
    addi a0, a0, 1
    sc.d a3, a0, (s1)
    bnez a3, 2b
    addi a5, a5, -1
    bnez a5, 2b
    ld a0, 0(s1)
    CHECK a0, 100

    TEST 6      # compare and swap, ordered forms
    li a1, 100
    li a2, 555
3:  lr.d.aqrl a0, (s1)
    bne a0, a1, 4f
    sc.d.rl a3, a2, (s1)
    bnez a3, 3b
4:  ld a0, 0(s1)
    CHECK a0, 555

    TEST 7      # sc with rd = x0 still stores
5:  li a2, 556
    lr.d a0, (s1)
    sc.d x0, a2, (s1)
    ld a0, 0(s1)
    CHECK a0, 556
    PASS
.data
.align 7
cell: .dword 0
.align 7
other: .dword 9
