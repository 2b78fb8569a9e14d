# Directed: htinst and mtinst (and htval, mtval2) are zero for traps that must not fill them, though a
# guest-page fault filled them before.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP_AT vs_l0, 6, PAGE, 0
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    FENCES
    li a1, 5 * PAGE
/* Fill the registers of the level, then take another trap there. */
.macro ZERO_AFTER by, mode, cause, instruction:vararg
    ENTER_VS
    sd a0, 8(a1)
    LEAVE
    CHECK_TRAP \by, STORE_GUEST
    beqz s6, fail_near
    \mode
    \instruction
    LEAVE
    CHECK_TRAP \by, \cause
    CHECK s5, 0
    CHECK s6, 0
.endm
    TEST 2      # in M
    ZERO_AFTER BY_M, ENTER_VS, ECALL_VS, nop
    ZERO_AFTER BY_M, ENTER_HS, ECALL_HS, nop
    ZERO_AFTER BY_M, ENTER_U, ECALL_U, nop
    ZERO_AFTER BY_M, ENTER_M, ECALL_M, nop
    ZERO_AFTER BY_M, ENTER_VS, ILLEGAL, .word 0xffffffff
    ZERO_AFTER BY_M, ENTER_VS, VIRTUAL, csrr a0, hstatus
    ZERO_AFTER BY_M, ENTER_VS, BREAKPOINT, ebreak
    TEST 3      # an instruction guest-page fault
    ENTER_VS
    sd a0, 8(a1)
    LEAVE
    ENTER_VS
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_GUEST
    CHECK s5, (7 * PAGE) >> 2
    CHECK s6, 0
    TEST 4      # an interrupt
    ENTER_VS
    sd a0, 8(a1)
    LEAVE
    li a0, 2
    csrw mip, a0
    csrw mie, a0
    ENTER_VS
1:  j 1b
    LEAVE
    CHECK_TRAP BY_M, INTERRUPT(1)
    CHECK s4, 0
    CHECK s5, 0
    CHECK s6, 0
    csrw mie, x0
    csrw mip, x0
    TEST 5      # in HS
    li a0, (1 << STORE_GUEST) | (1 << ECALL_VS) | (1 << ECALL_U) | (1 << VIRTUAL) | (1 << ILLEGAL) | (1 << BREAKPOINT)
    csrw medeleg, a0
    ZERO_AFTER BY_HS, ENTER_VS, ECALL_VS, nop
    ZERO_AFTER BY_HS, ENTER_U, ECALL_U, nop
    ZERO_AFTER BY_HS, ENTER_VS, VIRTUAL, csrr a0, hstatus
    ZERO_AFTER BY_HS, ENTER_HS, ILLEGAL, .word 0
    ZERO_AFTER BY_HS, ENTER_VU_PAGED, ILLEGAL, .word 0
    li a0, 0x4
    csrw hie, a0
    csrw hvip, a0
    ENTER_VS
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(2)
    CHECK s5, 0
    CHECK s6, 0
    csrw hvip, x0
    TEST 6      # a first-stage page fault
    li a0, (1 << STORE_GUEST) | (1 << LOAD_PAGE)
    csrw medeleg, a0
    ENTER_VS
    sd a0, 8(a1)
    LEAVE
    CHECK_TRAP BY_HS, STORE_GUEST
    li a2, 6 * PAGE
    ENTER_VS
    ld a0, 8(a2)
    LEAVE
    CHECK_TRAP BY_HS, LOAD_PAGE
    CHECK s5, 0
    CHECK_NO_TINST
    PASS
fail_near:
    j fail
PAGE_TABLES
