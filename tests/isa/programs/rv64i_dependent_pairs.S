# Neighbours of which the second needs the first's result: copies, extensions, stored results; with faults too.
#include "harness.h"
PROGRAM
# Each is tried at both places of an 8-byte block, twice: the second time the code is in the instruction cache.
.macro NEIGHBOURS number, first, second
    TEST \number
    li s11, 2
41: .balign 8
    \first
    \second
    .balign 8
    nop
    mv s10, a0
    \first
    \second
    CHECK_SAME a0, s10
    addi s11, s11, -1
    bnez s11, 41b
.endm
.macro ALL
    li s4, 0x123456789abcdef0
    li s5, 0x55
    la s6, cell
    sd s4, 0(s6)
    NEIGHBOURS 2, "mv a0, s4", "addi a0, a0, 1"         # both write a0: the second's value stays
    CHECK a0, 0x123456789abcdef1
    NEIGHBOURS 3, "li a0, 21", "add a0, a0, a0"
    CHECK a0, 42
    NEIGHBOURS 4, "lui a0, 0x12345", "addi a0, a0, 0x678"
    CHECK a0, 0x12345678
    NEIGHBOURS 5, "lui a0, 0xfffff", "srli a0, a0, 4"
    CHECK a0, 0x0fffffffffffff00
    NEIGHBOURS 6, "slli a0, s4, 32", "srli a0, a0, 30"
    CHECK a0, 0x9abcdef0 << 2
    NEIGHBOURS 7, "slli a0, s4, 48", "srai a0, a0, 48"
    CHECK a0, -0x2110
    NEIGHBOURS 8, "slli a0, s4, 48", "sub a0, a0, s4"
    CHECK a0, 0xdef0000000000000 - 0x123456789abcdef0
    NEIGHBOURS 9, "slli a0, s4, 16", "srli a0, a0, 16"
    CHECK a0, 0x56789abcdef0
    NEIGHBOURS 10, "mv a0, s6", "ld a0, 0(a0)"          # a load's address and its result
    CHECK_SAME a0, s4
    NEIGHBOURS 11, "li a0, 3", "mul a0, a0, a0"
    CHECK a0, 9
    li a0, 0
    li a2, 1
    NEIGHBOURS 12, "mv a2, s5", "bne a2, s5, fail_near"
    NEIGHBOURS 13, "mv x0, s5", "bne x0, zero, fail_near"
    NEIGHBOURS 14, "li a1, 5", "li a1, 7"               # nothing read, both written
    CHECK a1, 7
    TEST 15     # the next pair needs both
    .balign 8
    mv a0, s4
    addi a1, a0, 1
    add a2, a0, a1
    sub a2, a2, a0
    CHECK_SAME a1, a2
    TEST 16     # stored results of all widths, and a result that is also the address
    sd x0, 8(s6)
    .balign 8
    add a1, s4, s5
    sd a1, 8(s6)
    ld a2, 8(s6)
    CHECK a2, 0x123456789abcdf45
    .balign 8
    sub a1, x0, s5
    sb a1, 8(s6)
    .balign 8
    xor a1, s4, s5
    sh a1, 10(s6)
    .balign 8
    addiw a1, s4, 1
    sw a1, 12(s6)
    ld a2, 8(s6)
    CHECK a2, 0x9abcdef1dea5dfab
    .balign 8
    addi a1, s6, 16
    sd a1, 0(a1)
    ld a2, 16(s6)
    CHECK_SAME a1, a2
    .balign 8
    mv a1, s6
    sd a1, 0(a1)
    ld a2, 0(s6)
    CHECK_SAME a1, a2
    sd s4, 0(s6)
    .balign 8
    addi x0, s5, 1
    sd x0, 24(s6)
    ld a2, 24(s6)
    CHECK a2, 0
    TEST 17     # an older load into the register that the pair passes on
    li a0, 0
    .balign 8
    ld a0, 0(s6)
    mv a0, s5
    sd a0, 32(s6)
    ld a2, 32(s6)
    CHECK_SAME a2, s5
    .balign 8
    ld a0, 0(s6)
    slli a0, a0, 32
    srli a0, a0, 32
    CHECK a0, 0x9abcdef0
    TEST 18     # the second faults: the first is done
    li a1, HOLE
    li a0, 1
    ENTER_M
    .balign 8
    mv a0, a1
17: ld a0, 8(a0)
    LEAVE
    CHECK_TRAP BY_M, LOAD_ACCESS
    CHECK_ADDRESS s3, 17b
    CHECK s4, HOLE + 8
    CHECK a0, HOLE
    li a5, 0x55
    ENTER_M
    .balign 8
    addi a5, a5, 1
17: sd a5, 16(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_ACCESS
    CHECK_ADDRESS s3, 17b
    CHECK s4, HOLE + 16
    CHECK a5, 0x56
.endm
.option norvc
    ALL
.option rvc
    ALL
    PASS
fail_near:
    j fail
.data
.align 6
cell: .zero 128
