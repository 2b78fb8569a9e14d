# vmread and vmwrite of every field: what it holds, which are read-only, which do not exist (docs/xvmx.md, section 4).
#include "xvmx.h"
XPROGRAM
#define PATTERN 0xa5a5f0f01234567e
.macro HOLDS field, value, shown
    li a0, \value
    PUT_FIELD \field, a0
    CHECK_FIELD \field, \shown
.endm
    TEST 2      # fields of 64 bits
    .irp field, PIN_CTLS, PROC_CTLS, EXIT_CTLS, ENTRY_CTLS, EXCEPTION_BITMAP, CSR_BITMAP, TIME_OFFSET, EPTP
    HOLDS \field, PATTERN, PATTERN
    HOLDS \field, -1, -1
    .endr
    .irp field, ENTRY_EVENT, ENTRY_TVAL, EPTP_LIST, PI_DESC, PI_VECTOR
    HOLDS \field, PATTERN, PATTERN
    HOLDS \field, -1, -1
    .endr
    .irp field, G_PC, G_SP, G_PRIV, G_SSCRATCH, G_STVAL, G_SATP, G_STIMECMP, G_ACTIVITY, G_INTERRUPTIBILITY
    HOLDS \field, PATTERN, PATTERN
    HOLDS \field, -1, -1
    .endr
    .irp field, G_EIP1, G_EIP2, G_EIP3, H_PC, H_SP, H_SSCRATCH, H_SATP, H_STIMECMP
    HOLDS \field, PATTERN, PATTERN
    HOLDS \field, -1, -1
    .endr
    TEST 3      # fields with fewer
    HOLDS PREEMPT_TIMER, -1, 0xffffffff
    HOLDS PREEMPT_TIMER, PATTERN, 0x1234567e
    HOLDS VIRQ, -1, 0x222
    HOLDS VIRQ, PATTERN, 0x222
    HOLDS VIRQ, 0x20, 0x20
    HOLDS G_EIP0, -1, -2
    HOLDS G_EIP0, PATTERN, PATTERN
    HOLDS G_SSTATUS, -1, SSTATUS_UXL | 0xc0122
    HOLDS H_SSTATUS, -1, SSTATUS_UXL | 0xc0122
    HOLDS G_SIE, -1, 0x222
    HOLDS H_SIE, -1, 0x222
    HOLDS G_STVEC, -1, -3
    HOLDS H_STVEC, -1, -3
    HOLDS G_SEPC, -1, -2
    HOLDS G_SCAUSE, -1, (1 << 63) | 63
    HOLDS G_SCOUNTEREN, -1, 0x7ff
    HOLDS H_SCOUNTEREN, -1, 0x7ff
    HOLDS G_SENVCFG, -1, 1
    HOLDS H_SENVCFG, -1, 1
    TEST 4      # they are different fields
    li a0, 0x100
    li a1, PIN_CTLS
1:  vmwrite a2, a1, a0
    CHECK a2, 0
    addi a0, a0, 1
    addi a1, a1, 1
    li a2, CSR_BITMAP + 1
    bne a1, a2, 1b
    CHECK_FIELD PIN_CTLS, 0x100
    CHECK_FIELD PROC_CTLS, 0x101
    CHECK_FIELD EXIT_CTLS, 0x102
    CHECK_FIELD CSR_BITMAP, 0x105
    HOLDS G_PC, 0x10, 0x10
    HOLDS H_PC, 0x20, 0x20
    HOLDS G_SP, 0x30, 0x30
    HOLDS H_SP, 0x40, 0x40
    HOLDS G_STVEC, 0x50, 0x50
    HOLDS H_STVEC, 0x60, 0x60
    CHECK_FIELD G_PC, 0x10
    CHECK_FIELD H_PC, 0x20
    CHECK_FIELD G_SP, 0x30
    CHECK_FIELD H_SP, 0x40
    CHECK_FIELD G_STVEC, 0x50
    la a0, root_trap
    csrr a1, stvec          # not those of root
    CHECK_SAME a0, a1
    TEST 5      # read-only fields
    .irp field, INSTR_ERROR, EXIT_REASON, EXIT_QUAL, EXIT_TVAL, GUEST_LINEAR, GUEST_PHYS, EXIT_INSTR
    GET_FIELD a2, \field
    li a0, \field
    vmwrite a1, a0, a0
    CHECK a1, 13
    CHECK_FIELD INSTR_ERROR, 13
    .endr
    .irp field, EXIT_INSTR_LEN, IDT_EVENT
    li a0, \field
    vmwrite a1, a0, a0
    CHECK a1, 13
    .endr
    TEST 6      # what is no field: a gap of each group, and numbers that look like fields when cut
    .irp number, 0x00f, 0x010, 0x0ff, 0x109, 0x1ff, 0x214, 0x2ff, 0x30a, 0x3ff, 0x400, 0x1000
    li a0, \number
    vmread a1, a0
    CHECK a1, 12
    CHECK_FIELD INSTR_ERROR, 12
    vmwrite a1, a0, a0
    CHECK a1, 12
    .endr
    .irp number, 0x80000000, 0x100000000, 0x8000000000000101, -1, 0x10000
    li a0, \number
    vmread a1, a0
    CHECK a1, 12
    vmwrite a1, a0, a0
    CHECK a1, 12
    .endr
    TEST 7      # a success leaves INSTR_ERROR
    CHECK_FIELD INSTR_ERROR, 12
    PASS
