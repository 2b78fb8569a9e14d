# Sstc: stimecmp drives STIP under menvcfg.STCE; who may access it.
#include "harness.h"
#define STCE (1 << 63)
#define STIP (1 << 5)
PROGRAM
    li s11, CLINT_MTIME
    TEST 2      # STCE off: STIP is a software bit
    li a0, STCE
    csrc menvcfg, a0
    li a1, STIP
    csrs mip, a1
    csrr a0, mip
    CHECK_BITS a0, STIP, STIP
    csrc mip, a1
    csrr a0, mip
    CHECK_BITS a0, STIP, 0
    TEST 3      # stimecmp holds 64 bits
    li a0, 0x123456789abcdef0
    csrw stimecmp, a0
    csrr a1, stimecmp
    CHECK_SAME a0, a1
    li a0, -1
    csrw stimecmp, a0
    TEST 4      # STCE on: STIP follows the comparison and cannot be written
    li a0, STCE
    csrs menvcfg, a0
    li a1, STIP
    csrs mip, a1
    csrr a0, mip
    CHECK_BITS a0, STIP, 0
    csrw stimecmp, x0
1:  csrr a0, mip
    andi a0, a0, STIP
    beqz a0, 1b
    csrc mip, a1
    csrr a0, mip
    CHECK_BITS a0, STIP, STIP
    li a0, -1
    csrw stimecmp, a0
1:  csrr a0, mip
    andi a0, a0, STIP
    bnez a0, 1b
    TEST 5      # the interrupt in HS, taken when time comes
    li a0, STIP
    csrw mideleg, a0
    csrw mie, a0
    ld a2, 0(s11)
    addi a2, a2, 20
    csrw stimecmp, a2
    ENTER_HS
    csrsi sstatus, 2
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(5)
    ld a1, 0(s11)
    bgeu a1, a2, 1f
    j fail
1:  li a0, -1
    csrw stimecmp, a0
    TEST 6      # HS needs menvcfg.STCE and mcounteren.TM
    csrw mideleg, x0
    csrw mie, x0
    li a0, 2
    csrw mcounteren, a0
    ENTER_HS
    csrr a0, stimecmp
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    csrw mcounteren, x0
    ENTER_HS
    csrr a0, stimecmp
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    li a0, 2
    csrw mcounteren, a0
    li a1, STCE
    csrc menvcfg, a1
    ENTER_HS
    csrw stimecmp, a0
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    csrs menvcfg, a1
    ENTER_U
    csrr a0, stimecmp
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    csrr a0, stimecmp   # M always may
    PASS
