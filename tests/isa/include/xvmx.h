/* Frame of the programs for Xvmx (docs/xvmx.md), beside harness.h: XPROGRAM in place of PROGRAM.
 *
 * main runs in root S with ARCH = 2, in VMX operation, with vmcs_a current and launch state clear. GUEST
 * enters the guest at the next line; the code up to LEAVE_GUEST runs there, and ends in a vmcall, or in an earlier
 * exit. Afterwards, in root S again, CHECK_EXIT looks at the reason; a7 is -2 after an exit, else what vmlaunch
 * or vmresume returned. A trap of the guest that its own stvec gets writes s1 = BY_VS, s2 cause, s3 epc,
 * s4 tval, s7 sstatus and does vmcall. Traps to root S (BY_HS) or M (BY_M) write the same and go on at s0, in
 * the mode that took them. gp holds the test number; t4-t6, s0, s1-s4, s7, a7 belong to the frame. The guest has the
 * host's general registers, x2 apart.
 */
#ifndef XVMX_H
#define XVMX_H

#include "harness.h"

/* ---- instructions ---- */

.macro vmxon rd, rs1
    .insn r 0x7b, 0, 0x00, \rd, \rs1, x0
.endm
.macro vmxoff rd
    .insn r 0x7b, 0, 0x01, \rd, x0, x0
.endm
.macro vmclear rd, rs1
    .insn r 0x7b, 0, 0x02, \rd, \rs1, x0
.endm
.macro vmptrld rd, rs1
    .insn r 0x7b, 0, 0x03, \rd, \rs1, x0
.endm
.macro vmptrst rd
    .insn r 0x7b, 0, 0x04, \rd, x0, x0
.endm
.macro vmread rd, rs1
    .insn r 0x7b, 0, 0x05, \rd, \rs1, x0
.endm
.macro vmwrite rd, rs1, rs2
    .insn r 0x7b, 0, 0x06, \rd, \rs1, \rs2
.endm
.macro vmlaunch rd
    .insn r 0x7b, 0, 0x07, \rd, x0, x0
.endm
.macro vmresume rd
    .insn r 0x7b, 0, 0x08, \rd, x0, x0
.endm
.macro vmcall
    .insn r 0x7b, 0, 0x09, x0, x0, x0
.endm
.macro vmfunc rd, rs1, rs2
    .insn r 0x7b, 0, 0x0a, \rd, \rs1, \rs2
.endm
.macro invept rd, rs1, rs2
    .insn r 0x7b, 0, 0x0b, \rd, \rs1, \rs2
.endm
.macro invvpid rd, rs1, rs2
    .insn r 0x7b, 0, 0x0c, \rd, \rs1, \rs2
.endm
#define PAUSE_HINT .word 0x0100000f

/* ---- numbers ---- */

#define MVIRT 0x7c0
#define SVMXCAP 0xdc0
#define STOPEI 0x15c
#define ARCH_NONE 0
#define ARCH_H 1
#define ARCH_XVMX 2
#define MVIRT_HOLE (1 << 8)
#define MVIRT_NOS2 (1 << 9)
#define REVISION 0x564d5801
#define VMX_ABORT 24

#define PIN_CTLS 0x000
#define PROC_CTLS 0x001
#define EXIT_CTLS 0x002
#define ENTRY_CTLS 0x003
#define EXCEPTION_BITMAP 0x004
#define CSR_BITMAP 0x005
#define TIME_OFFSET 0x006
#define EPTP 0x007
#define PREEMPT_TIMER 0x008
#define ENTRY_EVENT 0x009
#define ENTRY_TVAL 0x00a
#define EPTP_LIST 0x00b
#define PI_DESC 0x00c
#define PI_VECTOR 0x00d
#define VIRQ 0x00e
#define INSTR_ERROR 0x100
#define EXIT_REASON 0x101
#define EXIT_QUAL 0x102
#define EXIT_TVAL 0x103
#define GUEST_LINEAR 0x104
#define GUEST_PHYS 0x105
#define EXIT_INSTR 0x106
#define EXIT_INSTR_LEN 0x107
#define IDT_EVENT 0x108
#define G_PC 0x200
#define G_SP 0x201
#define G_PRIV 0x202
#define G_SSTATUS 0x203
#define G_SIE 0x204
#define G_STVEC 0x205
#define G_SSCRATCH 0x206
#define G_SEPC 0x207
#define G_SCAUSE 0x208
#define G_STVAL 0x209
#define G_SATP 0x20a
#define G_SCOUNTEREN 0x20b
#define G_SENVCFG 0x20c
#define G_STIMECMP 0x20d
#define G_ACTIVITY 0x20e
#define G_INTERRUPTIBILITY 0x20f
#define G_EIP0 0x210
#define G_EIP1 0x211
#define G_EIP2 0x212
#define G_EIP3 0x213
#define H_PC 0x300
#define H_SP 0x301
#define H_SSTATUS 0x302
#define H_SIE 0x303
#define H_STVEC 0x304
#define H_SSCRATCH 0x305
#define H_SATP 0x306
#define H_SCOUNTEREN 0x307
#define H_SENVCFG 0x308
#define H_STIMECMP 0x309

#define PIN_EXTINT (1 << 0)
#define PIN_PREEMPT (1 << 1)
#define PIN_POSTED (1 << 2)
#define PROC_INTWIN (1 << 0)
#define PROC_WFI (1 << 1)
#define PROC_TIME (1 << 2)
#define PROC_TIMEOFF (1 << 3)
#define PROC_SATPW (1 << 4)
#define PROC_SATPR (1 << 5)
#define PROC_SFENCE (1 << 6)
#define PROC_CSRBM (1 << 7)
#define PROC_STEP (1 << 8)
#define PROC_PAUSE (1 << 9)
#define PROC_EPT (1 << 10)
#define PROC_VPID (1 << 11)
#define PROC_VMFUNC (1 << 12)
#define PROC_SRET (1 << 13)
#define EXIT_ACK (1 << 0)
#define EXIT_SAVE_PREEMPT (1 << 1)

#define REASON_EXCEPTION 0
#define REASON_EXTINT 1
#define REASON_INTWIN 7
#define REASON_WFI 12
#define REASON_TIME 16
#define REASON_VMCALL 18
#define REASON_ECALL_S 19
#define REASON_SFENCE 20
#define REASON_SRET 21
#define REASON_VMX_INSTR 27
#define REASON_SATP 28
#define REASON_CSR 31
#define REASON_ENTRY_FAIL ((1 << 31) | 33)
#define REASON_STEP 37
#define REASON_PAUSE 40
#define REASON_EPT_VIOLATION 48
#define REASON_EPT_MISCONFIG 49
#define REASON_PREEMPT 52
#define REASON_VMFUNC 59

#define EVENT_VALID (1 << 63)
#define EVENT_INTERRUPT (1 << 62)

#define SSTATUS_SIE (1 << 1)
#define SSTATUS_SPIE (1 << 5)
#define SSTATUS_SPP (1 << 8)
#define SSTATUS_SUM (1 << 18)
#define SSTATUS_MXR (1 << 19)
#define SSTATUS_UXL (2 << 32)
#define SSI 1
#define STI 5
#define SEI 9
#define NO_VMCS -1

/* ---- fields ---- */

/* Field := value (a constant); fails the test if it is refused. */
.macro SET_FIELD field, value
    li t5, \field
    li t6, \value
    vmwrite t4, t5, t6
    CHECK t4, 0
.endm

/* Field := register (not t4-t6). */
.macro PUT_FIELD field, reg
    li t5, \field
    vmwrite t4, t5, \reg
    CHECK t4, 0
.endm

/* Field := address of a symbol. */
.macro PUT_ADDRESS field, symbol
    la t6, \symbol
    li t5, \field
    vmwrite t4, t5, t6
    CHECK t4, 0
.endm

/* reg := field. */
.macro GET_FIELD reg, field
    li t5, \field
    vmread \reg, t5
.endm

.macro CHECK_FIELD field, value
    GET_FIELD t4, \field
    CHECK t4, \value
.endm

.macro CHECK_FIELD_ADDRESS field, symbol
    GET_FIELD t4, \field
    CHECK_ADDRESS t4, \symbol
.endm

/* EPTP := Sv39x4 table, VPID id. */
.macro SET_EPTP table, id
    la t6, \table
    srli t6, t6, 12
    li t4, SV39 | ((\id) << 44)
    or t6, t6, t4
    li t5, EPTP
    vmwrite t4, t5, t6
    CHECK t4, 0
.endm

/* ---- transitions ---- */

/* To the next line as the guest, at the address that G_PC and `offset` make; privilege and controls as they are. */
.macro GUEST
    PUT_ADDRESS G_PC, 76f
    PUT_ADDRESS H_PC, 77f
    RESUME
    j 77f
    .balign 4
76:
.endm

/* As S or U. */
.macro GUEST_S
    SET_FIELD G_PRIV, 1
    GUEST
.endm
.macro GUEST_U
    SET_FIELD G_PRIV, 0
    GUEST
.endm

/* vmresume, or vmlaunch for the first time. */
.macro RESUME
    li s1, 0
    li s2, -1
    li t4, NO_VMCS
    li a7, -2
    vmresume t4
    li t5, 5
    bne t4, t5, 1f
    vmlaunch t4
1:  mv a7, t4
.endm

.macro LEAVE_GUEST
    .balign 4
78: vmcall
    .balign 4
77:
.endm

/* The guest came to its end. */
.macro CHECK_LEFT
    CHECK_EXIT REASON_VMCALL
    CHECK_FIELD_ADDRESS G_PC, 78b
    CHECK s1, 0
.endm

/* An exit with this reason. */
.macro CHECK_EXIT reason
    CHECK a7, -2
    CHECK_FIELD EXIT_REASON, \reason
.endm

/* ... by the instruction at label, of `length` bytes. */
.macro CHECK_EXIT_AT reason, label, length=4
    CHECK_EXIT \reason
    CHECK_FIELD_ADDRESS G_PC, \label
    CHECK_FIELD EXIT_INSTR_LEN, \length
    la t4, \label
    .if \length == 4
    lwu t4, 0(t4)
    .else
    lhu t4, 0(t4)
    .endif
    GET_FIELD t5, EXIT_INSTR
    CHECK_SAME t4, t5
.endm

/* ... between two instructions; the next one is at label. */
.macro CHECK_EXIT_BEFORE reason, label
    CHECK_EXIT \reason
    CHECK_FIELD_ADDRESS G_PC, \label
    CHECK_FIELD EXIT_INSTR_LEN, 0
    CHECK_FIELD EXIT_INSTR, 0
.endm

/* The entry was refused with this error number. */
.macro CHECK_REFUSED error
    CHECK a7, \error
    CHECK_FIELD INSTR_ERROR, \error
.endm

/* The guest's handler got this; it was the instruction at label. */
.macro CHECK_GUEST_TRAP cause, label
    CHECK_EXIT REASON_VMCALL
    CHECK_TRAP BY_VS, \cause
    CHECK_ADDRESS s3, \label
.endm

/* ---- modes of the host ---- */

/* Between TO_M and TO_S the code runs in M. */
.macro TO_M
    la s0, 75f
    li s1, 0
    ecall
75: li s0, 0
.endm
.macro TO_S
    li t6, MSTATUS_MPP | MSTATUS_MPV
    csrc mstatus, t6
    li t6, MSTATUS_MPP_S
    csrs mstatus, t6
    la t6, 75f
    csrw mepc, t6
    mret
75:
.endm

/* Run an instruction in root S that traps: BY_HS if medeleg sends it there. */
.macro TRAPS by, cause, instruction:vararg
    la s0, 74f
    li s1, 0
    li s2, -1
73: \instruction
74: CHECK_TRAP \by, \cause
    CHECK_ADDRESS s3, 73b
.endm

/* ---- frame ---- */

.macro XPROGRAM
    .section .text.init, "ax"
    .globl _start
_start:
    csrr t0, mhartid
1:  bnez t0, 1b
    la t0, machine_trap
    csrw mtvec, t0
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    csrw mie, x0
    csrw mip, x0
    csrw satp, x0
    li t0, 0xb1ff       /* all exceptions but the calls from S */
    csrw medeleg, t0
    li t0, 0x222
    csrw mideleg, t0
    li t0, 7
    csrw mcounteren, t0
    csrw scounteren, t0
    li t0, 1 << 63      /* STCE */
    csrw menvcfg, t0
    li t0, -1
    csrw stimecmp, t0
    li t0, ARCH_XVMX
    csrw MVIRT, t0
    la t0, root_trap
    csrw stvec, t0
    li s0, 0
    TO_S
    j enter_vmx
    ENDINGS
    TOHOST_PAGE

    .align 2
machine_trap:
    bnez s1, 1f
    li s1, BY_M
    csrr s2, mcause
    csrr s3, mepc
    csrr s4, mtval
    csrr s7, mstatus
1:  beqz s0, fail
    mv t6, s0
    li s0, 0
    jr t6

    .align 2
root_trap:
    bnez s1, 1f
    li s1, BY_HS
    csrr s2, scause
    csrr s3, sepc
    csrr s4, stval
    csrr s7, sstatus
1:  beqz s0, fail
    mv t6, s0
    li s0, 0
    jr t6

    .align 2
guest_trap:
    li s1, BY_VS
    csrr s2, scause
    csrr s3, sepc
    csrr s4, stval
    csrr s7, sstatus
    vmcall

enter_vmx:
    li gp, 1
    li t1, REVISION
    la t0, vmxon_region
    sw t1, 0(t0)
    la t2, vmcs_a
    sw t1, 0(t2)
    la t3, vmcs_b
    sw t1, 0(t3)
    vmxon a0, t0
    bnez a0, fail
    vmclear a0, t2
    bnez a0, fail
    vmptrld a0, t2
    bnez a0, fail
    jal fresh_vmcs
    j main

    /* All fields of the current VMCS as the programs expect them at their start. */
fresh_vmcs:
    .irp field, PIN_CTLS, PROC_CTLS, EXIT_CTLS, ENTRY_CTLS, EXCEPTION_BITMAP, CSR_BITMAP, TIME_OFFSET, EPTP
    SET_FIELD \field, 0
    .endr
    .irp field, PREEMPT_TIMER, ENTRY_EVENT, ENTRY_TVAL, EPTP_LIST, PI_DESC, PI_VECTOR, VIRQ
    SET_FIELD \field, 0
    .endr
    .irp field, G_SP, G_SSTATUS, G_SIE, G_SSCRATCH, G_SEPC, G_SCAUSE, G_STVAL, G_SATP, G_SENVCFG, G_ACTIVITY
    SET_FIELD \field, 0
    .endr
    .irp field, G_INTERRUPTIBILITY, G_EIP0, G_EIP1, G_EIP2, G_EIP3, H_SSTATUS, H_SIE, H_SSCRATCH, H_SATP
    SET_FIELD \field, 0
    .endr
    SET_FIELD G_PRIV, 1
    SET_FIELD G_SCOUNTEREN, 7
    SET_FIELD G_STIMECMP, -1
    PUT_ADDRESS G_STVEC, guest_trap
    SET_FIELD H_SP, 0
    SET_FIELD H_SCOUNTEREN, 7
    SET_FIELD H_SENVCFG, 0
    SET_FIELD H_STIMECMP, -1
    PUT_ADDRESS H_STVEC, root_trap
    ret

    .pushsection .data, "aw", @progbits
    .balign 4096
vmxon_region:
    .zero 4096
vmcs_a:
    .zero 4096
vmcs_b:
    .zero 4096
    .popsection
    .text
    .option norvc
main:
.endm

#endif
