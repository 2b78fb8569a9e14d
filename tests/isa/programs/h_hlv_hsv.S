# HLV, HLVX and HSV: widths, SPVP, permissions, translation, use from M, HS and U.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX      # for VS
    MAP_AT vs_l0, 6, 8 * PAGE, PTE_URWX     # for VU
    MAP g_l0, 7, page_a, PTE_URWX
    MAP g_l0, 8, page_b, PTE_URWX
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    FENCES
    li s9, HSTATUS_SPVP
    csrs hstatus, s9
    TEST 2      # every width, signed and not, with HS' own translation Bare
    la a2, page_a
    li a3, 0xfedcba9876543281
    sd a3, 0(a2)
    li a1, 5 * PAGE
.macro READS instruction, expected
    ENTER_HS
    \instruction a0, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, \expected
.endm
    READS hlv.b, -0x7f
    READS hlv.bu, 0x81
    READS hlv.h, 0x3281
    READS hlv.hu, 0x3281
    READS hlv.w, 0x76543281
    READS hlv.wu, 0x76543281
    READS hlv.d, 0xfedcba9876543281
    READS hlvx.hu, 0x3281
    READS hlvx.wu, 0x76543281
    li a1, 5 * PAGE + 4
    READS hlv.w, 0xfffffffffedcba98
    READS hlv.wu, 0xfedcba98
    READS hlv.h, 0xffffffffffffba98
    READS hlvx.wu, 0xfedcba98
    TEST 3      # stores of every width
    li a1, 5 * PAGE + 16
    sd x0, 16(a2)
    li a3, -1
    ENTER_HS
    hsv.b a3, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    ld a0, 16(a2)
    CHECK a0, 0xff
    ENTER_HS
    hsv.h a3, (a1)
    LEAVE
    ld a0, 16(a2)
    CHECK a0, 0xffff
    ENTER_HS
    hsv.w a3, (a1)
    LEAVE
    ld a0, 16(a2)
    CHECK a0, 0xffffffff
    ENTER_HS
    hsv.d a3, (a1)
    LEAVE
    ld a0, 16(a2)
    CHECK a0, -1
    TEST 4      # from M, and from U under HU
    li a1, 5 * PAGE
    hlv.bu a0, (a1)
    CHECK a0, 0x81
    li a3, HSTATUS_HU
    csrs hstatus, a3
    ENTER_U
    hlv.bu a0, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_U
    CHECK a0, 0x81
    csrc hstatus, a3
    TEST 5      # SPVP chooses VS or VU
.macro FAULTS cause, instruction:vararg
    ENTER_HS
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, \cause
    CHECK_ADDRESS s3, 1b
.endm
    li a1, 6 * PAGE
    FAULTS LOAD_PAGE, hlv.d a0, (a1)
    CHECK_SAME s4, a1
    mv a0, s7
    CHECK_BITS a0, MSTATUS_MPV | MSTATUS_MPP, MSTATUS_MPP_S
    CHECK_GVA
    csrc hstatus, s9
    READS hlv.d, WORD_B
    li a1, 5 * PAGE
    FAULTS LOAD_PAGE, hlv.d a0, (a1)
    FAULTS STORE_PAGE, hsv.d a0, (a1)
    csrs hstatus, s9
    TEST 6      # vsstatus.SUM, not sstatus.SUM
    li a1, 6 * PAGE
    li a3, MSTATUS_SUM
    csrs mstatus, a3
    FAULTS LOAD_PAGE, hlv.d a0, (a1)
    csrc mstatus, a3
    csrs vsstatus, a3
    READS hlv.d, WORD_B
    csrc vsstatus, a3
    TEST 7      # HLVX needs X, not R; a missing X is a load fault
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_V | PTE_X | PTE_A
    MAP g_l0, 7, page_a, PTE_V | PTE_X | PTE_U | PTE_A
    FENCES
    li a1, 5 * PAGE
    READS hlvx.hu, 0x3281
    FAULTS LOAD_PAGE, hlv.hu a0, (a1)
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_V | PTE_R | PTE_A
    FENCES
#ifndef ON_QEMU     /* QEMU 10.0 reports an instruction fault */
    FAULTS LOAD_PAGE, hlvx.hu a0, (a1)
    CHECK_SAME s4, a1
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_V | PTE_R | PTE_U | PTE_A
    FENCES
    FAULTS LOAD_GUEST, hlvx.wu a0, (a1)
    CHECK s5, (7 * PAGE) >> 2
    READS hlv.hu, 0x3281
#endif
    TEST 8      # MXR: sstatus' for both stages, vsstatus' for the first
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_V | PTE_X | PTE_A
    MAP g_l0, 7, page_a, PTE_URWX
    FENCES
    li a3, MSTATUS_MXR
    FAULTS LOAD_PAGE, hlv.hu a0, (a1)
    csrs vsstatus, a3
    READS hlv.hu, 0x3281
    csrc vsstatus, a3
    csrs mstatus, a3
    READS hlv.hu, 0x3281
    csrc mstatus, a3
    TEST 9      # guest-page faults
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, 0
    FENCES
    li a1, 5 * PAGE + 8
    FAULTS LOAD_GUEST, hlv.d a0, (a1)
    CHECK_SAME s4, a1
    CHECK s5, (7 * PAGE + 8) >> 2
    mv a0, s7
    CHECK_BITS a0, MSTATUS_MPV, 0
    CHECK_GVA
    FAULTS STORE_GUEST, hsv.b a0, (a1)
    CHECK s5, (7 * PAGE + 8) >> 2
    TEST 10     # Bare guest, no second stage: guest addresses are physical
    csrw vsatp, x0
    csrw hgatp, x0
    FENCES
    la a1, page_b
    READS hlv.d, WORD_B
    TEST 11     # HLV ignores HS' satp
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    MAP g_l0, 7, page_c, PTE_URWX
    FIRST_STAGE s_root, s_l1, s_l0
    MAP s_l0, 5, page_d, PTE_RWX
    SET_ATP satp, s_root
    FENCES
    li a1, 5 * PAGE
    ENTER_HS
    hlv.d a0, (a1)
    ld a2, 0(a1)
    hlv.d a3, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_C
    CHECK a2, WORD_D
    CHECK a3, WORD_C
    TEST 12     # misaligned
    li a1, 5 * PAGE + 3
    la a2, page_c
    li a3, 0x8877665544332211
    sd a3, 3(a2)
    READS hlv.d, 0x8877665544332211
    READS hlv.w, 0x44332211
    PASS
PAGE_TABLES
