# Machine timer and software interrupts, enables, vectored mode, priority, delegation of SSI, wfi.
#include "harness.h"
PROGRAM
#define MSIP (1 << 3)
#define MTIP (1 << 7)
#define SSIP (1 << 1)
    li s9, CLINT_MSIP
    li s10, CLINT_MTIMECMP
    li s11, CLINT_MTIME
    li a0, -1
    sd a0, 0(s10)
    sw x0, 0(s9)
    TEST 2      # nothing pending
    csrr a0, mip
    CHECK_BITS a0, MSIP | MTIP, 0
    TEST 3      # msip shows in mip; masked it does not trap
    li a1, 1
    sw a1, 0(s9)
1:  csrr a0, mip
    andi a0, a0, MSIP
    beqz a0, 1b
    li a1, MSTATUS_MIE
    csrs mstatus, a1
    nop
    csrc mstatus, a1
    TEST 4      # enabled in mie, MIE off: not in M
    li a0, MSIP
    csrw mie, a0
    nop
    nop
    TEST 5      # MIE on: taken, epc at an instruction after the enabling one
    ENTER_M
    li a1, MSTATUS_MIE
    csrs mstatus, a1
1:  j 1b
    LEAVE
    CHECK_TRAP BY_M, INTERRUPT(3)
    CHECK s4, 0
    CHECK_BITS s7, MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP, MSTATUS_MPIE | MSTATUS_MPP
    TEST 6      # below M it is taken whatever MIE says, before the first instruction
    li a1, MSTATUS_MIE
    csrc mstatus, a1
    li a1, MSTATUS_MPIE
    csrc mstatus, a1
    ENTER_HS
    LEAVE
    CHECK_TRAP BY_M, INTERRUPT(3)
    CHECK_ADDRESS s3, 76b
    ENTER_U
    LEAVE
    CHECK_TRAP BY_M, INTERRUPT(3)
    sw x0, 0(s9)
1:  csrr a0, mip
    andi a0, a0, MSIP
    bnez a0, 1b
    TEST 7      # the timer
    ld a0, 0(s11)
    addi a0, a0, 20
    sd a0, 0(s10)
    li a1, MTIP
    csrw mie, a1
    ENTER_M
    csrsi mstatus, 8
1:  j 1b
    LEAVE
    CHECK_TRAP BY_M, INTERRUPT(7)
    ld a1, 0(s11)
    bgeu a1, a0, 1f
    j fail
1:  li a0, -1
    sd a0, 0(s10)
1:  csrr a0, mip
    andi a0, a0, MTIP
    bnez a0, 1b
    TEST 8      # wfi waits for the timer and goes on with MIE off
    csrci mstatus, 8
    ld a0, 0(s11)
    addi a0, a0, 20
    sd a0, 0(s10)
1:  wfi
    csrr a1, mip
    andi a1, a1, MTIP
    beqz a1, 1b
    ld a1, 0(s11)
    bgeu a1, a0, 1f
    j fail
1:  TEST 9      # vectored: base + 4 * code for interrupts, base for exceptions
    la a0, vectors + 1
    csrw mtvec, a0
    li a2, 0
    ENTER_M
    csrsi mstatus, 8
1:  j 1b
    LEAVE
    CHECK a2, 7
    CHECK_TRAP BY_M, INTERRUPT(7)
    li a2, 0
    ENTER_M
    LEAVE
    CHECK a2, 100
    CHECK_TRAP BY_M, ECALL_M
    TEST 10     # software before timer
    li a0, MTIP | MSIP
    csrw mie, a0
    li a1, 1
    sw a1, 0(s9)
1:  csrr a0, mip
    andi a0, a0, MSIP
    beqz a0, 1b
    ENTER_HS
    LEAVE
    CHECK a2, 3
    CHECK_TRAP BY_M, INTERRUPT(3)
    sw x0, 0(s9)
    li a0, -1
    sd a0, 0(s10)
1:  csrr a0, mip
    andi a0, a0, MSIP | MTIP
    bnez a0, 1b
    la a0, machine_trap
    csrw mtvec, a0
    TEST 11     # SSI, delegated: to HS, not while in M, not with SIE off
    li a0, SSIP
    csrw mideleg, a0
    csrw mie, a0
    csrw mip, a0
    csrsi mstatus, 8
    nop
    csrci mstatus, 8
    li a0, MSTATUS_SIE
    csrc mstatus, a0
    ENTER_HS
    nop
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    ENTER_HS
    csrsi sstatus, 2
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(1)
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(1)
    TEST 12     # not delegated: to M
    csrw mideleg, x0
    ENTER_HS
1:  j 1b
    LEAVE
    CHECK_TRAP BY_M, INTERRUPT(1)
    csrw mip, x0
    PASS
    .align 8
    .option push
    .option norvc
vectors:
    j vector_exception
    j fail
    j fail
    j vector_3
    j fail
    j fail
    j fail
    j vector_7
    .option pop
vector_exception:
    li a2, 100
    j machine_trap
vector_3:
    li a2, 3
    j machine_trap
vector_7:
    li a2, 7
    j machine_trap
