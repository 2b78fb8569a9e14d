# Misaligned loads and stores that cross a cache line and a page.
#include "harness.h"
.option norvc
BASIC_PROGRAM
.macro CROSS number, distance
    TEST \number
    la a0, boundary
    li a1, 0x8877665544332211
    sd x0, -8(a0)
    sd x0, 0(a0)
    sd a1, -\distance(a0)
    ld a2, -\distance(a0)
    CHECK_SAME a1, a2
    ld a3, -8(a0)
    li t0, 64 - 8 * \distance
    sll a4, a1, t0
    CHECK_SAME a3, a4
    ld a3, 0(a0)
    li t0, 8 * \distance
    srl a4, a1, t0
    CHECK_SAME a3, a4
    sw a1, -1(a0)
    lw a2, -1(a0)
    CHECK a2, 0x44332211
    lhu a2, -1(a0)
    CHECK a2, 0x2211
    lh a2, 1(a0)
    CHECK a2, 0x4433
    sh a1, -1(a0)
    lbu a2, -1(a0)
    CHECK a2, 0x11
    lbu a2, 0(a0)
    CHECK a2, 0x22
.endm
    CROSS 2, 1
    CROSS 3, 2
    CROSS 4, 3
    CROSS 5, 4
    CROSS 6, 5
    CROSS 7, 6
    CROSS 8, 7
    TEST 9      # across a cache line inside the page
    la a0, line
    li a1, 0x0123456789abcdef
    sd a1, -3(a0)
    ld a2, -3(a0)
    CHECK_SAME a1, a2
    lwu a2, -2(a0)
    CHECK a2, 0x6789abcd
    PASS
.data
.align 12
    .zero 4096 - 64
    .zero 64
boundary:
    .zero 64
line:
    .zero 64
