# Directed: guest physical addresses have 41 bits; any bit above raises a guest-page fault.
#include "harness.h"
#include "paging.h"
PROGRAM
    IDENTITY vs_root
    MAP_AT g_root, 2, DRAM, PTE_URWX
    MAP_AT g_root, 0, DRAM, PTE_URWX
    FILL_PAGES
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    la a2, page_a
    li a3, DRAM
    sub a2, a2, a3
.macro FAULTS_AT gpa
    MAP_AT vs_root, 4, \gpa, PTE_RWX
    FENCES
    li a1, 4 * GIGAPAGE
    add a1, a1, a2
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK_SAME s4, a1
    li a0, \gpa
    add a0, a0, a2
    srli a0, a0, 2
    CHECK_SAME s5, a0
    ENTER_VS
    sd a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_GUEST
    ENTER_VS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_GUEST
.endm
    TEST 2      # bit 40 is an index bit, bits 41 to 55 are too much
    MAP_AT vs_root, 4, 0, PTE_RWX
    FENCES
    li a1, 4 * GIGAPAGE
    add a1, a1, a2
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, WORD_A
    FAULTS_AT 1 << 41
    FAULTS_AT 1 << 42
    FAULTS_AT 1 << 47
    FAULTS_AT 1 << 55
    FAULTS_AT 1 << 40
    TEST 3      # a table of the first stage up there
    MAP_AT vs_root, 4, 1 << 41, PTE_TABLE
    FENCES
    li a1, 4 * GIGAPAGE + 5 * MEGAPAGE
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK_SAME s4, a1
    CHECK s5, ((1 << 41) + 5 * 8) >> 2
    CHECK s6, 0x3000
    TEST 4      # first stage Bare: the address itself
    csrw vsatp, x0
    FENCES
    li a1, 1 << 41
    add a1, a1, a2
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK_SAME s4, a1
    srli a0, a1, 2
    CHECK_SAME s5, a0
    li a1, -8
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK s4, -8
    ENTER_VS
    sw a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_GUEST
    li a1, 1 << 63
    ENTER_VS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_GUEST
    CHECK_SAME s4, a1
    TEST 5      # HLV as well
    li a1, 1 << 41
    add a1, a1, a2
    ENTER_HS
    hlv.d a0, (a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_GUEST
    CHECK_SAME s4, a1
    PASS
PAGE_TABLES
