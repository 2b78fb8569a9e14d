# Legal values of the hypervisor and VS registers (H chapter, "Hypervisor and Virtual Supervisor CSRs").
#include "harness.h"
PROGRAM
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
    TEST 2      # exceptions and interrupts that VS may handle
    li a0, -1
    csrw hedeleg, a0
    csrr a1, hedeleg
    CHECK_BITS a1, 0xf0fe00 | 0xb1fe, 0xb1fe    # never ecalls from HS, VS, M nor guest-page faults
#ifndef ON_QEMU     /* QEMU 10.0 cannot delegate software check and hardware error */
    csrr a1, hedeleg
    CHECK_BITS a1, 0xc0000, 0xc0000
#endif
    csrw hedeleg, x0
    csrw hideleg, a0
    csrr a1, hideleg
    CHECK_BITS a1, 0x1fff, 0x444
    csrw hideleg, x0
    csrr a1, hideleg
    CHECK a1, 0
    TEST 3      # hvip, hip, hie and their relatives in mip and mie
    csrw hvip, x0
    li a0, -1
    csrw hvip, a0
    csrr a1, hvip
    CHECK_HVIP a1, 0x444
    csrr a1, hip
    CHECK_BITS a1, 0x1444, 0x444
    csrr a1, mip
    CHECK_BITS a1, 0x444, 0x444
    csrw hvip, x0
    csrr a1, hip
    CHECK a1, 0
    li a0, 0x444        # hip: only VSSIP is writable, and is hvip's
    csrw hip, a0
    csrr a1, hvip
    CHECK_HVIP a1, 4
    csrr a1, mip
    CHECK_BITS a1, 0x444, 4
    csrw hip, x0
    csrr a1, hvip
    CHECK_HVIP a1, 0
    li a0, 4            # mip too
    csrw mip, a0
    csrr a1, hvip
    CHECK_HVIP a1, 4
    csrw mip, x0
    li a0, -1
    csrw hie, a0
    csrr a1, hie
    CHECK_BITS a1, 0x0fff, 0x444
    csrr a1, mie
    CHECK_BITS a1, 0x444, 0x444
    li a0, 0x400
    csrw mie, a0
    csrr a1, hie
    CHECK a1, 0x400
    csrw mie, x0
    csrr a1, hie
    CHECK a1, 0
    TEST 4      # vsie and vsip show what hideleg delegates, one bit lower
    li a0, 0x444
    csrw hvip, a0
    csrw hie, a0
    csrr a1, vsip
    CHECK a1, 0
    csrr a1, vsie
    CHECK a1, 0
    csrw hideleg, a0
    csrr a1, vsip
    CHECK a1, 0x222
    csrr a1, vsie
    CHECK a1, 0x222
    csrw vsie, x0
    csrr a1, hie
    CHECK a1, 0
    li a0, 0x20
    csrw vsie, a0
    csrr a1, hie
    CHECK a1, 0x40
    csrw vsip, x0       # SSIP alone is writable
    csrr a1, vsip
    CHECK a1, 0x220
    csrr a1, hvip
    CHECK_HVIP a1, 0x440
    csrw hvip, x0
    csrw hie, x0
    csrw hideleg, x0
    csrw vsie, a0
    csrr a1, hie
    CHECK a1, 0
    TEST 5      # hstatus
    csrw hstatus, x0
    csrr a1, hstatus
    CHECK_BITS a1, 3 << 32, 2 << 32     # VSXL
    CHECK a1, 2 << 32
    li a0, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP | HSTATUS_HU | HSTATUS_VTVM | HSTATUS_VTW | HSTATUS_VTSR
    csrw hstatus, a0
    csrr a1, hstatus
    and a1, a1, a0
    CHECK_SAME a0, a1
    csrw hstatus, x0
    TEST 6      # hgatp: VMID 14 bits, root on 16 KiB, modes Bare and Sv39x4
    li a0, (8 << 60) | (0x3fff << 44) | 0x80124
    csrw hgatp, a0
    csrr a1, hgatp
    CHECK_SAME a0, a1
#ifndef ON_QEMU     /* QEMU 10.0 keeps the lowest PPN bits and those above VMID */
    li a0, (8 << 60) | (0x3fff << 44) | 0x80127
    csrw hgatp, a0
    csrr a1, hgatp
    CHECK a1, (8 << 60) | (0x3fff << 44) | 0x80124
    li a0, (8 << 60) | (3 << 58)
    csrw hgatp, a0
    csrr a1, hgatp
    CHECK_BITS a1, 3 << 58, 0
#endif
    csrw hgatp, x0
    csrr a1, hgatp
    CHECK a1, 0
    TEST 7      # vsatp as satp
    li a0, (8 << 60) | (0xffff << 44) | 0x80123
    csrw vsatp, a0
    csrr a1, vsatp
    CHECK_SAME a0, a1
    csrw vsatp, x0
    TEST 8      # plain ones
    HOLDS vsscratch, -1
    HOLDS vstval, -1
    HOLDS htval, -1
    HOLDS htimedelta, -1
    HOLDS vstimecmp, -1
    HOLDS mtval2, -1
    li a0, 0x5555
#ifndef ON_QEMU     /* QEMU 10.0 ignores writes */
    csrw htinst, a0
    csrr a1, htinst
    CHECK_SAME a0, a1
#endif
    csrw mtinst, a0
    csrr a1, mtinst
    CHECK_SAME a0, a1
    li a0, 0x80000401
    csrw vstvec, a0
    csrr a1, vstvec
    CHECK_SAME a0, a1
    TEST 9      # vsstatus: its own fields, UXL 2
    csrw vsstatus, x0
    li a0, MSTATUS_SUM | MSTATUS_MXR | MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP
    csrw vsstatus, a0
    csrr a1, vsstatus
    li a2, 2 << 32
    or a2, a2, a0
    CHECK_SAME a1, a2
    csrr a1, sstatus
    and a1, a1, a0
    CHECK a1, 0
    csrw vsstatus, x0
    TEST 10     # no guest external interrupts
#ifndef ON_QEMU
    li a0, -1
    csrw hgeie, a0
    csrr a1, hgeie
    CHECK a1, 0
#endif
    csrr a1, hgeip
    CHECK a1, 0
    ENTER_M
    csrw hgeip, x0
    LEAVE
    CHECK_TRAP BY_M, ILLEGAL
    TEST 11     # henvcfg's bits follow menvcfg's
    li a0, (1 << 63) | (1 << 61)
    csrc menvcfg, a0
    csrw henvcfg, a0
    csrr a1, henvcfg
    CHECK a1, 0
    csrs menvcfg, a0
    csrw henvcfg, a0
    csrr a1, henvcfg
    CHECK_SAME a0, a1
    csrw henvcfg, x0
    TEST 12     # hcounteren
    li a0, 7
    csrw hcounteren, a0
    csrr a1, hcounteren
    CHECK a1, 7
    csrw hcounteren, x0
    PASS
