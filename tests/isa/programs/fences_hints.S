# Fences, pause and hints do nothing that a program can see.
#include "harness.h"
BASIC_PROGRAM
    TEST 2
    li a0, 5
    fence
    fence rw, w
    fence.tso
    .word 0x0100000f    # pause
    .word 0x0ff0000f
    .word 0x0330880f    # fence with non-zero rd and rs1: reserved fields are ignored
    .word 0x0000100f    # fence.i
    CHECK a0, 5
    TEST 3      # hints: x0 as destination
    li a1, 9
    lui x0, 5
    addi x0, a1, 1
    add x0, a1, a1
    sltu x0, a1, a1
    addiw x0, a1, 1
    .half 0x6005        # c.lui x0, 1
    .half 0x0006        # c.slli x0, 1
    .half 0x4005        # c.li x0, 1
    .half 0x802e        # c.mv x0, a1
    .half 0x902e        # c.add x0, a1
    .half 0x0005        # c.nop 1
    mv a2, x0
    CHECK a2, 0
    CHECK a1, 9
    TEST 4
    la a0, cell
    ld x0, 0(a0)
    mv a2, x0
    CHECK a2, 0
    PASS
.data
.align 3
cell: .dword -1
