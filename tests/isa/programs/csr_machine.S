# Legal values of the machine and supervisor registers (privileged architecture, "Machine-Level CSRs").
#include "harness.h"
PROGRAM
/* Write all ones, then zeros: the bits that held. */
.macro HOLDS csr, ones, zeros=0
    csrr s9, \csr
    li a0, -1
    csrw \csr, a0
    csrr a1, \csr
    CHECK a1, \ones
    csrw \csr, x0
    csrr a1, \csr
    CHECK a1, \zeros
    csrw \csr, s9
.endm
    TEST 2
    HOLDS mscratch, -1
    HOLDS sscratch, -1
    HOLDS vsscratch, -1
#ifndef ON_QEMU     /* QEMU 10.0 keeps bit 0 */
    HOLDS mepc, -2
    HOLDS sepc, -2
    HOLDS vsepc, -2
#endif
    HOLDS mtval, -1
    HOLDS stval, -1
    TEST 3      # stvec: Direct or Vectored; mode 2, 3 are not held
    li a0, 0x80001001
    csrw stvec, a0
    csrr a1, stvec
    CHECK_SAME a0, a1
    li a0, 0x80001000
    csrw stvec, a0
    csrr a1, stvec
    CHECK_SAME a0, a1
    li a0, 0x80001002
    csrw stvec, a0
    csrr a1, stvec
    CHECK_BITS a1, 2, 0
    TEST 4      # sstatus is a view of mstatus
    csrw sstatus, x0
    li a0, MSTATUS_SUM | MSTATUS_MXR | MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP
    csrw sstatus, a0
    csrr a1, mstatus
    and a1, a1, a0
    CHECK_SAME a0, a1
    li a0, MSTATUS_MPRV | MSTATUS_TVM | MSTATUS_MPP | MSTATUS_MIE
    csrs sstatus, a0
    csrr a1, sstatus
    and a1, a1, a0
    CHECK a1, 0
    csrr a1, mstatus
    CHECK_BITS a1, MSTATUS_MPRV | MSTATUS_TVM | MSTATUS_MIE, 0
    csrw sstatus, x0
    TEST 5      # UXL and SXL are 2, FS VS XS and SD stay 0 without those extensions
    csrr a1, mstatus
    CHECK_BITS a1, (3 << 32) | (3 << 34), (2 << 32) | (2 << 34)
    csrr a1, sstatus
    CHECK_BITS a1, 3 << 32, 2 << 32
    li a0, (3 << 13) | (3 << 9) | (3 << 15)
    csrs mstatus, a0
    csrr a1, mstatus
    CHECK_BITS a1, (3 << 13) | (3 << 9) | (3 << 15) | (1 << 63), 0
    TEST 6      # MPP holds U, S and M
    li a0, MSTATUS_MPP
    csrs mstatus, a0
    csrr a1, mstatus
    CHECK_BITS a1, MSTATUS_MPP, MSTATUS_MPP
    csrc mstatus, a0
    csrr a1, mstatus
    CHECK_BITS a1, MSTATUS_MPP, 0
    li a0, MSTATUS_MPP_S
    csrs mstatus, a0
    csrr a1, mstatus
    CHECK_BITS a1, MSTATUS_MPP, MSTATUS_MPP_S
    TEST 7      # mideleg: M-level bits not delegable, VS-level bits and SGEI read-only one
    csrw mideleg, x0
    csrr a0, mideleg
    CHECK_BITS a0, 0x444, 0x444
    li a0, -1
    csrw mideleg, a0
    csrr a0, mideleg
    CHECK_BITS a0, 0x666 | 0x888, 0x666
    csrw mideleg, x0
    TEST 8      # medeleg: ecall from M never delegable
    li a0, -1
    csrw medeleg, a0
    csrr a0, medeleg
#ifdef ON_QEMU      /* QEMU 10.0 lets bit 11 be set */
    CHECK_BITS a0, 0xb1ff, 0xb1ff
#else
    CHECK_BITS a0, (1 << 11) | 0xb1ff, 0xb1ff
#endif
    csrw medeleg, x0
    csrr a0, medeleg
    CHECK a0, 0
    TEST 9      # mie and sie share bits under mideleg
    li a0, -1
    csrw mie, a0
    csrr a0, mie
    CHECK_BITS a0, 0xaaa, 0xaaa
    csrr a0, sie
    CHECK a0, 0
    li a0, 0x222
    csrw mideleg, a0
    csrr a0, sie
    CHECK a0, 0x222
    csrw sie, x0
    csrr a0, mie
    CHECK_BITS a0, 0xaaa, 0x888
    csrw mideleg, x0
    csrw mie, x0
    TEST 10     # mip: SSIP writable by M and, delegated, by S
    li a0, 2
    csrw mip, a0
    csrr a1, mip
    CHECK_BITS a1, 2, 2
    csrw mideleg, a0
    csrr a1, sip
    CHECK a1, 2
    csrc sip, a0
    csrr a1, mip
    CHECK_BITS a1, 2, 0
    csrw mideleg, x0
    TEST 11     # satp: an unsupported mode leaves the whole register as it was
    li a0, (8 << 60) | (0x1234 << 44) | 0x80123
    csrw satp, a0
    csrr a1, satp
    CHECK_SAME a0, a1
    li a2, (5 << 60) | 7
    csrw satp, a2
    csrr a1, satp
    CHECK_SAME a0, a1
    csrw satp, x0
    TEST 12     # ASID has 16 bits
    li a0, (8 << 60) | (0xffff << 44) | 0x80123
    csrw satp, a0
    csrr a1, satp
    CHECK_SAME a0, a1
    csrw satp, x0
    TEST 13     # counters enable registers
    csrw mcounteren, x0
    li a0, 7
    csrw mcounteren, a0
    csrr a1, mcounteren
    CHECK a1, 7
    csrw scounteren, a0
    csrr a1, scounteren
    CHECK a1, 7
    csrw scounteren, x0
    csrr a1, scounteren
    CHECK a1, 0
    PASS
