# Instructions next to one that exits: those before it have their effect, those behind it have none, also where a
# core executes two at a time. (docs/xvmx.md, section 7)
#include "xvmx.h"
XPROGRAM
#define PROBE 0x10000123450
    MAP_AT root, 2, DRAM, PTE_URWX
    SET_EPTP root, 0
    SET_FIELD PROC_CTLS, PROC_EPT
    li a0, PROBE
/* Enter with the pair at an aligned address and at one that is not; a1 counts before, a3 behind, x2 too. */
.macro PAIRED align, instruction:vararg
    li a1, 0
    li a3, 0
    SET_FIELD G_SP, 0x1000
    GUEST_S
    j 1f
    .balign 16
    .if \align
    nop
    .endif
1:  addi a1, a1, 1
    addi a1, a1, 1
    addi sp, sp, 16
2:  \instruction
    addi a3, a3, 1
    addi sp, sp, 1
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EPT_VIOLATION, 2b
    CHECK a1, 2
    CHECK a3, 0
    CHECK_FIELD G_SP, 0x1010
.endm
    TEST 2      # loads and stores that the second stage refuses
    PAIRED 0, ld a2, 0(a0)
    PAIRED 1, ld a2, 0(a0)
    PAIRED 0, sd a1, 0(a0)
    PAIRED 1, sd a1, 0(a0)
    TEST 3      # an exception that exits, with x2 written right before
    SET_FIELD EXCEPTION_BITMAP, 1 << LOAD_ACCESS
    SET_FIELD PROC_CTLS, 0
    li a0, HOLE
    SET_FIELD G_SP, 0x2000
    GUEST_S
    .balign 8
    addi sp, sp, 8
1:  ld a2, 0(a0)
    addi sp, sp, 8
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EXCEPTION, 1b
    CHECK_FIELD G_SP, 0x2008
    TEST 4      # two neighbours that both write x2
    .irp align, 0, 1
    SET_FIELD G_SP, 0x2000
    li a0, 0x3000
    GUEST_S
    j 1f
    .balign 16
    .if \align
    nop
    .endif
1:  mv sp, a0
    addi sp, sp, 8
    vmcall
    LEAVE_GUEST
    CHECK_EXIT REASON_VMCALL
    CHECK_FIELD G_SP, 0x3008
    .endr
    PASS

    .data
    .balign 16384
root:
    .zero 16384
