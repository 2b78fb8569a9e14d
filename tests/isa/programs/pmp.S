# Physical memory protection with 4 KiB regions (privileged spec, "Physical Memory Protection").
#include "harness.h"
#include "paging.h"
#define OFF 0
#define TOR 0x08
#define NAPOT 0x18
#define R 1
#define W 2
#define X 4
#define L 0x80
PROGRAM
.macro LOADS_IN mode, cause
    \mode
1:  ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, \cause
.endm
.macro STORES_IN mode, cause
    \mode
1:  sd a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, \cause
.endm
/* Entries 1 and 0 (cfg bytes); entry 7 keeps all of memory open. */
.macro CFG value
    li t0, (0x1f << 56) | (\value)
    csrw pmpcfg0, t0
    sfence.vma
.endm
    li t0, -1
    csrw pmpaddr7, t0
    CFG 0
    FILL_PAGES
    TEST 2      # all eight entries hold values, the others are zero
    li a0, 0x123400
    csrw pmpaddr5, a0
    csrr a1, pmpaddr5
    CHECK_SAME a0, a1
    csrw pmpaddr5, x0
#ifndef ON_QEMU     /* QEMU 10.0 has 16 entries and regions of 4 bytes */
    csrw pmpaddr8, a0
    csrr a1, pmpaddr8
    CHECK a1, 0
    csrw pmpcfg2, a0
    csrr a1, pmpcfg2
    CHECK a1, 0
    TEST 3      # granularity: the size that software finds
    csrw pmpaddr0, x0
    li a0, -1
    csrw pmpaddr0, a0
    csrr a1, pmpaddr0
    CHECK a1, 0x003ffffffffffc00
    CFG NAPOT
    csrr a1, pmpaddr0
    CHECK a1, 0x003fffffffffffff
    CFG 0x10        # NA4 cannot be had
    csrr a1, pmpcfg0
    CHECK_BITS a1, 0x18, 0
#endif
    ENTER_M
    csrr a0, 0x3a1      # odd pmpcfg registers are for RV32
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    TEST 4      # NAPOT of one page: read only for S and U, M unbound
    la a1, page_b
    srli a0, a1, 2
    ori a0, a0, 0x1ff
    csrw pmpaddr0, a0
    CFG NAPOT | R
    LOADS_IN ENTER_HS, ECALL_HS
    STORES_IN ENTER_HS, STORE_ACCESS
    CHECK_ADDRESS s4, page_b
    LOADS_IN ENTER_U, ECALL_U
    STORES_IN ENTER_U, STORE_ACCESS
    STORES_IN ENTER_M, ECALL_M
    ENTER_HS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_ACCESS
    CHECK_SAME s4, a1
    TEST 5      # the neighbours are not in it
    la a1, page_a + PAGE - 8
    STORES_IN ENTER_HS, ECALL_HS
    la a1, page_c
    STORES_IN ENTER_HS, ECALL_HS
    TEST 6      # the last byte's page decides: an access into the region from below
    la a1, page_b - 4
    STORES_IN ENTER_HS, STORE_ACCESS
    LOADS_IN ENTER_HS, ECALL_HS
    TEST 7      # TOR: from entry 0's address up to entry 1's
    la a0, page_b
    srli a0, a0, 2
    csrw pmpaddr0, a0
    la a0, page_d
    srli a0, a0, 2
    csrw pmpaddr1, a0
    CFG (TOR << 8) | OFF
    la a1, page_b
    LOADS_IN ENTER_HS, LOAD_ACCESS
    la a1, page_c + PAGE - 8
    LOADS_IN ENTER_HS, LOAD_ACCESS
    la a1, page_d
    LOADS_IN ENTER_HS, ECALL_HS
    la a1, page_a
    LOADS_IN ENTER_HS, ECALL_HS
    TEST 8      # the lowest entry decides
    la a0, page_b
    srli a0, a0, 2
    ori a0, a0, 0x1ff
    csrw pmpaddr0, a0
    la a0, page_a
    srli a0, a0, 2
    ori a0, a0, 0x7ff
    csrw pmpaddr1, a0
    CFG (NAPOT << 8) | NAPOT | R | W
    la a1, page_b
    STORES_IN ENTER_HS, ECALL_HS
    TEST 9      # nothing matches: S and U fail, M does not
    csrw pmpcfg0, x0
    ENTER_HS
    LEAVE
    CHECK_TRAP BY_M, FETCH_ACCESS
    ENTER_M
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, ECALL_M
    CFG 0
    TEST 10     # MPRV takes the other mode's verdict
    la a0, page_b
    srli a0, a0, 2
    ori a0, a0, 0x1ff
    csrw pmpaddr0, a0
    CFG NAPOT
    la a1, page_b
    li a2, MSTATUS_MPP
    csrc mstatus, a2
    li a2, MSTATUS_MPRV
    ENTER_M
    csrs mstatus, a2
    ld a0, 0(a1)
    LEAVE
    li a2, MSTATUS_MPRV
    csrc mstatus, a2
    CHECK_TRAP BY_M, LOAD_ACCESS
    TEST 11     # page tables are read under PMP: an access fault
    FIRST_STAGE s_root, s_l1, s_l0
    MAP s_l0, 5, page_c, PTE_RWX
    SET_ATP satp, s_root
    la a0, s_l0
    srli a0, a0, 2
    ori a0, a0, 0x1ff
    csrw pmpaddr0, a0
    CFG NAPOT
    li a1, 5 * PAGE
    LOADS_IN ENTER_HS, LOAD_ACCESS
    CHECK_SAME s4, a1
    STORES_IN ENTER_HS, STORE_ACCESS
    CFG NAPOT | R
    LOADS_IN ENTER_HS, ECALL_HS
    csrw satp, x0
    sfence.vma
    TEST 12     # a locked entry binds M, and cannot be changed
    la a0, page_d
    srli a0, a0, 2
    ori a0, a0, 0x1ff
    csrw pmpaddr0, a0
    CFG NAPOT | R | L
    la a1, page_d
    LOADS_IN ENTER_M, ECALL_M
    STORES_IN ENTER_M, STORE_ACCESS
    CHECK_SAME s4, a1
    csrr a0, pmpaddr0
    csrw pmpaddr0, x0
    csrr a2, pmpaddr0
    CHECK_SAME a0, a2
    CFG 0
    csrr a2, pmpcfg0
    CHECK_BITS a2, 0xff, NAPOT | R | L
    TEST 13     # a locked TOR entry locks the address below it
    la a0, page_a
    srli a0, a0, 2
    csrw pmpaddr2, a0
    csrw pmpaddr3, a0
    CFG ((TOR | L) << 24)
    csrw pmpaddr2, x0
    csrr a2, pmpaddr2
    CHECK_SAME a0, a2
    PASS
PAGE_TABLES
