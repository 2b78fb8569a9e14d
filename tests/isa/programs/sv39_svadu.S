# Svadu: with menvcfg.ADUE the hardware sets A and D; without, they fault (Svade).
#include "harness.h"
#include "paging.h"
#define ADUE (1 << 61)
PROGRAM
    FIRST_STAGE s_root, s_l1, s_l0
    FILL_PAGES
    SET_ATP satp, s_root
.macro SLOT flags
    MAP s_l0, 5, page_a, \flags
    sfence.vma
    li a1, 5 * PAGE
.endm
.macro CHECK_SLOT flags
    la a2, s_l0
    ld a0, 5 * 8(a2)
    CHECK_BITS a0, 0x3ff, \flags
.endm
    TEST 2      # menvcfg.ADUE can be set
    li a0, ADUE
    csrs menvcfg, a0
    csrr a0, menvcfg
    CHECK_BITS a0, ADUE, ADUE
    TEST 3      # a load sets A alone
    SLOT PTE_V | PTE_R | PTE_W | PTE_X
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    CHECK_SLOT PTE_V | PTE_R | PTE_W | PTE_X | PTE_A
    TEST 4      # a store after the load sets D
    ENTER_HS
    sd a1, 16(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK_SLOT PTE_RWX
    TEST 5      # a first store sets both
    SLOT PTE_V | PTE_R | PTE_W | PTE_X
    ENTER_HS
    sd a1, 24(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK_SLOT PTE_RWX
    TEST 6      # a fetch sets A
    SLOT PTE_V | PTE_R | PTE_W | PTE_X
    li a0, 0x00000073
    la a2, page_a
    sw a0, 32(a2)
    fence.i
    ENTER_HS
    jr 32(a1)
    LEAVE
    CHECK_TRAP BY_M, ECALL_HS
    CHECK_SLOT PTE_V | PTE_R | PTE_W | PTE_X | PTE_A
    TEST 7      # an access that is refused changes nothing
    SLOT PTE_V | PTE_R
    ENTER_HS
    sd a1, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_PAGE
    CHECK_SLOT PTE_V | PTE_R
    SLOT PTE_V | PTE_R | PTE_U
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    CHECK_SLOT PTE_V | PTE_R | PTE_U
    TEST 8      # superpages too
    MAP_AT s_l1, 3, DRAM, PTE_V | PTE_R | PTE_W
    sfence.vma
    li a1, 3 * MEGAPAGE
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    la a2, s_l1
    ld a0, 3 * 8(a2)
    CHECK_BITS a0, 0x3ff, PTE_V | PTE_R | PTE_W | PTE_A
    TEST 9      # ADUE off again: faults, nothing set
    li a0, ADUE
    csrc menvcfg, a0
    SLOT PTE_V | PTE_R | PTE_W | PTE_X
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    CHECK_SLOT PTE_V | PTE_R | PTE_W | PTE_X
    TEST 10     # amo sets D
    li a0, ADUE
    csrs menvcfg, a0
    sfence.vma
    ENTER_HS
    amoadd.d a0, x0, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK_SLOT PTE_RWX
    PASS
PAGE_TABLES
