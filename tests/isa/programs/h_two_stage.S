# Two-stage translation: each page size over each, permissions of both stages, which stage faults.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_URWX
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    FENCES
.macro LOADS expected
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    CHECK a0, \expected
.endm
.macro FAULTS cause, instruction:vararg
    ENTER_VS
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, \cause
.endm
    TEST 2      # 4 KiB over 4 KiB
    li a1, 5 * PAGE
    LOADS WORD_A
    ENTER_VS
    sd a1, 24(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    la a2, page_a
    ld a2, 24(a2)
    CHECK a2, 5 * PAGE
    TEST 3      # the second stage is missing: guest-page fault, GPA >> 2 in mtval2, transformed instruction
    MAP g_l0, 7, page_a, 0
    FENCES
    FAULTS LOAD_GUEST, ld a0, 8(a1)
    CHECK_ADDRESS s3, 1b
    CHECK s4, 5 * PAGE + 8
    CHECK s5, (7 * PAGE + 8) >> 2
    CHECK_BITS s7, MSTATUS_GVA | MSTATUS_MPV, MSTATUS_GVA | MSTATUS_MPV
    FAULTS STORE_GUEST, sd a0, 16(a1)
    CHECK s4, 5 * PAGE + 16
    CHECK s5, (7 * PAGE + 16) >> 2
    FAULTS STORE_GUEST, amoadd.w a0, a0, (a1)
    CHECK s5, (7 * PAGE) >> 2
    FAULTS LOAD_GUEST, lr.w a0, (a1)
    FAULTS FETCH_GUEST, jr a1
    CHECK_SAME s3, a1
    CHECK_SAME s4, a1
    CHECK s5, (7 * PAGE) >> 2
    CHECK s6, 0
    TEST 4      # the first stage is missing: a page fault, no GPA
    MAP_AT vs_l0, 5, 7 * PAGE, 0
    FENCES
    FAULTS LOAD_PAGE, ld a0, 8(a1)
    CHECK s4, 5 * PAGE + 8
    CHECK s5, 0
    CHECK_NO_TINST
    CHECK_BITS s7, MSTATUS_GVA, MSTATUS_GVA
    FAULTS STORE_PAGE, sd a0, 8(a1)
    FAULTS FETCH_PAGE, jr a1
    TEST 5      # second-stage permissions
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_V | PTE_R | PTE_U | PTE_A | PTE_D
    FENCES
    LOADS WORD_A
    FAULTS STORE_GUEST, sd a0, 8(a1)
    FAULTS FETCH_GUEST, jr a1
    MAP g_l0, 7, page_a, PTE_V | PTE_X | PTE_U | PTE_A
    FENCES
    FAULTS LOAD_GUEST, ld a0, 8(a1)
    MAP g_l0, 7, page_a, PTE_RWX        # second-stage leaves need U
    FENCES
    FAULTS LOAD_GUEST, ld a0, 8(a1)
    MAP g_l0, 7, page_a, PTE_V | PTE_R | PTE_W | PTE_U
    FENCES
    FAULTS LOAD_GUEST, ld a0, 8(a1)     # A clear
    MAP g_l0, 7, page_a, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A
    FENCES
    LOADS WORD_A
    FAULTS STORE_GUEST, sd a0, 8(a1)    # D clear
    TEST 6      # first-stage permissions stand before the second's
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_V | PTE_R | PTE_A
    MAP g_l0, 7, page_a, 0
    FENCES
    FAULTS STORE_PAGE, sd a0, 8(a1)
    FAULTS LOAD_GUEST, ld a0, 8(a1)
    TEST 7      # MXR: vsstatus' for the first stage, mstatus' for both
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_V | PTE_X | PTE_A
    MAP g_l0, 7, page_a, PTE_URWX
    FENCES
    li a3, MSTATUS_MXR
    FAULTS LOAD_PAGE, ld a0, 8(a1)
    csrs vsstatus, a3
    LOADS WORD_A
    csrc vsstatus, a3
    csrs mstatus, a3
    LOADS WORD_A
    csrc mstatus, a3
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_V | PTE_X | PTE_U | PTE_A
    FENCES
    csrs vsstatus, a3
    FAULTS LOAD_GUEST, ld a0, 8(a1)
    csrc vsstatus, a3
    csrs mstatus, a3
    LOADS WORD_A
    csrc mstatus, a3
    TEST 8      # vsstatus.SUM, not mstatus.SUM
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_URWX
    MAP g_l0, 7, page_a, PTE_URWX
    FENCES
    li a3, MSTATUS_SUM
    csrs mstatus, a3
    FAULTS LOAD_PAGE, ld a0, 8(a1)
    csrc mstatus, a3
    csrs vsstatus, a3
    LOADS WORD_A
    csrc vsstatus, a3
    TEST 9      # VU: user pages of the first stage
    ENTER_VU_PAGED
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, ECALL_U
    CHECK a0, WORD_A
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    FENCES
    ENTER_VU_PAGED
    ld a0, 0(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    TEST 10     # first-stage tables pass the second stage: a fault there shows the entry's GPA
    MAP_AT vs_root, 4, 9 * PAGE, PTE_TABLE
    FENCES
    li a1, 4 * GIGAPAGE + 3 * PAGE
    FAULTS LOAD_GUEST, ld a0, 8(a1)
    CHECK s4, 4 * GIGAPAGE + 3 * PAGE + 8
    CHECK s5, (9 * PAGE) >> 2
    CHECK s6, 0x3000
    FAULTS STORE_GUEST, sd a0, 8(a1)
    CHECK s5, (9 * PAGE) >> 2
    CHECK s6, 0x3000
    FAULTS FETCH_GUEST, jr a1
    CHECK s5, (9 * PAGE) >> 2
    CHECK s6, 0x3000
    MAP g_l0, 9, vs_l1, PTE_V | PTE_R | PTE_U | PTE_A      # reading suffices for a walk
    FENCES
    li a1, 4 * GIGAPAGE + 5 * PAGE
    LOADS WORD_A
    MAP g_l0, 9, vs_l1, PTE_V | PTE_X | PTE_U | PTE_A      # executing does not
    FENCES
    FAULTS LOAD_GUEST, ld a0, 0(a1)
    CHECK s5, (9 * PAGE) >> 2
    CHECK s6, 0x3000
    TEST 11     # Bare over Sv39x4, and Sv39 over Bare
    csrw vsatp, x0
    FENCES
    li a1, 7 * PAGE
    LOADS WORD_A
    li a1, 8 * PAGE
    FAULTS LOAD_GUEST, ld a0, 8(a1)
    CHECK s5, (8 * PAGE + 8) >> 2
    CHECK_SAME s6, s6
    SET_ATP vsatp, vs_root
    csrw hgatp, x0
    MAP vs_l0, 5, page_b, PTE_RWX
    FENCES
    li a1, 5 * PAGE
    LOADS WORD_B
    li a1, 6 * PAGE
    FAULTS LOAD_PAGE, ld a0, 8(a1)
    CHECK_BITS s7, MSTATUS_GVA, MSTATUS_GVA
    PASS
PAGE_TABLES
