# Every page size of the first stage over every one of the second.
#include "harness.h"
#include "paging.h"
PROGRAM
    IDENTITY vs_root
    MAP_AT g_root, 2, DRAM, PTE_URWX
    MAP g_root, 0, g_l1, PTE_TABLE
    MAP g_l1, 0, g_l0, PTE_TABLE
    FILL_PAGES
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
/* A load at a1 in VS sees the word. */
.macro SEES expected
    FENCES
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, \expected
.endm
.macro FAULTS cause
    FENCES
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, \cause
.endm
/* a2 = offset of page_b in DRAM: below 2 MiB, so the same in every page size */
    la a2, page_b
    li a3, DRAM
    sub a2, a2, a3
    srli a4, a2, 12         # its index in a last-level table

    TEST 2      # first stage 1 GiB: GVA 4 GiB + x -> GPA x
    MAP_AT vs_root, 4, 0, PTE_RWX
    li a1, 4 * GIGAPAGE
    add a1, a1, a2
    MAP_AT g_root, 0, DRAM, PTE_URWX        # second 1 GiB
    SEES WORD_B
    MAP g_root, 0, g_l1, PTE_TABLE
    MAP_AT g_l1, 0, DRAM, PTE_URWX          # second 2 MiB
    SEES WORD_B
    MAP g_l1, 0, g_l0, PTE_TABLE            # second 4 KiB
    la t0, page_b
    srli t0, t0, 2
    ori t0, t0, PTE_URWX
    la t1, g_l0
    slli t2, a4, 3
    add t1, t1, t2
    sd t0, 0(t1)
    SEES WORD_B
    la a1, page_c                           # the neighbour is not there
    sub a1, a1, a3
    li a0, 4 * GIGAPAGE
    add a1, a1, a0
    FAULTS LOAD_GUEST
    sub a0, a1, a0
    srli a0, a0, 2
    CHECK_SAME s5, a0
    CHECK_SAME s4, a1
    TEST 3      # first stage 2 MiB: GVA 4 GiB + 2 MiB * 3 + x -> GPA x
    MAP vs_root, 4, vs_l1, PTE_TABLE
    MAP_AT vs_l1, 3, 0, PTE_RWX
    li a1, 4 * GIGAPAGE + 3 * MEGAPAGE
    add a1, a1, a2
    SEES WORD_B
    MAP_AT g_l1, 0, DRAM, PTE_URWX
    SEES WORD_B
    MAP_AT g_root, 0, DRAM, PTE_URWX
    SEES WORD_B
    TEST 4      # first stage 4 KiB: GVA 4 GiB + 2 MiB * 4 + 4 KiB -> GPA of page_b's offset
    MAP vs_l1, 4, vs_l0, PTE_TABLE
    SET_PTE vs_l0, 1, a2, PTE_RWX
    li a1, 4 * GIGAPAGE + 4 * MEGAPAGE + PAGE
    SEES WORD_B
    MAP g_root, 0, g_l1, PTE_TABLE
    SEES WORD_B
    MAP g_l1, 0, g_l0, PTE_TABLE
    SEES WORD_B
    TEST 5      # both stages shift: GPA 6 MiB + x -> DRAM + x by 2 MiB
    MAP_AT g_l1, 3, DRAM, PTE_URWX
    MAP_AT vs_l1, 5, 3 * MEGAPAGE, PTE_RWX
    li a1, 4 * GIGAPAGE + 5 * MEGAPAGE
    add a1, a1, a2
    SEES WORD_B
    TEST 6      # misaligned superpages fault in their own stage
    MAP_AT vs_l1, 5, 3 * MEGAPAGE + PAGE, PTE_RWX
    FAULTS LOAD_PAGE
    MAP_AT vs_l1, 5, 3 * MEGAPAGE, PTE_RWX
    MAP_AT g_l1, 3, DRAM + PAGE, PTE_URWX
    FAULTS LOAD_GUEST
    TEST 7      # the root of Sv39x4 has 2048 entries: GPA 1 TiB + 3 GiB
    MAP_AT vs_root, 5, (1 << 40) + 3 * GIGAPAGE, PTE_RWX
    MAP_AT g_root, 1024 + 3, DRAM, PTE_URWX
    li a1, 5 * GIGAPAGE
    add a1, a1, a2
    SEES WORD_B
    MAP_AT g_root, 1024 + 3, DRAM, 0
    FAULTS LOAD_GUEST
    li a0, (1 << 40) + 3 * GIGAPAGE
    add a0, a0, a2
    srli a0, a0, 2
    CHECK_SAME s5, a0
    PASS
PAGE_TABLES
