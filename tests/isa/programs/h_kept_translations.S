# What may be kept of a translation: nothing of another V, page size, table or PMP region, and nothing behind a
# fence of a VMID that is not the current one.
#include "harness.h"
#include "paging.h"
#define NAPOT 0x18
PROGRAM
    FIRST_STAGE s_root, s_l1, s_l0
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP s_l0, 5, page_a, PTE_RWX
    MAP g_l0, 7, page_a, PTE_URWX
    MAP g_l0, 8, page_b, PTE_URWX
    li a1, 5 * PAGE
.macro SEES mode, expected
    \mode
    ld a0, 0(a1)
    ld a0, 0(a1)
    LEAVE
    CHECK a0, \expected
.endm
.macro FENCED fence:vararg
    ENTER_HS
    \fence
    LEAVE
    CHECK_NO_TRAP ECALL_HS
.endm
    TEST 2      # one ASID, no second stage: V alone makes the difference
    MAP vs_l0, 5, page_b, PTE_RWX
    SET_ATP satp, s_root, 7 << 44
    SET_ATP vsatp, vs_root, 7 << 44
    csrw hgatp, x0
    FENCES
    SEES ENTER_HS, WORD_A
    SEES ENTER_VS, WORD_B
    SEES ENTER_HS, WORD_A
    SEES ENTER_VS, WORD_B
    TEST 3      # 4 KiB pages under a first-stage page of 2 MiB: a fence of one reaches the others
    MAP_AT vs_l1, 1, 0, PTE_RWX
    SET_ATP hgatp, g_root, 5 << 44
    FENCES
    li a1, MEGAPAGE + 7 * PAGE
    li a3, MEGAPAGE + 8 * PAGE
    SEES ENTER_VS, WORD_A
    la t0, vs_l1
    sd x0, 8(t0)
    FENCED hfence.vvma a3
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    CHECK_SAME s4, a1
    TEST 4      # hfence.gvma of a VMID that is not the current one
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    FENCES
    li a1, 5 * PAGE
    SEES ENTER_VS, WORD_A
    SET_ATP hgatp, g_root, 6 << 44
    MAP g_l0, 7, page_c, PTE_URWX
    li a2, 5
    FENCED hfence.gvma x0, a2
    SET_ATP hgatp, g_root, 5 << 44
    SEES ENTER_VS, WORD_C
    TEST 5      # another table under the same root; a fence by address is for leaves alone
    li a2, 7
    MAP_AT vs_l0b, 5, 8 * PAGE, PTE_RWX
    MAP s_l0b, 5, page_d, PTE_RWX
    MAP g_l0b, 7, page_d, PTE_URWX
    MAP g_l0b, 8, page_a, PTE_URWX
    MAP vs_l1, 0, vs_l0b, PTE_TABLE
    FENCED hfence.vvma
    SEES ENTER_VS, WORD_B
    MAP vs_l1, 0, vs_l0, PTE_TABLE
    FENCED hfence.vvma x0, a2
    SEES ENTER_VS, WORD_C
    MAP g_l1, 0, g_l0b, PTE_TABLE
    FENCED hfence.gvma
    SEES ENTER_VS, WORD_D
    MAP vs_l1, 0, vs_l0b, PTE_TABLE
    ENTER_VS
    sfence.vma
    LEAVE
    SEES ENTER_VS, WORD_A
    SEES ENTER_HS, WORD_A
    MAP s_l1, 0, s_l0b, PTE_TABLE
    FENCED sfence.vma x0, a2
    SEES ENTER_HS, WORD_D
    TEST 6      # a closed page of 4 KiB inside an open page of 1 GiB
    li a0, -1
    csrw pmpaddr1, a0
    la a0, page_b
    srli a0, a0, 2
    ori a0, a0, 0x1ff
    csrw pmpaddr0, a0
    li a0, (0x1f << 8) | NAPOT
    csrw pmpcfg0, a0
    FENCES
    la a1, page_a
    SEES ENTER_HS, WORD_A
    li a1, DRAM + 4 * MEGAPAGE
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    la a1, page_b
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_ACCESS
    CHECK_SAME s4, a1
    PASS
PAGE_TABLES
    .bss
    .align 12
s_l0b: .zero PAGE
vs_l0b: .zero PAGE
g_l0b: .zero PAGE
