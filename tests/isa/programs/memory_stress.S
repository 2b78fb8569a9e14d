# More memory than a small cache holds: patterns written and read back at strides that share cache sets,
# dirty lines that must survive eviction, and code that runs over many lines.
#include "harness.h"
.option norvc
BASIC_PROGRAM
/* Write value(address) over an area with a stride, then check it. */
.macro SWEEP number, bytes, stride
    TEST \number
    la a0, area
    li a1, \bytes
    add a1, a1, a0
    li a2, \stride
    li a5, 0x9e3779b97f4a7c15
1:  mul a3, a0, a5
    sd a3, 0(a0)
    add a0, a0, a2
    bltu a0, a1, 1b
    la a0, area
2:  mul a3, a0, a5
    ld a4, 0(a0)
    bne a3, a4, 3f
    add a0, a0, a2
    bltu a0, a1, 2b
    j 4f
3:  j fail
4:
.endm
    SWEEP 2, 0x10000, 64
    SWEEP 3, 0x40000, 0x1000
    SWEEP 4, 0x40000, 0x400
    SWEEP 5, 0x8000, 8
    TEST 6      # bytes of one line changed while other lines come and go
    la a0, area
    li a1, 64
    li a4, 0
1:  add a2, a0, a4
    sb a4, 0(a2)
    li a3, 0x4000
    add a3, a3, a0
    ld a5, 0(a3)
    li a5, 0x8000
    add a3, a0, a5
    ld a5, 0(a3)
    li a5, 0xc000
    add a3, a0, a5
    sd a4, 0(a3)
    li a5, 0x10000
    add a3, a0, a5
    sd a4, 0(a3)
    li a5, 0x14000
    add a3, a0, a5
    ld a5, 0(a3)
    addi a4, a4, 1
    bltu a4, a1, 1b
    li a4, 0
2:  add a2, a0, a4
    lbu a3, 0(a2)
    bne a3, a4, 3f
    addi a4, a4, 1
    bltu a4, a1, 2b
    j 4f
3:  j fail
4:  TEST 7      # code over 32 KiB, twice
    li a0, 0
    li a6, 2
5:  call long_code
    addi a6, a6, -1
    bnez a6, 5b
    CHECK a0, 2 * 512
    TEST 8      # code written far away and near, evicted from the data cache or not
    la a1, area
    li a2, 0x00150513   # addi a0, a0, 1
    li a3, 0x00008067   # ret
    li a4, 32
6:  sw a2, 0(a1)
    sw a3, 4(a1)
    li a5, 0x1040
    add a1, a1, a5
    addi a4, a4, -1
    bnez a4, 6b
    fence.i
    li a0, 0
    la a1, area
    li a4, 32
7:  jalr a1
    li a5, 0x1040
    add a1, a1, a5
    addi a4, a4, -1
    bnez a4, 7b
    CHECK a0, 32
    PASS
    .balign 64
long_code:
    .rept 512
    addi a0, a0, 1
    j 1f
    .balign 64
1:
    .endr
    ret
.bss
.align 12
area: .zero 0x48000
