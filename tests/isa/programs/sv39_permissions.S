# Sv39: page sizes, permissions, SUM, MXR, A and D, malformed entries, MPRV (privileged spec, "Sv39").
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE s_root, s_l1, s_l0
    FILL_PAGES
    SET_ATP satp, s_root
    sfence.vma
.macro SLOT flags
    MAP s_l0, 5, page_a, \flags
    sfence.vma
    li a1, 5 * PAGE
.endm
.macro LOADS_IN mode, by, cause
    \mode
1:  ld a0, 0(a1)
    LEAVE
    CHECK_TRAP \by, \cause
.endm
.macro STORES_IN mode, by, cause
    \mode
1:  sd a2, 8(a1)
    LEAVE
    CHECK_TRAP \by, \cause
.endm
.macro JUMPS_IN mode, by, cause
    \mode
    jr a1
    LEAVE
    CHECK_TRAP \by, \cause
.endm
    TEST 2      # a 4 KiB page, read and written
    SLOT PTE_RWX
    li a2, 0x1122
    ENTER_HS
    ld a0, 0(a1)
    sd a2, 8(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    la a3, page_a
    ld a0, 8(a3)
    CHECK a0, 0x1122
    TEST 3      # not there: cause, address, epc
    SLOT 0
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    CHECK_ADDRESS s3, 1b
    CHECK_SAME s4, a1
    CHECK s5, 0
    CHECK_NO_TINST
    STORES_IN ENTER_HS, BY_M, STORE_PAGE
    CHECK s4, 5 * PAGE + 8
    JUMPS_IN ENTER_HS, BY_M, FETCH_PAGE
    CHECK_SAME s3, a1
    CHECK_SAME s4, a1
    TEST 4      # read-only, execute-only, MXR
    SLOT PTE_V | PTE_R | PTE_A | PTE_D
    LOADS_IN ENTER_HS, BY_M, ECALL_HS
    STORES_IN ENTER_HS, BY_M, STORE_PAGE
    JUMPS_IN ENTER_HS, BY_M, FETCH_PAGE
    SLOT PTE_V | PTE_X | PTE_A | PTE_D
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    STORES_IN ENTER_HS, BY_M, STORE_PAGE
    li a0, MSTATUS_MXR
    csrs mstatus, a0
    LOADS_IN ENTER_HS, BY_M, ECALL_HS
    STORES_IN ENTER_HS, BY_M, STORE_PAGE
    li a0, MSTATUS_MXR
    csrc mstatus, a0
    TEST 5      # reserved: W without R, and W X without R
    SLOT PTE_V | PTE_W | PTE_A | PTE_D
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    STORES_IN ENTER_HS, BY_M, STORE_PAGE
    SLOT PTE_V | PTE_W | PTE_X | PTE_A | PTE_D
    JUMPS_IN ENTER_HS, BY_M, FETCH_PAGE
    TEST 6      # user pages: U may, S needs SUM and may never fetch
    SLOT PTE_URWX
    LOADS_IN ENTER_U_PAGED, BY_M, ECALL_U
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    STORES_IN ENTER_HS, BY_M, STORE_PAGE
    li a0, MSTATUS_SUM
    csrs mstatus, a0
    LOADS_IN ENTER_HS, BY_M, ECALL_HS
    STORES_IN ENTER_HS, BY_M, ECALL_HS
    JUMPS_IN ENTER_HS, BY_M, FETCH_PAGE
    li a0, MSTATUS_SUM
    csrc mstatus, a0
    SLOT PTE_RWX
    LOADS_IN ENTER_U_PAGED, BY_M, LOAD_PAGE
    STORES_IN ENTER_U_PAGED, BY_M, STORE_PAGE
    JUMPS_IN ENTER_U_PAGED, BY_M, FETCH_PAGE
    TEST 7      # Svade: A clear faults any access, D clear a store
    SLOT PTE_V | PTE_R | PTE_W | PTE_X | PTE_D
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    STORES_IN ENTER_HS, BY_M, STORE_PAGE
    JUMPS_IN ENTER_HS, BY_M, FETCH_PAGE
    SLOT PTE_V | PTE_R | PTE_W | PTE_X | PTE_A
    LOADS_IN ENTER_HS, BY_M, ECALL_HS
    STORES_IN ENTER_HS, BY_M, STORE_PAGE
    la a2, s_l0
    ld a0, 5 * 8(a2)
    CHECK_BITS a0, 0xff, PTE_V | PTE_R | PTE_W | PTE_X | PTE_A
    TEST 8      # reserved high bits
    la t3, page_a
    li a4, PTE_RWX
    srli t3, t3, 2
    or t3, t3, a4
    li a3, 1 << 54
    or t3, t3, a3
    la t0, s_l0
    sd t3, 5 * 8(t0)
    sfence.vma
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    la t0, s_l0
    ld t3, 5 * 8(t0)
    li a3, (1 << 54) | (1 << 61)
    xor t3, t3, a3
    sd t3, 5 * 8(t0)
    sfence.vma
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    TEST 9      # the two bits for software are free
    SLOT PTE_RWX | 0x300
    LOADS_IN ENTER_HS, BY_M, ECALL_HS
    TEST 10     # a pointer at the last level, and A, D or U in a pointer
    SLOT PTE_TABLE
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    SLOT PTE_RWX
    MAP s_l1, 0, s_l0, PTE_TABLE | PTE_A
    sfence.vma
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    MAP s_l1, 0, s_l0, PTE_TABLE | PTE_U
    sfence.vma
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    MAP s_l1, 0, s_l0, PTE_TABLE | PTE_G
    sfence.vma
    LOADS_IN ENTER_HS, BY_M, ECALL_HS
    TEST 11     # a 2 MiB page; misaligned ones fault
    MAP_AT s_l1, 3, DRAM, PTE_RWX
    sfence.vma
    la a1, page_b
    li a3, DRAM - 3 * MEGAPAGE
    sub a1, a1, a3
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_B
    MAP_AT s_l1, 3, DRAM + PAGE, PTE_RWX
    sfence.vma
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    MAP_AT s_root, 1, DRAM, PTE_RWX
    sfence.vma
    la a1, page_c
    li a3, GIGAPAGE
    sub a1, a1, a3
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_C
    MAP_AT s_root, 1, DRAM + MEGAPAGE, PTE_RWX
    sfence.vma
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    TEST 12     # non-canonical addresses
    SLOT PTE_RWX
    li a3, 1 << 39
    or a1, a1, a3
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    CHECK_SAME s4, a1
    JUMPS_IN ENTER_HS, BY_M, FETCH_PAGE
    li a1, 1 << 38
    LOADS_IN ENTER_HS, BY_M, LOAD_PAGE
    TEST 13     # the top half: root entry 511
    MAP s_root, 511, s_l1, PTE_TABLE
    sfence.vma
    li a1, -GIGAPAGE + 5 * PAGE
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    TEST 14     # MPRV: M's loads and stores as MPP's, fetches not
    SLOT PTE_URWX
    li a0, MSTATUS_MPP
    csrc mstatus, a0
    li a0, MSTATUS_MPRV
    csrs mstatus, a0
    ld a2, 0(a1)
    csrc mstatus, a0
    CHECK a2, WORD_A
    li a2, MSTATUS_MPP_S
    csrs mstatus, a2
    ENTER_M
    csrs mstatus, a0
    ld a2, 0(a1)
    LEAVE
    li a0, MSTATUS_MPRV
    csrc mstatus, a0
    CHECK_TRAP BY_M, LOAD_PAGE
    CHECK_SAME s4, a1
    TEST 15     # Bare: addresses are physical
    csrw satp, x0
    sfence.vma
    la a1, page_d
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_D
    TEST 16     # a table outside memory: an access fault of the access's kind
    SET_ATP satp, s_root
#ifndef ON_QEMU     /* QEMU 10.0 reports a page fault */
    MAP_AT s_root, 4, HOLE, PTE_TABLE
    sfence.vma
    li a1, 4 * GIGAPAGE
    LOADS_IN ENTER_HS, BY_M, LOAD_ACCESS
    CHECK_SAME s4, a1
    STORES_IN ENTER_HS, BY_M, STORE_ACCESS
    JUMPS_IN ENTER_HS, BY_M, FETCH_ACCESS
#endif
    MAP_AT s_root, 4, 0, PTE_RWX
    sfence.vma
    li a1, 4 * GIGAPAGE + HOLE
    LOADS_IN ENTER_HS, BY_M, LOAD_ACCESS
    CHECK_SAME s4, a1
    PASS
PAGE_TABLES
