# Hardware A and D update in both stages: menvcfg.ADUE for the second, henvcfg.ADUE for the first.
#include "harness.h"
#include "paging.h"
#define ADUE (1 << 61)
#define CLEAN (PTE_V | PTE_R | PTE_W | PTE_X)
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
.macro SLOTS vs_flags, g_flags
    MAP_AT vs_l0, 5, 7 * PAGE, \vs_flags
    MAP g_l0, 7, page_a, \g_flags
    FENCES
.endm
.macro CHECK_SLOTS vs_flags, g_flags
    la a2, vs_l0
    ld a0, 5 * 8(a2)
    CHECK_BITS a0, 0x3ff, \vs_flags
    la a2, g_l0
    ld a0, 7 * 8(a2)
    CHECK_BITS a0, 0x3ff, \g_flags
.endm
.macro DOES mode, cause, instruction:vararg
    \mode
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, \cause
.endm
    li a1, 5 * PAGE
    li s9, ADUE
    TEST 2      # neither: the first stage faults first
    csrc menvcfg, s9
    SLOTS CLEAN, CLEAN | PTE_U
    DOES ENTER_VS, LOAD_PAGE, ld a0, 0(a1)
    CHECK_SLOTS CLEAN, CLEAN | PTE_U
    TEST 3      # menvcfg alone: henvcfg.ADUE is 0, so the first stage still faults
    csrs menvcfg, s9
    csrw henvcfg, x0
    SLOTS CLEAN, CLEAN | PTE_U
    DOES ENTER_VS, LOAD_PAGE, ld a0, 0(a1)
    CHECK_SLOTS CLEAN, CLEAN | PTE_U
    SLOTS PTE_RWX, CLEAN | PTE_U
    DOES ENTER_VS, ECALL_VS, ld a0, 0(a1)
    CHECK_SLOTS PTE_RWX, CLEAN | PTE_U | PTE_A
    DOES ENTER_VS, ECALL_VS, sd a0, 8(a1)
    CHECK_SLOTS PTE_RWX, PTE_URWX
    TEST 4      # both
    csrs henvcfg, s9
    SLOTS CLEAN, CLEAN | PTE_U
    DOES ENTER_VS, ECALL_VS, ld a0, 0(a1)
    CHECK_SLOTS CLEAN | PTE_A, CLEAN | PTE_U | PTE_A
    DOES ENTER_VS, ECALL_VS, sd a0, 8(a1)
    CHECK_SLOTS PTE_RWX, PTE_URWX
    SLOTS CLEAN, CLEAN | PTE_U
    DOES ENTER_VS, ECALL_VS, sd a0, 8(a1)
    CHECK_SLOTS PTE_RWX, PTE_URWX
    TEST 5      # the update of a first-stage entry is a write through the second stage
    MAP_AT vs_root, 4, 9 * PAGE, PTE_TABLE
    MAP g_l0, 9, vs_l1, PTE_V | PTE_R | PTE_U | PTE_A
    MAP_AT vs_l1, 1, 11 * PAGE, PTE_TABLE
    MAP g_l0, 11, vs_l0, PTE_V | PTE_R | PTE_U | PTE_A      # the last-level table is read-only
    SLOTS CLEAN, PTE_URWX
    li a1, 4 * GIGAPAGE + MEGAPAGE + 5 * PAGE
#ifndef ON_QEMU     /* QEMU 10.0 writes the entry past the second stage */
    DOES ENTER_VS, LOAD_GUEST, ld a0, 0(a1)
    CHECK_SAME s4, a1
    CHECK s5, (11 * PAGE + 5 * 8) >> 2
    CHECK s6, 0x3020
    CHECK_SLOTS CLEAN, PTE_URWX
    DOES ENTER_VS, STORE_GUEST, sd a0, 0(a1)
    CHECK s6, 0x3020
#endif
    TEST 6      # and sets D of the second-stage entry that maps the table
    MAP g_l0, 11, vs_l0, CLEAN | PTE_U | PTE_A
    FENCES
    DOES ENTER_VS, ECALL_VS, ld a0, 0(a1)
    CHECK_SLOTS CLEAN | PTE_A, PTE_URWX
#ifndef ON_QEMU
    la a2, g_l0
    ld a0, 11 * 8(a2)
    CHECK_BITS a0, 0x3ff, PTE_URWX
#endif
    TEST 7      # HLV and HSV follow the same rules
    li a1, 5 * PAGE
    li a3, HSTATUS_SPVP
    csrs hstatus, a3
    SLOTS CLEAN, CLEAN | PTE_U
    DOES ENTER_HS, ECALL_HS, hlv.d a0, (a1)
    CHECK_SLOTS CLEAN | PTE_A, CLEAN | PTE_U | PTE_A
    DOES ENTER_HS, ECALL_HS, hsv.d a0, (a1)
    CHECK_SLOTS PTE_RWX, PTE_URWX
    TEST 8      # clearing menvcfg.ADUE clears henvcfg's
    csrc menvcfg, s9
    csrr a0, henvcfg
    CHECK_BITS a0, ADUE, 0
    SLOTS PTE_RWX, CLEAN | PTE_U
    DOES ENTER_VS, LOAD_GUEST, ld a0, 0(a1)
    PASS
PAGE_TABLES
