# mtinst and htinst on guest-page faults: the transformed instruction of every kind of access, by a missing
# TLB entry and by a present one that forbids (H chapter, "Transformed Instruction or Pseudoinstruction").
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP_AT vs_l0, 6, 8 * PAGE, PTE_RWX
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    FENCES
    .option norvc
/* The instruction at label 1 faults; what remains of it under mask must be in mtinst. */
.macro TRANSFORMS mode, cause, mask, instruction:vararg
    \mode
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, \cause
    CHECK_ADDRESS s3, 1b
    CHECK s5, (7 * PAGE + 0x18) >> 2
    lwu a4, 0(s3)
    li a5, \mask
    and a4, a4, a5
    CHECK_SAME s6, a4
.endm
#define LOAD_MASK 0x00007fff
#define STORE_MASK 0x01f0707f
#define AMO_MASK 0xfff07fff
    li a1, 5 * PAGE + 0x10
    li a2, 5 * PAGE + 0x18
    TEST 2
    TRANSFORMS ENTER_VS, LOAD_GUEST, LOAD_MASK, lb a0, 8(a1)
    TRANSFORMS ENTER_VS, LOAD_GUEST, LOAD_MASK, lbu s10, 8(a1)
    TRANSFORMS ENTER_VS, LOAD_GUEST, LOAD_MASK, lh t3, 8(a1)
    TRANSFORMS ENTER_VS, LOAD_GUEST, LOAD_MASK, lhu a7, 8(a1)
    TRANSFORMS ENTER_VS, LOAD_GUEST, LOAD_MASK, lw a0, 0(a2)
    TRANSFORMS ENTER_VS, LOAD_GUEST, LOAD_MASK, lwu tp, 0(a2)
    TRANSFORMS ENTER_VS, LOAD_GUEST, LOAD_MASK, ld x0, 8(a1)
    TEST 3
    TRANSFORMS ENTER_VS, STORE_GUEST, STORE_MASK, sb a0, 8(a1)
    TRANSFORMS ENTER_VS, STORE_GUEST, STORE_MASK, sh s11, 8(a1)
    TRANSFORMS ENTER_VS, STORE_GUEST, STORE_MASK, sw t4, 0(a2)
    TRANSFORMS ENTER_VS, STORE_GUEST, STORE_MASK, sd x0, 8(a1)
    li a3, 5 * PAGE + 0x118
    TRANSFORMS ENTER_VS, STORE_GUEST, STORE_MASK, sd a7, -0x100(a3)
    TEST 4
    TRANSFORMS ENTER_VS, LOAD_GUEST, AMO_MASK, lr.w a0, (a2)
    TRANSFORMS ENTER_VS, LOAD_GUEST, AMO_MASK, lr.d.aq a0, (a2)
    TRANSFORMS ENTER_VS, STORE_GUEST, AMO_MASK, amoswap.w a0, a3, (a2)
    TRANSFORMS ENTER_VS, STORE_GUEST, AMO_MASK, amoadd.d.aqrl s10, a7, (a2)
    TRANSFORMS ENTER_VS, STORE_GUEST, AMO_MASK, amomaxu.d x0, x0, (a2)
    TEST 5      # hypervisor accesses, in HS
    li a3, HSTATUS_SPVP
    csrs hstatus, a3
    TRANSFORMS ENTER_HS, LOAD_GUEST, AMO_MASK, hlv.b a0, (a2)
    TRANSFORMS ENTER_HS, LOAD_GUEST, AMO_MASK, hlv.wu s11, (a2)
    TRANSFORMS ENTER_HS, LOAD_GUEST, AMO_MASK, hlv.d a0, (a2)
    TRANSFORMS ENTER_HS, STORE_GUEST, AMO_MASK, hsv.b a0, (a2)
    TRANSFORMS ENTER_HS, STORE_GUEST, AMO_MASK, hsv.d s10, (a2)
#ifndef ON_QEMU     /* QEMU 10.0 reports an instruction fault */
    TRANSFORMS ENTER_HS, LOAD_GUEST, AMO_MASK, hlvx.hu a0, (a2)
#endif
    TEST 6      # compressed: the expansion, with bit 1 clear
    .option rvc
.macro COMPRESSED cause, expected, instruction:vararg
    ENTER_VS
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, \cause
    CHECK_ADDRESS s3, 1b
    CHECK s6, \expected
.endm
    COMPRESSED LOAD_GUEST, 0x00002501, c.lw a0, 8(a1)
    COMPRESSED LOAD_GUEST, 0x00003601, c.ld a2, 8(a1)
    COMPRESSED STORE_GUEST, 0x00a02021, c.sw a0, 8(a1)
    COMPRESSED STORE_GUEST, 0x00c03021, c.sd a2, 8(a1)
    li sp, 5 * PAGE
    COMPRESSED LOAD_GUEST, 0x00002501, c.lwsp a0, 24(sp)
    COMPRESSED LOAD_GUEST, 0x00003c01, c.ldsp s8, 24(sp)
    COMPRESSED STORE_GUEST, 0x01802021, c.swsp s8, 24(sp)
    COMPRESSED STORE_GUEST, 0x01803021, c.sdsp s8, 24(sp)
    .option norvc
    TEST 7      # the page is known but forbids the store: the same values
    MAP g_l0, 7, page_a, PTE_V | PTE_R | PTE_U | PTE_A
    FENCES
    li a2, 5 * PAGE + 0x18
    ENTER_VS
    ld a0, 0(a2)
    ld a0, 0(a2)
    LEAVE
    CHECK_NO_TRAP ECALL_VS
    TRANSFORMS ENTER_VS, STORE_GUEST, STORE_MASK, sd a7, 8(a1)
    TRANSFORMS ENTER_VS, STORE_GUEST, AMO_MASK, amoadd.w a0, a3, (a2)
    TRANSFORMS ENTER_HS, STORE_GUEST, AMO_MASK, hsv.w a0, (a2)
    TEST 8      # the same in htinst and htval
    li a0, (1 << LOAD_GUEST) | (1 << STORE_GUEST) | (1 << FETCH_GUEST)
    csrw medeleg, a0
    ENTER_VS
1:  sw a7, 8(a1)
    LEAVE
    CHECK_TRAP BY_HS, STORE_GUEST
    CHECK_ADDRESS s3, 1b
    CHECK s4, 5 * PAGE + 0x18
    CHECK s5, (7 * PAGE + 0x18) >> 2
    CHECK s6, 0x01102023
    CHECK_BITS s8, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP, HSTATUS_GVA | HSTATUS_SPV | HSTATUS_SPVP
    ENTER_HS
1:  hsv.w a0, (a2)
    LEAVE
    CHECK_TRAP BY_HS, STORE_GUEST
    CHECK s6, 0x6aa04073
    CHECK_BITS s8, HSTATUS_GVA | HSTATUS_SPV, HSTATUS_GVA
    PASS
PAGE_TABLES
