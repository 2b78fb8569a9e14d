# Accesses that cross from one page to another: each part is translated, a fault shows its part's address,
# and a store with one failing part changes nothing.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE s_root, s_l1, s_l0
    MAP s_l0, 5, page_c, PTE_RWX
    MAP s_l0, 6, page_a, PTE_RWX
    SET_ATP satp, s_root
    sfence.vma
    TEST 2      # two pages that are not neighbours in memory
    li a1, 6 * PAGE - 3
    li a2, 0x8877665544332211
    ENTER_HS
    sd a2, 0(a1)
    ld a3, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK_SAME a2, a3
    la a3, page_c + PAGE - 8
    ld a0, 0(a3)
    CHECK a0, 0x3322110000000000
    la a3, page_a
    ld a0, 0(a3)
    CHECK a0, 0x0000008877665544
    TEST 3      # the second page is missing
    MAP s_l0, 6, page_a, 0
    sfence.vma
    li a2, -1
    ENTER_HS
1:  sd a2, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_PAGE
    CHECK_ADDRESS s3, 1b
    CHECK s4, 6 * PAGE
    CHECK_NO_TINST
    la a3, page_c + PAGE - 8
    ld a0, 0(a3)
    CHECK a0, 0x3322110000000000
    li a4, 77
    ENTER_HS
1:  lw a4, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    CHECK s4, 6 * PAGE
    CHECK a4, 77
    TEST 4      # the first page is missing
    MAP s_l0, 6, page_a, PTE_RWX
    MAP s_l0, 5, page_c, 0
    sfence.vma
    ENTER_HS
1:  sd a2, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_PAGE
    CHECK_SAME s4, a1
    la a3, page_a
    ld a0, 0(a3)
    CHECK a0, 0x0000008877665544
    TEST 5      # both missing: the first counts
    MAP s_l0, 6, page_a, 0
    sfence.vma
    ENTER_HS
    ld a4, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    CHECK_SAME s4, a1
    TEST 6      # read-only second page
    MAP s_l0, 5, page_c, PTE_RWX
    MAP s_l0, 6, page_a, PTE_V | PTE_R | PTE_A
    sfence.vma
    ENTER_HS
    ld a4, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    ENTER_HS
    sh a2, 2(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_PAGE
    CHECK s4, 6 * PAGE
    TEST 7      # a fetch whose second half is on a missing page: epc first half, tval second
    MAP s_l0, 6, page_a, 0
    sfence.vma
    la a3, page_c + PAGE - 2
    li a0, 0x0513       # low half of li a0, 5
    sh a0, 0(a3)
    fence.i
    li a1, 6 * PAGE - 2
    ENTER_HS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_PAGE
    CHECK_SAME s3, a1
    CHECK s4, 6 * PAGE
    TEST 8      # and with both halves there
    MAP s_l0, 6, page_a, PTE_RWX
    sfence.vma
    la a3, page_a
    li a0, 0x0050       # high half of li a0, 5
    sh a0, 0(a3)
    li a0, 0x00000073   # ecall
    sh a0, 2(a3)
    srli a0, a0, 16
    sh a0, 4(a3)
    fence.i
    ENTER_HS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, ECALL_HS
    CHECK s3, 6 * PAGE + 2
    CHECK a0, 5
    PASS
PAGE_TABLES
