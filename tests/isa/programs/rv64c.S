# Every instruction of RV64C without F and D, and 4-byte instructions at 2-byte alignment.
#include "harness.h"
BASIC_PROGRAM
.option rvc
.option norelax
    la sp, area
    TEST 2
    .option push
    .option rvc
    c.li a0, -32
    CHECK a0, -32
    c.li a0, 31
    c.addi a0, -5
    CHECK a0, 26
    c.addi a0, 31
    c.nop
    CHECK a0, 57
    TEST 3
    c.lui a0, 1
    CHECK a0, 0x1000
    c.lui a0, 0xfffe0
    CHECK a0, -0x20000
    li a0, 0x7fffffff
    c.addiw a0, 1
    CHECK a0, -0x80000000
    li a0, 0x1ffffffff
    c.addiw a0, 0
    CHECK a0, -1
    TEST 4
    mv s1, sp
    c.addi16sp sp, 496
    sub a0, sp, s1
    CHECK a0, 496
    c.addi16sp sp, -512
    sub a0, sp, s1
    CHECK a0, -16
    c.addi16sp sp, 16
    c.addi4spn a0, sp, 1020
    sub a0, a0, sp
    CHECK a0, 1020
    c.addi4spn a0, sp, 4
    sub a0, a0, sp
    CHECK a0, 4
    TEST 5
    li a0, 3
    c.slli a0, 40
    CHECK a0, 3 << 40
    li a0, -256
    c.srli a0, 60
    CHECK a0, 15
    li a0, -256
    c.srai a0, 4
    CHECK a0, -16
    li a0, -256
    c.srai a0, 63
    CHECK a0, -1
    li a0, 0x7f
    c.andi a0, -16
    CHECK a0, 0x70
    c.andi a0, 31
    CHECK a0, 0x10
    TEST 6
    li a0, 12
    li a1, 10
    c.sub a0, a1
    CHECK a0, 2
    c.xor a0, a1
    CHECK a0, 8
    c.or a0, a1
    CHECK a0, 10
    c.and a0, a1
    CHECK a0, 10
    li a0, 0x7fffffff
    c.addw a0, a1
    CHECK a0, -0x7ffffff7
    c.subw a0, a1
    CHECK a0, 0x7fffffff
    c.mv s7, a1
    c.add s7, a0
    CHECK s7, 0x80000009
    TEST 7
    li a0, 0x8000000180000002
    mv s1, sp
    c.sd a0, 248(s1)
    c.ld a1, 248(s1)
    CHECK_SAME a0, a1
    c.lw a1, 124(s1)
    CHECK a1, 0
    c.lw a1, 124(s1)
    c.sw a0, 124(s1)
    c.lw a1, 124(s1)
    CHECK a1, -0x7ffffffe
    c.sdsp a0, 504(sp)
    c.ldsp t2, 504(sp)
    CHECK_SAME a0, t2
    c.swsp a0, 252(sp)
    c.lwsp t2, 252(sp)
    CHECK t2, -0x7ffffffe
    ld t2, 248(sp)
    CHECK t2, 0x8000000280000002
    TEST 8
    c.j 1f
2:  c.j 3f
1:  c.j 2b
3:  li a0, 0
    c.beqz a0, 4f
    j fail
4:  c.bnez a0, 5f
    c.li a0, 1
    c.bnez a0, 6f
5:  j fail
6:  c.beqz a0, 5b
    TEST 9
    la s7, 7f
    c.jr s7
    j fail
    .balign 4
    c.nop
7:  la s7, 8f
    .balign 4
9:  c.jalr s7
    j fail
8:  la a0, 9b + 2
    CHECK_SAME ra, a0
    TEST 10     # 4-byte instructions at 2-byte alignment, also across a cache line
    .balign 64
    .rept 31
    c.nop
    .endr
    .option norvc
    li a0, 0x123
    .option rvc
    CHECK a0, 0x123
    .balign 64
    c.nop
    .option norvc
    .rept 40
    addi a0, a0, 1
    .endr
    .option rvc
    CHECK a0, 0x123 + 40
    TEST 11     # across a page
    la a0, crossing
    jalr a0
    CHECK a0, 99
    TEST 12     # backward branches to 2-byte aligned 4-byte instructions
    li a0, 10
    li a1, 0
    .balign 4
    c.nop
    .option norvc
1:  addi a1, a1, 3
    .option rvc
    c.addi a0, -1
    c.bnez a0, 1b
    CHECK a1, 30
    .option pop
    PASS
    .section .text.crossing, "ax"
    .balign 4096
    .zero 4096 - 2 - 8
    .option norvc
crossing:
    li a0, 90
    addi a0, a0, 2
    .option rvc
    addi a0, a0, 3
    .option norvc
    addi a0, a0, 4
    ret
    .data
    .align 6
area: .zero 2048
