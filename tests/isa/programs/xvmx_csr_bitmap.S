# CSR_BITMAP: reads and writes of chosen registers exit (docs/xvmx.md, sections 4, 5 and 7).
#include "xvmx.h"
XPROGRAM
    PUT_ADDRESS CSR_BITMAP, bitmap
    SET_FIELD PROC_CTLS, PROC_CSRBM
/* Set bits of the bitmap for a register: 1 read, 2 write. */
.macro INTERCEPT number, bits
    la t4, bitmap
    li t5, (\number) >> 2
    add t4, t4, t5
    li t5, (\bits) << (2 * ((\number) & 3))
    sb t5, 0(t4)
.endm
.macro EXITS enter, number, qualification, instruction:vararg
    \enter
1:  \instruction
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_CSR, 1b
    CHECK_FIELD EXIT_QUAL, (\number) | (\qualification)
    CHECK s1, 0
.endm
.macro GOES enter, instruction:vararg
    \enter
1:  \instruction
    LEAVE_GUEST
    CHECK_LEFT
.endm
#define WRITES(reg) ((1 << 12) | ((reg) << 16))
#define READS(reg) ((reg) << 16)
#define SSCRATCH 0x140
#define SATP 0x180
#define TIME 0xc01
#define CYCLE 0xc00
    TEST 2      # reads
    INTERCEPT SSCRATCH, 1
    SET_FIELD G_SSCRATCH, 0x77
    EXITS GUEST_S, SSCRATCH, READS(10), csrr a0, sscratch
    EXITS GUEST_S, SSCRATCH, READS(0), csrr x0, sscratch
    EXITS GUEST_S, SSCRATCH, WRITES(11), csrrw a0, sscratch, a1
    EXITS GUEST_S, SSCRATCH, WRITES(5), csrrsi a0, sscratch, 5
    GOES GUEST_S, csrw sscratch, x0
    GOES GUEST_S, csrwi sscratch, 9
    CHECK_FIELD G_SSCRATCH, 9
    TEST 3      # writes, before their effect
    INTERCEPT SSCRATCH, 2
    li a1, 0x55
    EXITS GUEST_S, SSCRATCH, WRITES(11), csrw sscratch, a1
    EXITS GUEST_S, SSCRATCH, WRITES(11), csrs sscratch, a1
    EXITS GUEST_S, SSCRATCH, WRITES(11), csrrc a0, sscratch, a1
    EXITS GUEST_S, SSCRATCH, WRITES(0), csrw sscratch, x0
    CHECK_FIELD G_SSCRATCH, 9
    GOES GUEST_S, csrr a0, sscratch
    CHECK a0, 9
    GOES GUEST_S, csrrci a0, sscratch, 0
    TEST 4      # neighbours are not meant
    GOES GUEST_S, csrw sepc, x0
    GOES GUEST_S, csrw scause, x0
    GOES GUEST_S, csrw stval, x0
    INTERCEPT SSCRATCH, 0
    GOES GUEST_S, csrw sscratch, a1
    TEST 5      # every supervisor register
    .irp number, 0x100, 0x104, 0x105, 0x106, 0x10a, 0x140, 0x141, 0x142, 0x143, 0x144, 0x14d, 0x15c, 0x180
    INTERCEPT \number, 3
    EXITS GUEST_S, \number, READS(10), csrr a0, \number
    INTERCEPT \number, 2
    EXITS GUEST_S, \number, WRITES(10), csrw \number, a0
    INTERCEPT \number, 0
    .endr
    INTERCEPT SVMXCAP, 1
    EXITS GUEST_S, SVMXCAP, READS(10), csrr a0, SVMXCAP
    TEST 6      # from U: counters
    INTERCEPT CYCLE, 1
    EXITS GUEST_U, CYCLE, READS(10), rdcycle a0
    GOES GUEST_U, rdinstret a0
    SET_FIELD PROC_CTLS, PROC_CSRBM | PROC_STEP
    EXITS GUEST_U, CYCLE, READS(10), rdcycle a0
    SET_FIELD PROC_CTLS, PROC_CSRBM
    TEST 7      # SATPW, SATPR and TIME come first
    INTERCEPT SATP, 3
    INTERCEPT TIME, 1
    SET_FIELD PROC_CTLS, PROC_CSRBM | PROC_SATPW | PROC_TIME
    GUEST_S
1:  csrw satp, x0
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_SATP, 1b
    GUEST_S
1:  rdtime a0
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_TIME, 1b
    EXITS GUEST_S, SATP, READS(10), csrr a0, satp
    SET_FIELD PROC_CTLS, PROC_CSRBM
    EXITS GUEST_S, TIME, READS(10), rdtime a0
    TEST 8      # what is illegal is illegal first
    la t4, bitmap
    li t5, -1
    li t6, 128
1:  sd t5, 0(t4)
    addi t4, t4, 8
    addi t6, t6, -1
    bnez t6, 1b
    .macro ILLEGAL_IN enter, instruction:vararg
    \enter
1:  \instruction
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EXCEPTION, 1b
    CHECK_FIELD EXIT_QUAL, ILLEGAL
    .endm
    SET_FIELD EXCEPTION_BITMAP, 1 << ILLEGAL
    ILLEGAL_IN GUEST_S, csrr a0, mstatus
    ILLEGAL_IN GUEST_S, csrr a0, vsstatus
    ILLEGAL_IN GUEST_S, csrr a0, hstatus
    ILLEGAL_IN GUEST_S, csrr a0, 0x5c0
    ILLEGAL_IN GUEST_S, csrw time, x0
    ILLEGAL_IN GUEST_U, csrr a0, sscratch
    SET_FIELD G_SCOUNTEREN, 0
    ILLEGAL_IN GUEST_U, rdcycle a0
    TEST 9      # only under the control, and only in the guest
    csrw sscratch, x0
    csrr a0, sscratch
    SET_FIELD PROC_CTLS, 0
    GOES GUEST_S, csrw sscratch, x0
    PASS
    .data
    .balign 1024
bitmap:
    .zero 1024
