# Directed: a second-stage fault is a guest-page fault with the same registers whether the walker finds it,
# or an entry left in a TLB by another kind of access does.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_V | PTE_R | PTE_U | PTE_A
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    li a0, (1 << FETCH_GUEST) | (1 << LOAD_GUEST) | (1 << STORE_GUEST) | (1 << FETCH_PAGE) | (1 << LOAD_PAGE) | (1 << STORE_PAGE)
    csrw medeleg, a0
    li a0, (1 << FETCH_PAGE) | (1 << LOAD_PAGE) | (1 << STORE_PAGE)
    csrw hedeleg, a0
    li a1, 5 * PAGE
.macro STORE_FAULTS
    ENTER_VS
1:  sd a0, 0x20(a1)
    LEAVE
    CHECK_TRAP BY_HS, STORE_GUEST
    CHECK_ADDRESS s3, 1b
    CHECK s4, 5 * PAGE + 0x20
    CHECK s5, (7 * PAGE + 0x20) >> 2
    CHECK_BITS s6, ~2, 0x00a03021
    CHECK_BITS s8, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP
.endm
    .option norvc
    TEST 2      # nothing cached
    FENCES
    STORE_FAULTS
    TEST 3      # a load has put the page into the TLB
    FENCES
    ENTER_VS
    ld a0, 0(a1)
    ld a0, 8(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    STORE_FAULTS
    STORE_FAULTS
    TEST 4      # a fetch from it
    ENTER_VS
    jr a1
    LEAVE
    CHECK_TRAP BY_HS, FETCH_GUEST
    CHECK_SAME s4, a1
    CHECK s5, (7 * PAGE) >> 2
    CHECK s6, 0
    TEST 5      # first stage read-only, second stage read-only, cached: the first stage's fault, in VS
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_V | PTE_R | PTE_A
    FENCES
    ENTER_VS
    ld a0, 0(a1)
    sd a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_VS, STORE_PAGE
    CHECK_SAME s4, a1
    TEST 6      # D clear in the first stage alone: VS; in the second alone: HS
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_V | PTE_R | PTE_W | PTE_A
    MAP g_l0, 7, page_a, PTE_URWX
    FENCES
    ENTER_VS
    ld a0, 0(a1)
    sd a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_VS, STORE_PAGE
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A
    FENCES
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    STORE_FAULTS
    TEST 7      # a user page of the second stage missing its U, after HS used the frame itself
    la a2, page_a
    ENTER_HS
    ld a0, 0(a2)
    LEAVE
    MAP g_l0, 7, page_a, PTE_RWX
    FENCES
    STORE_FAULTS
    TEST 8      # a fetch fault by a page that loads know
    MAP g_l0, 7, page_a, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D
    FENCES
    ENTER_VS
    sd a0, 0(a1)
    jr a1
    LEAVE
    CHECK_TRAP BY_HS, FETCH_GUEST
    CHECK s5, (7 * PAGE) >> 2
    PASS
PAGE_TABLES
