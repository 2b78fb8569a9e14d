# ASIDs, global pages, and what each form of sfence.vma must remove.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE s_root, s_l1, s_l0
    FIRST_STAGE vs_root, vs_l1, vs_l0       # here: a second address space of HS
    FILL_PAGES
    MAP s_l0, 5, page_a, PTE_RWX
    MAP vs_l0, 5, page_b, PTE_RWX
    MAP s_l0, 6, page_c, PTE_RWX | PTE_G
    MAP vs_l0, 6, page_c, PTE_RWX | PTE_G
    li a1, 5 * PAGE
    li a2, 6 * PAGE
.macro FIRST
    SET_ATP satp, s_root, 1 << 44
.endm
.macro SECOND
    SET_ATP satp, vs_root, 2 << 44
.endm
.macro SEES five, six
    ENTER_HS
    ld a0, 0(a1)
    ld a3, 0(a2)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, \five
    CHECK a3, \six
.endm
    TEST 2      # switching without a fence
    FIRST
    sfence.vma
    SEES WORD_A, WORD_C
    SECOND
    SEES WORD_B, WORD_C
    FIRST
    SEES WORD_A, WORD_C
    SECOND
    SEES WORD_B, WORD_C
    TEST 3      # a fence for one ASID
    MAP s_l0, 5, page_d, PTE_RWX
    MAP vs_l0, 5, page_a, PTE_RWX
    li a4, 1
    sfence.vma x0, a4
    FIRST
    SEES WORD_D, WORD_C
    li a4, 2
    sfence.vma x0, a4
    SECOND
    SEES WORD_A, WORD_C
    TEST 4      # for one address in one space
    MAP vs_l0, 5, page_b, PTE_RWX
    sfence.vma a1, a4
    SEES WORD_B, WORD_C
    TEST 5      # for one address in all spaces, global pages included
    MAP s_l0, 6, page_d, PTE_RWX | PTE_G
    MAP vs_l0, 6, page_d, PTE_RWX | PTE_G
    sfence.vma a2, x0
    SEES WORD_B, WORD_D
    FIRST
    SEES WORD_D, WORD_D
    TEST 6      # for all
    MAP s_l0, 5, page_a, PTE_RWX
    MAP s_l0, 6, page_b, PTE_RWX
    MAP vs_l0, 5, page_c, PTE_RWX
    MAP vs_l0, 6, page_d, PTE_RWX
    sfence.vma
    SEES WORD_A, WORD_B
    SECOND
    SEES WORD_C, WORD_D
    TEST 7      # Svinval
    MAP vs_l0, 5, page_a, PTE_RWX
    li a4, 2
    sfence.w.inval
    sinval.vma a1, a4
    sfence.inval.ir
    SEES WORD_A, WORD_D
    MAP vs_l0, 6, page_b, PTE_RWX
    sfence.w.inval
    sinval.vma x0, x0
    sfence.inval.ir
    SEES WORD_A, WORD_B
    TEST 8      # a pointer changed at the first level, fenced by address
    MAP vs_l1, 0, s_l0, PTE_TABLE
    sfence.vma a1, a4
    sfence.vma a2, a4
    SEES WORD_A, WORD_B
    MAP s_l0, 5, page_d, PTE_RWX
    sfence.vma a1, a4
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_D
    PASS
PAGE_TABLES
