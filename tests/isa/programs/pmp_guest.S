# PMP under two-stage translation: final accesses, tables of both stages, HLV; always access faults.
#include "harness.h"
#include "paging.h"
#define NAPOT 0x18
#define OPEN (0x1f << 8)
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_URWX
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    li a0, -1
    csrw pmpaddr1, a0
    li a1, 5 * PAGE
.macro CLOSE symbol, rights
    la a0, \symbol
    srli a0, a0, 2
    ori a0, a0, 0x1ff
    csrw pmpaddr0, a0
    li a0, OPEN | NAPOT | \rights
    csrw pmpcfg0, a0
    FENCES
.endm
.macro DOES mode, cause, instruction:vararg
    \mode
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, \cause
.endm
    TEST 2      # the page itself
    CLOSE page_a, 0
    DOES ENTER_VS, LOAD_ACCESS, ld a2, 8(a1)
    CHECK_ADDRESS s3, 1b
    CHECK s4, 5 * PAGE + 8
    CHECK s5, 0
    CHECK_NO_TINST
    CHECK_BITS s7, MSTATUS_GVA | MSTATUS_MPV, MSTATUS_GVA | MSTATUS_MPV
    DOES ENTER_VS, STORE_ACCESS, sd a2, 8(a1)
    DOES ENTER_VS, FETCH_ACCESS, jr a1
    CHECK_SAME s4, a1
    CLOSE page_a, 1
    DOES ENTER_VS, ECALL_VS, ld a2, 8(a1)
    DOES ENTER_VS, STORE_ACCESS, sd a2, 8(a1)
    DOES ENTER_VS, STORE_ACCESS, amoadd.w a2, a2, (a1)
    TEST 3      # a table of the first stage
    CLOSE vs_l0, 0
    DOES ENTER_VS, LOAD_ACCESS, ld a2, 8(a1)
    DOES ENTER_VS, STORE_ACCESS, sd a2, 8(a1)
    DOES ENTER_VS, FETCH_ACCESS, jr a1
    CLOSE vs_l0, 1
    DOES ENTER_VS, ECALL_VS, sd a2, 8(a1)
    TEST 4      # a table of the second stage
    CLOSE g_l0, 0
    DOES ENTER_VS, LOAD_ACCESS, ld a2, 8(a1)
    CHECK s4, 5 * PAGE + 8
    DOES ENTER_VS, STORE_ACCESS, sd a2, 8(a1)
    CLOSE g_l0, 1
    DOES ENTER_VS, ECALL_VS, ld a2, 8(a1)
    TEST 5      # HLV and HSV, taken in HS
    li a0, HSTATUS_SPVP
    csrs hstatus, a0
    li a0, (1 << LOAD_ACCESS) | (1 << STORE_ACCESS)
    csrw medeleg, a0
    CLOSE page_a, 0
    ENTER_HS
1:  hlv.w a2, (a1)
    LEAVE
    CHECK_TRAP BY_HS, LOAD_ACCESS
    CHECK_SAME s4, a1
    CHECK s5, 0
    CHECK_NO_TINST
#ifndef ON_QEMU     /* QEMU 10.0 leaves hstatus.GVA clear for access faults */
    CHECK_BITS s8, HSTATUS_GVA | HSTATUS_SPV, HSTATUS_GVA
#endif
    ENTER_HS
1:  hsv.w a2, (a1)
    LEAVE
    CHECK_TRAP BY_HS, STORE_ACCESS
    TEST 6      # and VS may handle it
    li a0, 1 << LOAD_ACCESS
    csrw hedeleg, a0
    ENTER_VS
    ld a2, 0(a1)
    LEAVE
    CHECK_TRAP BY_VS, LOAD_ACCESS
    CHECK_SAME s4, a1
    PASS
PAGE_TABLES
