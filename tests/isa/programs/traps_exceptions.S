# Synchronous exceptions taken in M mode: cause, epc, tval and the status stack.
#include "harness.h"
PROGRAM
    TEST 2      # environment calls
    ENTER_M
    LEAVE
    CHECK_TRAP BY_M, ECALL_M
    CHECK_ADDRESS s3, 78b
    CHECK s4, 0
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP
    ENTER_HS
    LEAVE
    CHECK_TRAP BY_M, ECALL_HS
    CHECK_ADDRESS s3, 78b
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP_S
    ENTER_U
    LEAVE
    CHECK_TRAP BY_M, ECALL_U
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, 0
    TEST 3      # illegal instructions: tval holds the instruction bits
    ENTER_M
1:  .word 0xffffffff
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 1b
    CHECK s4, 0xffffffff
    ENTER_M
    .option push
    .option rvc
1:  .half 0
    .half 0
    .option pop
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK_ADDRESS s3, 1b
    CHECK s4, 0
    ENTER_M
    .half 0x8000        # reserved compressed encoding
    .half 0x0001
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    CHECK s4, 0x8000
    ENTER_U
    .word 0x30200073    # mret
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
#ifndef ON_QEMU     /* QEMU 10.0 shows the bits of an earlier trap */
    CHECK s4, 0x30200073
#endif
    TEST 4      # breakpoints: tval holds the pc
    ENTER_U
1:  .word 0x00100073
    LEAVE
    CHECK_TRAP BY_M, BREAKPOINT
    CHECK_ADDRESS s3, 1b
    CHECK_ADDRESS s4, 1b
    ENTER_M
1:  .half 0x9002        # c.ebreak
    .half 1
    LEAVE
    CHECK_TRAP BY_M, BREAKPOINT
    CHECK_ADDRESS s3, 1b
    CHECK_ADDRESS s4, 1b
    TEST 5      # misaligned atomics
    la a1, cell + 2
    ENTER_M
1:  lr.w a0, (a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_MISALIGNED
    CHECK_ADDRESS s3, 1b
    CHECK_SAME s4, a1
#ifndef ON_QEMU     /* QEMU 10.0 fails the sc without a trap, and reports the amo as a load */
    ENTER_M
    sc.w a0, a0, (a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_MISALIGNED
    CHECK_SAME s4, a1
    la a1, cell + 4
    ENTER_M
    amoadd.d a0, a0, (a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_MISALIGNED
    CHECK_SAME s4, a1
#endif
    TEST 6      # mret: MIE from MPIE, MPIE one, MPP to U, MPRV cleared below M
    li a0, MSTATUS_MIE | MSTATUS_MPRV
    csrc mstatus, a0
    li a0, MSTATUS_MPIE
    csrs mstatus, a0
    csrw mie, x0
    la a0, 1f
    csrw mepc, a0
    li a0, MSTATUS_MPP
    csrs mstatus, a0
    mret
1:  csrr a1, mstatus
    CHECK_BITS a1, MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP, MSTATUS_MIE | MSTATUS_MPIE
    li a0, MSTATUS_MIE
    csrc mstatus, a0
    li a0, MSTATUS_MPRV
    csrs mstatus, a0
    ENTER_HS
    LEAVE
    CHECK_TRAP BY_M, ECALL_HS
    CHECK_BITS s7, MSTATUS_MPRV, 0
    TEST 7      # the trap clears MIE and keeps it in MPIE
    li a0, MSTATUS_MIE
    csrs mstatus, a0
    ENTER_M
    LEAVE
    CHECK_BITS s7, MSTATUS_MIE | MSTATUS_MPIE, MSTATUS_MPIE
    ENTER_M
    LEAVE
    CHECK_BITS s7, MSTATUS_MIE | MSTATUS_MPIE, 0
    TEST 8      # a branch or jump to an odd half-word is fine with C; nothing is misaligned
    la a0, 1f
    jr a0
    j fail
    .balign 4
    .half 1
1:  .half 1
    TEST 9      # access faults: nothing answers there
    li a1, HOLE
    ENTER_M
1:  ld a0, 8(a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_ACCESS
    CHECK_ADDRESS s3, 1b
    CHECK s4, HOLE + 8
    ENTER_M
1:  sw a0, 4(a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_ACCESS
    CHECK_ADDRESS s3, 1b
    CHECK s4, HOLE + 4
    ENTER_M
    amoswap.w a0, a0, (a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_ACCESS
    ENTER_M
    lr.w a0, (a1)
    LEAVE
    CHECK_TRAP BY_M, LOAD_ACCESS
    ENTER_M
    jr a1
    LEAVE
    CHECK_TRAP BY_M, FETCH_ACCESS
    CHECK_SAME s3, a1
    CHECK_SAME s4, a1
    PASS
.data
.align 3
cell: .dword 0, 0
