# Directed: a CSR access that traps changes neither the register nor the destination, whichever trap it is.
#include "harness.h"
PROGRAM
.macro KEEPS mode, cause, csr, value
    li a0, \value
    csrw \csr, a0
    csrr a4, \csr
    li a1, 0x5555
    li a2, -1
    \mode
    csrrw a1, \csr, a2
    LEAVE
    CHECK_TRAP BY_M, \cause
    CHECK a1, 0x5555
    csrr a3, \csr
    CHECK_SAME a3, a4
    \mode
    csrrs a1, \csr, a2
    LEAVE
    CHECK_TRAP BY_M, \cause
    CHECK a1, 0x5555
    csrr a3, \csr
    CHECK_SAME a3, a4
    \mode
    csrrci a1, \csr, 31
    LEAVE
    CHECK_TRAP BY_M, \cause
    csrr a3, \csr
    CHECK_SAME a3, a4
    csrw \csr, x0
.endm
    TEST 2      # VS and hypervisor registers from VS
    KEEPS ENTER_VS, VIRTUAL, vsscratch, 0x1234
    KEEPS ENTER_VS, VIRTUAL, vsepc, 0x1234
    KEEPS ENTER_VS, VIRTUAL, vsstatus, 0
    KEEPS ENTER_VS, VIRTUAL, vstval, 0x1234
    KEEPS ENTER_VS, VIRTUAL, hideleg, 0x40
    KEEPS ENTER_VS, VIRTUAL, htimedelta, 0x1234
    KEEPS ENTER_VS, VIRTUAL, hvip, 0
    KEEPS ENTER_VS, VIRTUAL, hgatp, 0
    TEST 3      # from VU
    KEEPS ENTER_VU, VIRTUAL, vsscratch, 0x1234
    KEEPS ENTER_VU, VIRTUAL, hcounteren, 0
#ifndef ON_QEMU     /* QEMU 10.0 raises illegal-instruction */
    KEEPS ENTER_VU, VIRTUAL, sscratch, 0x1234
    KEEPS ENTER_VU, VIRTUAL, sepc, 0x1234
#endif
    TEST 4      # machine registers from anywhere below
    KEEPS ENTER_VS, ILLEGAL, mscratch, 0x1234
    KEEPS ENTER_HS, ILLEGAL, mscratch, 0x1234
    KEEPS ENTER_U, ILLEGAL, sscratch, 0x1234
    KEEPS ENTER_U, ILLEGAL, hstatus, 0
    TEST 5      # satp under VTVM and TVM
    li a0, HSTATUS_VTVM
    csrs hstatus, a0
    csrw vsatp, x0
    li a2, 8 << 60
    ENTER_VS
    csrw satp, a2
    LEAVE
    CHECK_TRAP BY_M, VIRTUAL
    csrr a3, vsatp
    CHECK a3, 0
    csrr a3, satp
    CHECK a3, 0
    li a0, MSTATUS_TVM
    csrs mstatus, a0
    li a2, 8 << 60
    ENTER_HS
    csrw satp, a2
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    csrr a3, satp
    CHECK a3, 0
    ENTER_HS
    csrw hgatp, a2
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    csrr a3, hgatp
    CHECK a3, 0
    csrc mstatus, a0
    TEST 6      # stimecmp where STCE forbids it
    li a0, 1 << 63
    csrc menvcfg, a0
    li a2, 0x777
    csrw vstimecmp, a2
    csrw stimecmp, a2
    ENTER_VS
    csrw stimecmp, x0
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    csrr a3, vstimecmp
    CHECK a3, 0x777
    csrs menvcfg, a0
    csrc henvcfg, a0
    li a3, 2
    csrw mcounteren, a3
    ENTER_VS
    csrw stimecmp, x0
    LEAVE
    CHECK_TRAP BY_M, VIRTUAL
    csrr a3, vstimecmp
    CHECK a3, 0x777
    csrr a3, stimecmp
    CHECK a3, 0x777
    PASS
