# Execute permission in place of read permission: HLVX wants it whatever a kept translation says, and MXR does not
# count for the walker's own reads of tables (H chapter, "Two-Stage Address Translation").
#include "harness.h"
#include "paging.h"
#define READ_ONLY (PTE_V | PTE_R | PTE_A | PTE_D)
#define EXECUTE_ONLY (PTE_V | PTE_X | PTE_U | PTE_A | PTE_D)
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP_AT vs_l0, 5, 7 * PAGE, READ_ONLY
    MAP g_l0, 7, page_a, PTE_URWX
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    FENCES
    li a1, 5 * PAGE
    li a0, HSTATUS_SPVP
    csrs hstatus, a0
    TEST 2      # readable, but not executable
    ENTER_HS
    hlv.d a0, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    ENTER_HS
    hlvx.hu a0, (a1)
    LEAVE
#ifndef ON_QEMU     /* QEMU 10.0 reports a fetch */
    CHECK_TRAP BY_M, LOAD_PAGE
#endif
    CHECK_SAME s4, a1
    TEST 3      # a table in a page that can be executed only
    MAP g_l0, 9, vs_l0, EXECUTE_ONLY
    MAP_AT vs_l1, 0, 9 * PAGE, PTE_TABLE
    li a0, MSTATUS_MXR
    csrs mstatus, a0
    FENCES
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
#ifndef ON_QEMU     /* for QEMU 10.0 MXR counts here too */
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK_SAME s4, a1
    CHECK s5, (9 * PAGE + 5 * 8) >> 2
#endif
    TEST 4      # while MXR does count for the access itself
    MAP g_l0, 9, vs_l0, PTE_URWX
    MAP g_l0, 7, page_a, EXECUTE_ONLY
    FENCES
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, WORD_A
    PASS
PAGE_TABLES
