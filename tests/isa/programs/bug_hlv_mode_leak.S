# Directed: the effective mode of an HLV or HSV must not leak into the accesses around it, nor into fetches.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    FIRST_STAGE s_root, s_l1, s_l0
    SECOND_STAGE
    FILL_PAGES
    MAP s_l0, 5, page_d, PTE_RWX
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_URWX
    SET_ATP satp, s_root
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    li a0, HSTATUS_SPVP
    csrs hstatus, a0
    li a1, 5 * PAGE
    TEST 2      # alternating, at one address, with cold and with warm TLBs
    li a5, 4
again:
    FENCES
    ENTER_HS
    ld a0, 0(a1)
    hlv.d a2, (a1)
    ld a3, 0(a1)
    hlv.d a4, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_D
    CHECK a2, WORD_A
    CHECK a3, WORD_D
    CHECK a4, WORD_A
    ENTER_HS
    hlv.d a2, (a1)
    ld a3, 0(a1)
    LEAVE
    CHECK a2, WORD_A
    CHECK a3, WORD_D
    addi a5, a5, -1
    beqz a5, 1f
    j again
1:  TEST 3      # stores
    li a2, 0x111
    li a3, 0x222
    ENTER_HS
    addi a4, a1, 8
    hsv.d a2, (a4)
    sd a3, 8(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    la a0, page_a
    ld a0, 8(a0)
    CHECK a0, 0x111
    la a0, page_d
    ld a0, 8(a0)
    CHECK a0, 0x222
    TEST 4      # a load after a trapping HLV, and after HLV from M where addresses are physical
    MAP_AT vs_l0, 6, 9 * PAGE, PTE_RWX
    FENCES
    li a4, 6 * PAGE
    ENTER_HS
    hlv.d a2, (a4)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    la a0, page_b
    ld a3, 0(a0)
    CHECK a3, WORD_B
    hlv.d a2, (a1)
    ld a3, 0(a0)
    CHECK a3, WORD_B
    ENTER_HS
    ld a3, 0(a1)
    LEAVE
    CHECK a3, WORD_D
    TEST 5      # an HLVX does not let a following load read an execute-only page
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_V | PTE_X | PTE_A
    MAP s_l0, 5, page_d, PTE_V | PTE_X | PTE_A
    FENCES
    ENTER_HS
    hlvx.wu a2, (a1)
    ld a3, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    ENTER_HS
    hlvx.wu a2, (a1)
    hlv.wu a3, (a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    PASS
PAGE_TABLES
