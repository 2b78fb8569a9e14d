# Supervisor interrupts: mideleg, sie, priority among them and against M's, vectored stvec, sip writes.
#include "harness.h"
PROGRAM
#define SSIP 0x002
#define STIP 0x020
#define SEIP 0x200
    li s9, SSIP | STIP | SEIP
    li a0, 1 << 63
    csrc menvcfg, a0    # STIP is software's
    csrw mideleg, s9
    TEST 2      # M raises each, HS takes it
.macro TAKEN bit, code
    li a0, \bit
    csrs mip, a0
    csrw mie, a0
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(\code)
    CHECK s4, 0
    CHECK_BITS s8, HSTATUS_SPV | HSTATUS_GVA, 0
    csrc mip, a0
    csrr a1, mip
    CHECK_BITS a1, \bit, 0
.endm
    TAKEN SSIP, 1
    TAKEN STIP, 5
    TAKEN SEIP, 9
    TEST 3      # priority: external, software, timer
    csrs mip, s9
    csrw mie, s9
#ifndef ON_QEMU     /* QEMU 10.0 takes the lowest code first */
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(9)
#endif
    li a0, SEIP
    csrc mip, a0
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(1)
    li a0, SSIP
    csrc mip, a0
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(5)
    TEST 4      # from a guest, too, whatever its own enable says
    csrw vsstatus, x0
    ENTER_VS
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(5)
    CHECK_BITS s8, HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_SPV | HSTATUS_SPVP
    TEST 5      # an interrupt left to M comes before one for HS
    csrs mip, s9
    li a0, SEIP | SSIP
    csrw mideleg, a0
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_M, INTERRUPT(5)
    csrw mideleg, s9
    TEST 6      # HS clears SSIP itself, but not STIP and SEIP
    ENTER_HS
    csrc sip, s9
    csrr a0, sip
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, STIP | SEIP
    TEST 7      # sie is what HS enables
    csrw mie, x0
    ENTER_HS
    li a0, STIP
    csrs sie, a0
    csrsi sstatus, 2
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(5)
    CHECK_BITS s7, MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP, MSTATUS_SPIE | MSTATUS_SPP
    csrr a0, mie
    CHECK a0, STIP
    TEST 8      # vectored
    la a0, vectors + 1
    csrw stvec, a0
    li a2, 0
    ENTER_U
1:  j 1b
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(5)
    CHECK a2, 5
    csrw mie, x0
    csrw mip, x0
    li a0, 1 << ECALL_U
    csrw medeleg, a0
    ENTER_U
    LEAVE
    CHECK_TRAP BY_HS, ECALL_U
    CHECK a2, 100
    TEST 9      # taken right after sret and csrw that enable it
    la a0, supervisor_trap
    csrw stvec, a0
    csrw medeleg, x0
    li a0, SSIP
    csrw mip, a0
    csrw mie, a0
    li a0, MSTATUS_SPP | MSTATUS_SPIE
    csrs mstatus, a0
    li a0, MSTATUS_SIE
    csrc mstatus, a0
    la a0, 1f
    csrw sepc, a0
    ENTER_HS
    sret
    nop
1:  nop
    nop
    LEAVE
    CHECK_TRAP BY_HS, INTERRUPT(1)
    CHECK_ADDRESS s3, 1b
    PASS
    .align 8
    .option push
    .option norvc
vectors:
    j vector_0
    j fail
    j fail
    j fail
    j fail
    li a2, 5
    j supervisor_trap
    .option pop
vector_0:
    li a2, 100
    j supervisor_trap
