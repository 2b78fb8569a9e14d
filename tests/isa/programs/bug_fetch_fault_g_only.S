# Directed: with the first stage Bare, an instruction fetch that the second stage refuses is a fetch
# guest-page fault with the right addresses, also across a page boundary.
#include "harness.h"
#include "paging.h"
PROGRAM
    SECOND_STAGE
    MAP g_l0, 7, page_a, PTE_URWX
    csrw vsatp, x0
    SET_ATP hgatp, g_root
    FENCES
    TEST 2      # nothing there
    li a1, 8 * PAGE + 0x10
    ENTER_VS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_GUEST
    CHECK_SAME s3, a1
    CHECK_SAME s4, a1
    CHECK s5, (8 * PAGE + 0x10) >> 2
    CHECK s6, 0
    CHECK_BITS s7, MSTATUS_GVA | MSTATUS_MPV, MSTATUS_GVA | MSTATUS_MPV
    TEST 3      # the same from VU
    ENTER_VU
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_GUEST
    CHECK s5, (8 * PAGE + 0x10) >> 2
    TEST 4      # there, but not executable
    MAP g_l0, 8, page_b, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D
    FENCES
    ENTER_VS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_GUEST
    CHECK_SAME s4, a1
    CHECK s5, (8 * PAGE + 0x10) >> 2
    TEST 5      # a 4-byte instruction whose second half is on the missing page
    MAP g_l0, 8, page_b, 0
    FENCES
    la a2, page_a + PAGE - 2
    li a0, 0x0513
    sh a0, 0(a2)
    fence.i
    li a1, 8 * PAGE - 2
    ENTER_VS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_GUEST
    CHECK_SAME s3, a1
    CHECK s4, 8 * PAGE
    CHECK s5, (8 * PAGE) >> 2
    CHECK s6, 0
    TEST 6      # falling off the end of a page, in HS' handler
    la a2, page_a + PAGE - 4
    li a0, 0x00000013
    sw a0, 0(a2)
    fence.i
    li a0, 1 << FETCH_GUEST
    csrw medeleg, a0
    li a1, 8 * PAGE - 4
    ENTER_VS
    jr a1
    LEAVE
    CHECK_TRAP BY_HS, FETCH_GUEST
    CHECK s3, 8 * PAGE
    CHECK s4, 8 * PAGE
    CHECK s5, (8 * PAGE) >> 2
    CHECK s6, 0
    PASS
PAGE_TABLES
