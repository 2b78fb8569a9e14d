# Zicsr: the six instructions, side-effect rules for x0 operands, read-only and absent registers.
#include "harness.h"
PROGRAM
    TEST 2
    li a0, 0x1234567890abcdef
    csrw mscratch, a0
    csrr a1, mscratch
    CHECK_SAME a0, a1
    li a2, 0xff
    csrrc a1, mscratch, a2
    CHECK_SAME a0, a1
    csrrs a1, mscratch, a2
    CHECK a1, 0x1234567890abcd00
    csrrw a1, mscratch, x0
    CHECK a1, 0x1234567890abcdff
    csrr a1, mscratch
    CHECK a1, 0
    TEST 3
    csrrwi a1, mscratch, 21
    CHECK a1, 0
    csrrsi a1, mscratch, 10
    CHECK a1, 21
    csrrci a1, mscratch, 16
    CHECK a1, 31
    csrr a1, mscratch
    CHECK a1, 15
    TEST 4      # rd = rs1
    li a0, 100
    csrw mscratch, a0
    li a0, 200
    csrrw a0, mscratch, a0
    CHECK a0, 100
    csrr a0, mscratch
    CHECK a0, 200
    TEST 5      # reading forms do not write a read-only register; writing forms trap
    csrr a0, mhartid
    CHECK a0, 0
    csrrs a0, mhartid, x0
    csrrci a0, mhartid, 0
    ENTER_M
    csrrw x0, mhartid, x0
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    ENTER_M
    csrrsi x0, mhartid, 1
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    li a0, 0
    ENTER_M
1:  csrrs x0, mhartid, a0       # rs1 is not x0, though its value is 0
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 1b
    CHECK s4, 0xf1452073
    TEST 6      # a trapping access changes no destination
    li a0, 55
    ENTER_M
    csrrw a0, mhartid, a0
    LEAVE
    CHECK a0, 55
    ENTER_M
    csrr a0, 0x5c0
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK a0, 55
    TEST 7      # privilege: S registers from U, M registers from S and U
    ENTER_U
    csrr a0, sscratch
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    ENTER_U
    csrr a0, mscratch
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    ENTER_HS
    csrr a0, mscratch
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    ENTER_U
    csrr a0, hstatus
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    ENTER_HS
    csrr a0, sscratch
    csrr a0, hstatus
    csrr a0, vsscratch
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, 0
    TEST 8      # misa: RV64 with A C H I M S U; writes have no effect
    csrr a0, misa
    CHECK a0, (2 << 62) | (1 << 0) | (1 << 2) | (1 << 7) | (1 << 8) | (1 << 12) | (1 << 18) | (1 << 20)
    csrw misa, x0
    csrr a1, misa
    CHECK_SAME a0, a1
    PASS
