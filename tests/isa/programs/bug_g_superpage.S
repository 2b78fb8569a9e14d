# Directed: under a second-stage superpage each small page of the first stage goes to its own frame, whichever
# was touched first.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    MAP_AT g_root, 2, DRAM, PTE_URWX
    FILL_PAGES
.macro PAGES first, second
    /* GVA 5.. -> GPA of the pages as `second stage` shows DRAM at `first` */
    la a2, page_a
    li a3, DRAM - \first
    sub a2, a2, a3
    SET_PTE vs_l0, 5, a2, PTE_RWX
    li a3, PAGE
    add a2, a2, a3
    SET_PTE vs_l0, 6, a2, PTE_RWX
    add a2, a2, a3
    SET_PTE vs_l0, 7, a2, PTE_RWX
    FENCES
.endm
.macro SEES page, word
    li a1, \page * PAGE
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, \word
.endm
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    TEST 2      # 2 MiB pages at GPA 4 MiB
    MAP g_root, 0, g_l1, PTE_TABLE
    MAP_AT g_l1, 2, DRAM, PTE_URWX
    PAGES 2 * MEGAPAGE
    SEES 5, WORD_A
    SEES 6, WORD_B
    SEES 7, WORD_C
    SEES 5, WORD_A
    FENCES
    SEES 7, WORD_C
    SEES 5, WORD_A
    SEES 6, WORD_B
    TEST 3      # 1 GiB page at GPA 8 GiB
    MAP_AT g_root, 8, DRAM, PTE_URWX
    PAGES 8 * GIGAPAGE
    SEES 6, WORD_B
    SEES 5, WORD_A
    SEES 7, WORD_C
    TEST 4      # 2 MiB over 1 GiB: the first stage's offset stays
    la a2, page_a
    li a3, DRAM
    sub a2, a2, a3
    MAP_AT vs_l1, 3, 8 * GIGAPAGE, PTE_RWX
    FENCES
    li a1, 3 * MEGAPAGE
    add a1, a1, a2
    ENTER_VS
    ld a0, 0(a1)
    li a3, PAGE
    add a1, a1, a3
    ld a4, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, WORD_A
    CHECK a4, WORD_B
    TEST 5      # stores and fetches too
    PAGES 2 * MEGAPAGE
    li a1, 6 * PAGE
    li a3, 0x00000073   # ecall
    ENTER_VS
    sw a3, 64(a1)
    fence.i
    jr 64(a1)
    LEAVE
    CHECK_TRAP BY_M, ECALL_VS
    CHECK s3, 6 * PAGE + 64
    la a0, page_b
    lw a0, 64(a0)
    CHECK a0, 0x73
    TEST 6      # first stage Bare
    csrw vsatp, x0
    FENCES
    la a1, page_c
    li a3, DRAM - 2 * MEGAPAGE
    sub a1, a1, a3
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, WORD_C
    PASS
PAGE_TABLES
