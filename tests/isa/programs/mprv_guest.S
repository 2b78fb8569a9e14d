# mstatus.MPRV with MPV and MPP: M's loads and stores as VS' or VU's, traps of theirs, and MPP = M.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP_AT vs_l0, 6, 8 * PAGE, PTE_URWX
    MAP g_l0, 7, page_a, PTE_URWX
    MAP g_l0, 8, page_b, PTE_URWX
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    FENCES
    li s9, MSTATUS_MPRV
    li s10, MSTATUS_MPP | MSTATUS_MPV
    li s11, 5 * PAGE
.macro AS mpp, mpv
    csrc mstatus, s10
    li a0, \mpp | \mpv
    csrs mstatus, a0
.endm
/* The access alone runs under MPRV. */
.macro UNDER_MPRV instruction:vararg
    ENTER_M
    csrs mstatus, s9
1:  \instruction
    csrc mstatus, s9
    LEAVE
    csrc mstatus, s9
.endm
    TEST 2      # VS
    AS MSTATUS_MPP_S, MSTATUS_MPV
    UNDER_MPRV ld a1, 0(s11)
    CHECK_TRAP BY_M, ECALL_M
    CHECK a1, WORD_A
    AS MSTATUS_MPP_S, MSTATUS_MPV
    UNDER_MPRV sd s11, 8(s11)
    la a2, page_a
    ld a2, 8(a2)
    CHECK_SAME a2, s11
    TEST 3      # VU may not touch the supervisor's page
    AS 0, MSTATUS_MPV
    UNDER_MPRV ld a1, 0(s11)
    CHECK_TRAP BY_M, LOAD_PAGE
    CHECK_SAME s4, s11
    CHECK_ADDRESS s3, 1b
    mv a0, s7
    CHECK_BITS a0, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP
    CHECK_GVA
    li a3, 6 * PAGE
    AS 0, MSTATUS_MPV
    UNDER_MPRV ld a1, 0(a3)
    CHECK_TRAP BY_M, ECALL_M
    CHECK a1, WORD_B
    TEST 4      # a guest-page fault
    MAP g_l0, 7, page_a, 0
    FENCES
    AS MSTATUS_MPP_S, MSTATUS_MPV
    UNDER_MPRV sw a1, 4(s11)
    CHECK_TRAP BY_M, STORE_GUEST
    CHECK s4, 5 * PAGE + 4
    CHECK s5, (7 * PAGE + 4) >> 2
    TEST 5      # MPP = M: physical, whatever MPV says
    la a3, page_c
    AS MSTATUS_MPP, MSTATUS_MPV
    UNDER_MPRV ld a1, 0(a3)
    CHECK_TRAP BY_M, ECALL_M
    CHECK a1, WORD_C
    TEST 6      # V = 0: satp, here Bare
    AS MSTATUS_MPP_S, 0
    UNDER_MPRV ld a1, 0(a3)
    CHECK a1, WORD_C
    TEST 7      # HLV does not depend on MPRV
    MAP g_l0, 7, page_a, PTE_URWX
    FENCES
    li a0, HSTATUS_SPVP
    csrs hstatus, a0
    AS MSTATUS_MPP, 0
    UNDER_MPRV hlv.d a1, (s11)
    CHECK a1, WORD_A
    AS 0, 0
    UNDER_MPRV hlv.d a1, (s11)
    CHECK a1, WORD_A
    PASS
PAGE_TABLES
