# Directed: a misaligned access across two pages, one of which the second stage refuses, ends in a trap that
# reports the failing part; nothing hangs and nothing is half done.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP_AT vs_l0, 6, 12 * PAGE, PTE_RWX
    MAP g_l0, 7, page_c, PTE_URWX
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    FENCES
    .option norvc
    li a1, 6 * PAGE - 3
    la a2, page_c + PAGE - 8
    li a3, 0x1111111111111111
    sd a3, 0(a2)
    TEST 2      # second part: its address, its GPA; rs1 of the transformed instruction holds the offset
    li a0, -1
    ENTER_VS
1:  sd a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_GUEST
    CHECK_ADDRESS s3, 1b
    CHECK s4, 6 * PAGE
    CHECK s5, (12 * PAGE) >> 2
    CHECK s6, 0x00a03023 | (3 << 15)
    ld a4, 0(a2)
    CHECK_SAME a4, a3
    li a0, 0x77
    ENTER_VS
1:  lw a0, 2(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK s4, 6 * PAGE
    CHECK s5, (12 * PAGE) >> 2
    CHECK s6, 0x00002503 | (1 << 15)
    CHECK a0, 0x77
    TEST 3      # first part
    MAP g_l0, 7, page_c, 0
    MAP g_l0, 12, page_a, PTE_URWX
    FENCES
    la a5, page_a
    sd a3, 0(a5)
    li a0, -1
    ENTER_VS
1:  sd a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_GUEST
    CHECK_SAME s4, a1
    CHECK s5, (8 * PAGE - 3) >> 2
    CHECK s6, 0x00a03023
    ld a4, 0(a5)
    CHECK_SAME a4, a3
    TEST 4      # both: the first
    MAP g_l0, 12, page_a, 0
    FENCES
    ENTER_VS
1:  ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK_SAME s4, a1
    TEST 5      # mixed kinds: the first stage refuses the second part
    MAP g_l0, 7, page_c, PTE_URWX
    MAP_AT vs_l0, 6, 12 * PAGE, 0
    FENCES
    ENTER_VS
1:  sd a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_PAGE
    CHECK s4, 6 * PAGE
    CHECK s5, 0
    CHECK_NO_TINST
    TEST 6      # with the first page warm in the TLB
    MAP_AT vs_l0, 6, 12 * PAGE, PTE_RWX
    FENCES
    ENTER_VS
    ld a0, -8(a1)
1:  ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK s4, 6 * PAGE
    CHECK s5, (12 * PAGE) >> 2
    TEST 7      # HLV and HSV across
    li a4, HSTATUS_SPVP
    csrs hstatus, a4
    ENTER_HS
1:  hsv.d a0, (a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_GUEST
    CHECK s4, 6 * PAGE
    CHECK s6, 0x6ea04073 | (3 << 15)
    TEST 8      # repaired, it goes through
    MAP g_l0, 12, page_a, PTE_URWX
    FENCES
    li a0, 0x8877665544332211
    ENTER_VS
    sd a0, 0(a1)
    ld a4, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK_SAME a0, a4
    ld a4, 0(a2)
    CHECK a4, 0x3322111111111111
    ld a4, 0(a5)
    CHECK a4, 0x1111118877665544
    PASS
PAGE_TABLES
