# Instructions of the guest that exit, with and without their controls (docs/xvmx.md, sections 5 and 7).
#include "xvmx.h"
XPROGRAM
.macro EXITS enter, control, reason, qualification, instruction:vararg
    SET_FIELD PROC_CTLS, \control
    \enter
1:  \instruction
    LEAVE_GUEST
    CHECK_EXIT_AT \reason, 1b
    CHECK_FIELD EXIT_QUAL, \qualification
    CHECK_FIELD EXIT_TVAL, 0
    CHECK_FIELD GUEST_LINEAR, 0
    CHECK_FIELD GUEST_PHYS, 0
    CHECK_FIELD IDT_EVENT, 0
    CHECK s1, 0
.endm
.macro GOES enter, control, instruction:vararg
    SET_FIELD PROC_CTLS, \control
    \enter
1:  \instruction
    LEAVE_GUEST
    CHECK_LEFT
.endm
.macro ILLEGAL_IN enter, control, instruction:vararg
    SET_FIELD PROC_CTLS, \control
    \enter
1:  \instruction
    LEAVE_GUEST
    CHECK_GUEST_TRAP ILLEGAL, 1b
    lwu t4, 0(s3)
    CHECK_SAME s4, t4
.endm
    TEST 2      # calls
    EXITS GUEST_S, 0, REASON_VMCALL, 0, vmcall
    EXITS GUEST_U, 0, REASON_VMCALL, 0, vmcall
    EXITS GUEST_S, 0, REASON_ECALL_S, 0, ecall
    SET_FIELD PROC_CTLS, 0
    GUEST_U
1:  ecall
    LEAVE_GUEST
    CHECK_GUEST_TRAP ECALL_U, 1b
    TEST 3      # wfi
    EXITS GUEST_S, PROC_WFI, REASON_WFI, 0, wfi
    ILLEGAL_IN GUEST_U, PROC_WFI, wfi
    ILLEGAL_IN GUEST_U, 0, wfi
    TEST 4      # fences
    EXITS GUEST_S, PROC_SFENCE, REASON_SFENCE, 0, sfence.vma
    EXITS GUEST_S, PROC_SFENCE, REASON_SFENCE, 0, sfence.vma a0, a1
    EXITS GUEST_S, PROC_SFENCE, REASON_SFENCE, 0, sinval.vma a0, a1
    ILLEGAL_IN GUEST_U, PROC_SFENCE, sfence.vma
    ILLEGAL_IN GUEST_U, PROC_SFENCE, sinval.vma x0, x0
    GOES GUEST_S, 0, sfence.vma
    GOES GUEST_S, 0, sinval.vma a0, a1
    GOES GUEST_S, PROC_SFENCE, sfence.w.inval
    GOES GUEST_S, PROC_SFENCE, sfence.inval.ir
    ILLEGAL_IN GUEST_U, 0, sfence.w.inval
    ILLEGAL_IN GUEST_U, 0, sfence.inval.ir
    TEST 5      # pause, from S and U; other fences are none
    EXITS GUEST_S, PROC_PAUSE, REASON_PAUSE, 0, PAUSE_HINT
    EXITS GUEST_U, PROC_PAUSE, REASON_PAUSE, 0, PAUSE_HINT
    GOES GUEST_S, 0, PAUSE_HINT
    GOES GUEST_S, PROC_PAUSE, fence
    GOES GUEST_S, PROC_PAUSE, fence w, w
    TEST 6      # time
    EXITS GUEST_S, PROC_TIME, REASON_TIME, 0, rdtime a0
    EXITS GUEST_S, PROC_TIME, REASON_TIME, 0, csrrs x0, time, x0
    EXITS GUEST_U, PROC_TIME, REASON_TIME, 0, rdtime a0
    GOES GUEST_S, PROC_TIME, rdcycle a0
    GOES GUEST_S, 0, rdtime a0
    ILLEGAL_IN GUEST_S, PROC_TIME, csrw time, x0
    TEST 7      # ... which counter enables may forbid: G_SCOUNTEREN in U
    SET_FIELD G_SCOUNTEREN, 5
    ILLEGAL_IN GUEST_U, PROC_TIME, rdtime a0
    GOES GUEST_U, PROC_TIME, rdcycle a0
    GOES GUEST_S, 0, rdtime a0
    SET_FIELD G_SCOUNTEREN, 7
    TEST 8      # satp: what counts is whether the instruction reads, and writes
    EXITS GUEST_S, PROC_SATPW, REASON_SATP, 1 | (10 << 8), csrw satp, a0
    EXITS GUEST_S, PROC_SATPW, REASON_SATP, 1 | (11 << 8), csrrw a0, satp, a1
    EXITS GUEST_S, PROC_SATPW, REASON_SATP, 1 | (11 << 8), csrs satp, a1
    EXITS GUEST_S, PROC_SATPW, REASON_SATP, 1 | (3 << 8), csrci satp, 3
    EXITS GUEST_S, PROC_SATPW, REASON_SATP, 1, csrwi satp, 0
    GOES GUEST_S, PROC_SATPW, csrr a0, satp
    GOES GUEST_S, PROC_SATPW, csrrsi a0, satp, 0
    EXITS GUEST_S, PROC_SATPR, REASON_SATP, 10 << 8, csrr a0, satp
    EXITS GUEST_S, PROC_SATPR, REASON_SATP, 0, csrr x0, satp
    EXITS GUEST_S, PROC_SATPR, REASON_SATP, 1 | (11 << 8), csrrw a0, satp, a1
    EXITS GUEST_S, PROC_SATPR, REASON_SATP, 1 | (11 << 8), csrs satp, a1
    GOES GUEST_S, PROC_SATPR, csrw satp, x0
    ILLEGAL_IN GUEST_U, PROC_SATPW | PROC_SATPR, csrw satp, x0
    CHECK_FIELD G_SATP, 0
    TEST 9      # sret
    EXITS GUEST_S, PROC_SRET, REASON_SRET, 0, sret
    ILLEGAL_IN GUEST_U, PROC_SRET, sret
    SET_FIELD PROC_CTLS, 0
    SET_FIELD G_SSTATUS, SSTATUS_SPIE
    GUEST_S
    la t0, 1f
    csrw sepc, t0
    sret
1:  nop
    LEAVE_GUEST
    CHECK_LEFT
    CHECK_FIELD G_PRIV, 0
    CHECK_FIELD G_SSTATUS, SSTATUS_UXL | SSTATUS_SIE | SSTATUS_SPIE
    SET_FIELD G_SSTATUS, 0
    TEST 10     # the extension's own instructions, from S and U
    .macro FROM_BOTH instruction:vararg
    EXITS GUEST_S, 0, REASON_VMX_INSTR, 0, \instruction
    EXITS GUEST_U, 0, REASON_VMX_INSTR, 0, \instruction
    .endm
    FROM_BOTH vmxon a0, a1
    FROM_BOTH vmxoff a0
    FROM_BOTH vmclear a0, a1
    FROM_BOTH vmptrld a0, a1
    FROM_BOTH vmptrst a0
    FROM_BOTH vmread a0, a1
    FROM_BOTH vmwrite a0, a1, a2
    FROM_BOTH vmlaunch a0
    FROM_BOTH vmresume a0
    FROM_BOTH invept a0, a1, a2
    FROM_BOTH invvpid a0, a1, a2
    ILLEGAL_IN GUEST_S, 0, vmfunc a0, x0, x0
    ILLEGAL_IN GUEST_U, 0, vmfunc a0, x0, x0
    ILLEGAL_IN GUEST_S, 0, .insn r 0x7b, 0, 0x01, x0, x1, x0
    ILLEGAL_IN GUEST_S, 0, .insn r 0x7b, 0, 0x09, x1, x0, x0
    ILLEGAL_IN GUEST_S, 0, .insn r 0x7b, 1, 0x00, x0, x0, x0
    ILLEGAL_IN GUEST_S, 0, .insn r 0x7b, 0, 0x0d, x0, x0, x0
    TEST 11     # what a plain machine does not have is illegal, whatever the controls
    ILLEGAL_IN GUEST_S, 0x227e, csrr a0, hstatus
    ILLEGAL_IN GUEST_S, 0, csrr a0, vsstatus
    ILLEGAL_IN GUEST_S, 0, csrr a0, mstatus
    ILLEGAL_IN GUEST_S, 0, csrr a0, MVIRT
    ILLEGAL_IN GUEST_U, 0, csrr a0, sscratch
    ILLEGAL_IN GUEST_S, 0, csrw SVMXCAP, x0
    ILLEGAL_IN GUEST_S, 0, mret
    ILLEGAL_IN GUEST_S, 0, hfence.gvma
    ILLEGAL_IN GUEST_S, 0, hfence.vvma
    ILLEGAL_IN GUEST_S, 0, hlv.d a0, (a1)
    ILLEGAL_IN GUEST_U, 0, hsv.d a0, (a1)
    GOES GUEST_S, 0, csrr a0, SVMXCAP
    TEST 12     # EXIT_QUAL and the rest of an exit that defines none of them
    EXITS GUEST_S, 0, REASON_VMCALL, 0, vmcall
    TEST 13     # a compressed instruction
    SET_FIELD EXCEPTION_BITMAP, 1 << BREAKPOINT
    SET_FIELD PROC_CTLS, 0
    GUEST_S
    .option rvc
1:  c.ebreak
    .option norvc
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EXCEPTION, 1b, 2
    CHECK_FIELD EXIT_QUAL, BREAKPOINT
    PASS
