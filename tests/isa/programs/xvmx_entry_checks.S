# The checks of a VM entry, one bad value at a time (docs/xvmx.md, section 6).
#include "xvmx.h"
XPROGRAM
.macro REFUSED error
    GUEST
    LEAVE_GUEST
    CHECK_REFUSED \error
.endm
.macro ENTERS
    GUEST
    LEAVE_GUEST
    CHECK_LEFT
.endm
/* With this field the entry fails with the error; with its former value 0 it does not. */
.macro BAD error, field, value
    SET_FIELD \field, \value
    REFUSED \error
    SET_FIELD \field, 0
.endm
.macro GOOD field, value
    SET_FIELD \field, \value
    ENTERS
    SET_FIELD \field, 0
.endm
    TEST 2      # launch state
    la a0, fail
    PUT_FIELD G_PC, a0
    vmresume a1
    CHECK a1, 5
    CHECK_FIELD INSTR_ERROR, 5
    ENTERS
    vmlaunch a1
    CHECK a1, 4
    CHECK_FIELD INSTR_ERROR, 4
    la a0, vmcs_a
    vmclear a1, a0
    vmptrld a1, a0
    vmresume a1
    CHECK a1, 5
    SET_FIELD ENTRY_CTLS, 1     # the launch state comes before the controls
    vmresume a1
    CHECK a1, 5
    SET_FIELD ENTRY_CTLS, 0
    ENTERS
    TEST 3      # reserved control bits
    .irp value, 1 << 3, 1 << 31, 1 << 32, 1 << 63
    BAD 7, PIN_CTLS, \value
    .endr
    .irp value, 1 << 14, 1 << 15, 1 << 31, 1 << 40, 1 << 63
    BAD 7, PROC_CTLS, \value
    .endr
    .irp value, 1 << 2, 1 << 33, 1 << 63
    BAD 7, EXIT_CTLS, \value
    .endr
    BAD 7, ENTRY_CTLS, 1
    BAD 7, ENTRY_CTLS, 1 << 63
    GOOD PIN_CTLS, PIN_EXTINT
    GOOD EXIT_CTLS, EXIT_ACK
    TEST 4      # SAVE_PREEMPT needs PREEMPT
    BAD 7, EXIT_CTLS, EXIT_SAVE_PREEMPT
    TEST 5      # POSTED
    la a0, descriptor
    PUT_FIELD PI_DESC, a0
    SET_FIELD PI_VECTOR, 1
    SET_FIELD EXIT_CTLS, EXIT_ACK
    BAD 7, PIN_CTLS, PIN_POSTED
    SET_FIELD PIN_CTLS, PIN_POSTED | PIN_EXTINT
    ENTERS
    SET_FIELD EXIT_CTLS, 0
    REFUSED 7
    SET_FIELD EXIT_CTLS, EXIT_ACK
    SET_FIELD PI_VECTOR, 9
    REFUSED 7
    SET_FIELD PI_VECTOR, 1 | (1 << 32)
    REFUSED 7
    SET_FIELD PI_VECTOR, 1
    addi a1, a0, 32
    PUT_FIELD PI_DESC, a1
    REFUSED 7
    SET_FIELD PI_DESC, 1 << 56
    REFUSED 7
    SET_FIELD PIN_CTLS, 0
    ENTERS
    SET_FIELD EXIT_CTLS, 0
    TEST 6      # CSR_BITMAP
    SET_FIELD PROC_CTLS, PROC_CSRBM
    la a0, bitmap
    PUT_FIELD CSR_BITMAP, a0
    ENTERS
    addi a1, a0, 512
    PUT_FIELD CSR_BITMAP, a1
    REFUSED 7
    SET_FIELD CSR_BITMAP, 1 << 56
    REFUSED 7
    SET_FIELD PROC_CTLS, 0
    ENTERS
    TEST 7      # EPT and EPTP
    SET_EPTP table, 0
    SET_FIELD PROC_CTLS, PROC_EPT
    ENTERS
    GET_FIELD a0, EPTP
    .irp bits, 1, 2, 1 << 58, 1 << 59, 1 << 60, 8 << 60
    li a1, \bits
    xor a1, a0, a1
    PUT_FIELD EPTP, a1
    REFUSED 7
    .endr
    SET_FIELD EPTP, 0
    REFUSED 7
    TEST 8      # VPID
    SET_EPTP table, 0
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_VPID
    REFUSED 7
    SET_EPTP table, 0x3fff
    ENTERS
    SET_FIELD PROC_CTLS, PROC_VPID
    SET_FIELD EPTP, 1 << 44
    ENTERS
    SET_FIELD EPTP, 1 << 58
    REFUSED 7
    TEST 9      # VMFUNC
    la a0, list
    PUT_FIELD EPTP_LIST, a0
    SET_FIELD PROC_CTLS, PROC_VMFUNC
    REFUSED 7
    SET_EPTP table, 0
    SET_FIELD PROC_CTLS, PROC_VMFUNC | PROC_EPT
    ENTERS
    addi a0, a0, 8
    PUT_FIELD EPTP_LIST, a0
    REFUSED 7
    SET_FIELD EPTP_LIST, 1 << 57
    REFUSED 7
    SET_FIELD PROC_CTLS, 0
    SET_FIELD EPTP, 0
    TEST 10     # ENTRY_EVENT
    .irp code, 10, 11, 14, 16, 20, 22, 23, 24, 63, 64, 1 << 20, 1 << 61
    BAD 7, ENTRY_EVENT, EVENT_VALID | (\code)
    .endr
    .irp code, 0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 15, 64 | 1
    BAD 7, ENTRY_EVENT, EVENT_VALID | EVENT_INTERRUPT | (\code)
    .endr
    GOOD ENTRY_EVENT, 24
    GOOD ENTRY_EVENT, EVENT_INTERRUPT | 3
    TEST 11     # host state
    SET_FIELD H_SATP, 1 << 60
    REFUSED 8
    SET_FIELD H_SATP, 9 << 60
    REFUSED 8
    SET_FIELD H_SATP, 15 << 60
    REFUSED 8
    SET_FIELD H_SATP, 0
    PUT_ADDRESS G_PC, fail
    PUT_ADDRESS H_PC, fail + 1
    vmresume a0
    CHECK a0, 8
    CHECK_FIELD INSTR_ERROR, 8
    SET_FIELD PROC_CTLS, 1 << 20     # controls come first
    vmresume a0
    CHECK a0, 7
    SET_FIELD PROC_CTLS, 0
    TEST 12     # guest state: an exit with reason 33 and bit 31, the guest group as it was
    .macro NO_ENTRY field, value
    SET_FIELD \field, \value
    SET_FIELD G_SP, 0x5000
    li sp, 0x111
    GUEST
    LEAVE_GUEST
    CHECK_EXIT REASON_ENTRY_FAIL
    CHECK_FIELD_ADDRESS G_PC, 76b
    CHECK_FIELD G_SP, 0x5000
    CHECK_FIELD \field, \value
    .irp other, EXIT_QUAL, EXIT_TVAL, GUEST_LINEAR, GUEST_PHYS, EXIT_INSTR, EXIT_INSTR_LEN, IDT_EVENT
    CHECK_FIELD \other, 0
    .endr
    CHECK sp, 0x222         # H_SP
    CHECK s1, 0
    SET_FIELD \field, 0
    .endm
    SET_FIELD H_SP, 0x222
    NO_ENTRY G_PRIV, 2
    NO_ENTRY G_PRIV, 3
    NO_ENTRY G_PRIV, 4
    NO_ENTRY G_PRIV, 1 << 32
    NO_ENTRY G_SATP, 1 << 60
    NO_ENTRY G_SATP, 9 << 60
    NO_ENTRY G_ACTIVITY, 2
    NO_ENTRY G_ACTIVITY, 1 << 63
    NO_ENTRY G_INTERRUPTIBILITY, 1
    NO_ENTRY G_INTERRUPTIBILITY, 1 << 40
    TEST 13     # ... G_PC
    PUT_ADDRESS H_PC, 1f
    PUT_ADDRESS G_PC, fail + 1
    li a7, -2
    vmresume a7
    j fail
1:  CHECK_EXIT REASON_ENTRY_FAIL
    TEST 14     # ... an interrupt needs a guest that takes it
    SET_FIELD G_PRIV, 1
    SET_FIELD G_SSTATUS, 0
    SET_FIELD ENTRY_EVENT, EVENT_VALID | EVENT_INTERRUPT | SEI
    GUEST
    LEAVE_GUEST
    CHECK_EXIT REASON_ENTRY_FAIL
    CHECK_FIELD ENTRY_EVENT, EVENT_VALID | EVENT_INTERRUPT | SEI
    SET_FIELD G_PRIV, 0
1:  GUEST
    LEAVE_GUEST
    CHECK_EXIT REASON_VMCALL
    CHECK_TRAP BY_VS, INTERRUPT(SEI)
    CHECK_FIELD ENTRY_EVENT, EVENT_INTERRUPT | SEI
    SET_FIELD G_PRIV, 1
    SET_FIELD G_SSTATUS, SSTATUS_SIE
    SET_FIELD ENTRY_EVENT, EVENT_VALID | EVENT_INTERRUPT | SSI
    GUEST
    LEAVE_GUEST
    CHECK_EXIT REASON_VMCALL
    CHECK_TRAP BY_VS, INTERRUPT(SSI)
    TEST 15     # a refused vmlaunch does not launch; nor does one that fails on guest state
    la a0, vmcs_b
    vmptrld a1, a0
    CHECK a1, 0
    jal fresh_vmcs
    PUT_ADDRESS H_PC, 1f
    PUT_ADDRESS G_PC, 1f
    SET_FIELD ENTRY_CTLS, 1
    vmlaunch a1
    CHECK a1, 7
    SET_FIELD ENTRY_CTLS, 0
    SET_FIELD H_SATP, 1 << 60
    vmlaunch a1
    CHECK a1, 8
    SET_FIELD H_SATP, 0
    SET_FIELD G_PRIV, 2
    li a1, -2
    vmlaunch a1
    j fail
1:  CHECK_FIELD EXIT_REASON, REASON_ENTRY_FAIL
    vmresume a1
    CHECK a1, 5
    PASS
    .data
    .balign 64
descriptor:
    .zero 64
    .balign 1024
bitmap:
    .zero 1024
    .balign 4096
list:
    .zero 4096
    .balign 16384
table:
    .zero 16
    .dword 0xdf | (0x80000000 >> 2)
    .zero 16384 - 24
