# More pages than a small TLB holds, in one and in two stages, with superpages between them; each page's
# mapping stays its own, and ASIDs and VMIDs keep theirs.
#include "harness.h"
#include "paging.h"
PROGRAM
#define COUNT 96
/* Tables: page n of the first 2 MiB goes to pool page (n * 37) % COUNT; each pool page holds its number. */
.macro SCATTER table, base_register
    li a0, 0
    li a1, COUNT
1:  li a2, 37
    mul a2, a0, a2
    remu a2, a2, a1
    slli a3, a2, 12
    add a3, a3, \base_register
    srli a3, a3, 2
    ori a3, a3, PTE_URWX & 0xff
    la a4, \table
    slli a5, a0, 3
    add a4, a4, a5
    sd a3, 0(a4)
    addi a0, a0, 1
    bltu a0, a1, 1b
.endm
    la s9, pool
    li a0, 0
    li a1, COUNT
1:  slli a2, a0, 12
    add a2, a2, s9
    sd a0, 0(a2)
    addi a0, a0, 1
    bltu a0, a1, 1b
    li a0, MSTATUS_SUM
    csrs mstatus, a0
    csrs vsstatus, a0
/* Reads every page in the mode; sums (number read) * (page + 1) into a0. */
.macro SUMS mode
    li a0, 0
    li a1, 0
    li a2, COUNT
    \mode
1:  slli a3, a1, 12
    ld a4, 0(a3)
    addi a1, a1, 1
    mul a4, a4, a1
    add a0, a0, a4
    bltu a1, a2, 1b
    LEAVE
.endm
/* The same sum computed for numbers (n * 37 + add) % COUNT, into s10. */
.macro EXPECT multiplier
    li s10, 0
    li a1, 0
    li a2, COUNT
1:  li a3, \multiplier
    mul a3, a3, a1
    remu a3, a3, a2
    addi a1, a1, 1
    mul a3, a3, a1
    add s10, s10, a3
    bltu a1, a2, 1b
.endm
    TEST 2      # one stage
    FIRST_STAGE s_root, s_l1, s_l0
    SCATTER s_l0, s9
    SET_ATP satp, s_root, 1 << 44
    FENCES
    SUMS ENTER_HS
    CHECK_TRAP BY_M, ECALL_HS
    EXPECT 37
    CHECK_SAME a0, s10
    SUMS ENTER_HS
    CHECK_SAME a0, s10
    TEST 3      # two stages: GVA n -> GPA 37 n -> pool 37 * 37 n
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    li s11, 0
    SCATTER vs_l0, s11
    SCATTER g_l0, s9
    SET_ATP vsatp, vs_root, 1 << 44
    SET_ATP hgatp, g_root, 1 << 44
    FENCES
    SUMS ENTER_VS
    CHECK_TRAP BY_M, ECALL_VS
    EXPECT 37 * 37
    CHECK_SAME a0, s10
    SUMS ENTER_VS
    CHECK_SAME a0, s10
    TEST 4      # HS and the guest in turn, nothing fenced between
    SUMS ENTER_HS
    EXPECT 37
    CHECK_SAME a0, s10
    SUMS ENTER_VS
    EXPECT 37 * 37
    CHECK_SAME a0, s10
    TEST 5      # the second stage alone: GPA n -> pool 37 n, with another VMID
    csrw vsatp, x0
    SET_ATP hgatp, g_root, 2 << 44
    SUMS ENTER_VS
    CHECK_TRAP BY_M, ECALL_VS
    EXPECT 37
    CHECK_SAME a0, s10
    TEST 6      # the first stage alone: tables without scatter would give n; another ASID
    csrw hgatp, x0
    la a0, s_root
    srli a0, a0, 12
    li a1, (8 << 60) | (3 << 44)
    or a0, a0, a1
    csrw vsatp, a0
    SUMS ENTER_VS
    CHECK_TRAP BY_M, ECALL_VS
    EXPECT 37
    CHECK_SAME a0, s10
    TEST 7      # back to the two-stage guest by its own ids
    SET_ATP vsatp, vs_root, 1 << 44
    SET_ATP hgatp, g_root, 1 << 44
    SUMS ENTER_VS
    EXPECT 37 * 37
    CHECK_SAME a0, s10
    TEST 8      # stores through every page, seen in memory
    li a1, 0
    li a2, COUNT
    ENTER_VS
1:  slli a3, a1, 12
    ld a4, 0(a3)
    sd a4, 8(a3)
    addi a1, a1, 1
    bltu a1, a2, 1b
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    li a1, 0
1:  slli a3, a1, 12
    add a3, a3, s9
    ld a4, 8(a3)
    bne a4, a1, 2f
    addi a1, a1, 1
    bltu a1, a2, 1b
    j 3f
2:  j fail
3:  TEST 9      # superpages beside the pages: 64 megapages of 2 MiB, all onto the same DRAM
    li a0, 1
    li a1, 65
    li a2, (DRAM >> 2) | PTE_RWX
    la a3, s_l1
1:  slli a4, a0, 3
    add a4, a4, a3
    sd a2, 0(a4)
    addi a0, a0, 1
    bltu a0, a1, 1b
    sfence.vma
    li a2, DRAM
    sub a2, s9, a2
    li a0, 1
    li a6, 0
    ENTER_HS
1:  slli a3, a0, 21
    add a3, a3, a2
    slli a4, a0, 12     # page number of the pool, too
    add a3, a3, a4
    ld a5, 0(a3)
    bne a5, a0, 2f
    ld a5, 0(a4)        # and one small page between
    add a6, a6, a5
    addi a0, a0, 1
    bltu a0, a1, 1b
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    j 3f
2:  j fail
3:  PASS
PAGE_TABLES
.bss
.align 12
pool: .zero COUNT * PAGE
