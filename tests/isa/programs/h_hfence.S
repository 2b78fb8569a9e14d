# hfence.vvma, hfence.gvma, their Svinval relatives and sfence.vma in VS: after each, the new tables count.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_URWX
    MAP g_l0, 8, page_b, PTE_URWX
    SET_ATP vsatp, vs_root, 3 << 44
    SET_ATP hgatp, g_root, 5 << 44
    FENCES
    li a1, 5 * PAGE
.macro SEES expected
    ENTER_VS
    ld a0, 0(a1)
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, \expected
.endm
/* Change the first stage, do the fence in HS, and look. */
.macro FIRST_CHANGES gpa, expected, fence:vararg
    MAP_AT vs_l0, 5, \gpa, PTE_RWX
    ENTER_HS
    \fence
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    SEES \expected
.endm
.macro SECOND_CHANGES frame, expected, fence:vararg
    MAP g_l0, 7, \frame, PTE_URWX
    ENTER_HS
    \fence
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    SEES \expected
.endm
    SEES WORD_A
    TEST 2
    li a2, 3
    FIRST_CHANGES 8 * PAGE, WORD_B, hfence.vvma
    FIRST_CHANGES 7 * PAGE, WORD_A, hfence.vvma a1
    FIRST_CHANGES 8 * PAGE, WORD_B, hfence.vvma x0, a2
    FIRST_CHANGES 7 * PAGE, WORD_A, hfence.vvma a1, a2
    TEST 3
    FIRST_CHANGES 8 * PAGE, WORD_B, INVALIDATE hinval.vvma a1, a2
    FIRST_CHANGES 7 * PAGE, WORD_A, INVALIDATE hinval.vvma x0, x0
    TEST 4      # the address operand of hfence.gvma is the GPA >> 2
    li a2, 5
    li a3, (7 * PAGE) >> 2
    SECOND_CHANGES page_b, WORD_B, hfence.gvma
    SECOND_CHANGES page_c, WORD_C, hfence.gvma a3
    SECOND_CHANGES page_d, WORD_D, hfence.gvma x0, a2
    SECOND_CHANGES page_a, WORD_A, hfence.gvma a3, a2
    TEST 5
    SECOND_CHANGES page_b, WORD_B, INVALIDATE hinval.gvma a3, a2
    SECOND_CHANGES page_a, WORD_A, INVALIDATE hinval.gvma x0, x0
    TEST 6      # a guest's own sfence.vma and sinval.vma act on its first stage
.macro GUEST_CHANGES gpa, expected, fence:vararg
    MAP_AT vs_l0, 5, \gpa, PTE_RWX
    ENTER_VS
    \fence
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, \expected
.endm
    li a2, 3
    GUEST_CHANGES 8 * PAGE, WORD_B, sfence.vma
    GUEST_CHANGES 7 * PAGE, WORD_A, sfence.vma a1
    GUEST_CHANGES 8 * PAGE, WORD_B, sfence.vma x0, a2
    GUEST_CHANGES 7 * PAGE, WORD_A, sfence.vma a1, a2
    GUEST_CHANGES 8 * PAGE, WORD_B, INVALIDATE sinval.vma a1, a2
    TEST 7      # two VMIDs and two ASIDs keep apart
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    FENCES
    SEES WORD_A
    MAP g_l0, 7, page_c, PTE_URWX
    SET_ATP hgatp, g_root, 6 << 44      # another VMID: nothing of the first may show
    SEES WORD_C
    MAP_AT vs_l0, 5, 8 * PAGE, PTE_RWX
    SET_ATP vsatp, vs_root, 4 << 44     # another ASID
    SEES WORD_B
    TEST 8      # sfence.vma in HS is not for the guest, but HS' own: it works there
    FIRST_STAGE s_root, s_l1, s_l0
    MAP s_l0, 5, page_c, PTE_RWX
    SET_ATP satp, s_root, 9 << 44
    sfence.vma
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_C
    MAP s_l0, 5, page_d, PTE_RWX
    li a2, 9
    ENTER_HS
    sfence.vma a1, a2
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_D
    SEES WORD_B
    PASS
PAGE_TABLES
