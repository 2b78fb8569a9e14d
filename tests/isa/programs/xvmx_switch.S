# A change of mvirt: nothing that one architecture left behind acts under another (docs/xvmx.md, section 1).
#include "xvmx.h"
XPROGRAM
#define PROBE 0x10000000
.macro TO_ARCH arch
    TO_M
    li a0, \arch
    csrw MVIRT, a0
    TO_S
.endm
/* VMX operation as at the start, after it has ended. */
.macro START_AGAIN
    la a1, vmxon_region
    la a2, vmcs_a
    vmxon a0, a1
    CHECK a0, 0
    vmclear a0, a2
    CHECK a0, 0
    vmptrld a0, a2
    CHECK a0, 0
    jal fresh_vmcs
.endm
/* Nothing interrupts root in S with SIE = 1, nor in U; that comes back by ecall. */
.macro UNDISTURBED
    csrsi sstatus, 2
    nop
    nop
    csrci sstatus, 2
    la a0, 1f
    csrw sepc, a0
    li a0, SSTATUS_SPP
    csrc sstatus, a0
    la s0, 2f
    li s1, 0
    sret
    .balign 4
1:  nop
    ecall
2:  CHECK_TRAP BY_HS, ECALL_U
.endm
    TEST 2      # VS-level interrupts of H are not taken under the others
    TO_ARCH ARCH_H
    TO_M
    csrw hideleg, x0
    li a0, 0x444
    csrw hvip, a0
    csrs mie, a0
    TO_S
    la s0, 1f
    li s1, 0
    csrsi sstatus, 2
    nop
    nop
    j fail
1:  csrci sstatus, 2
    CHECK_TRAP BY_HS, INTERRUPT(10)
    .irp arch, ARCH_NONE, ARCH_XVMX
    TO_ARCH \arch
    UNDISTURBED
    TO_M
    csrr a0, mip
    CHECK a0, 0
    csrr a0, mie
    CHECK a0, 0
    TO_S
    .endr
    TEST 3      # hstatus has no say over the guest of Xvmx
    TO_ARCH ARCH_H
    li a0, HSTATUS_VTSR | HSTATUS_VTVM | HSTATUS_VTW
    csrw hstatus, a0
    csrw hcounteren, x0
    csrw hedeleg, x0
    TO_ARCH ARCH_XVMX
    START_AGAIN
    SET_FIELD VIRQ, 2
    SET_FIELD G_SIE, 2
    GUEST_S
    la a0, 1f
    csrw sepc, a0
    li a0, SSTATUS_SPP
    csrs sstatus, a0
    sret
    .balign 4
1:  csrr a0, satp
    sfence.vma
    sinval.vma x0, x0
    wfi
    rdcycle a0
    LEAVE_GUEST
    CHECK_LEFT
    GUEST_S
1:  ebreak
    LEAVE_GUEST
    CHECK_GUEST_TRAP BREAKPOINT, 1b
    TEST 4      # nor over the sret of root: it stays in V = 0
    .irp arch, ARCH_NONE, ARCH_XVMX
    TO_ARCH ARCH_H
    li a0, HSTATUS_SPV
    csrs hstatus, a0
    TO_ARCH \arch
    la s0, 2f
    li s1, 0
    la a0, 1f
    csrw sepc, a0
    li a0, SSTATUS_SPP
    csrs sstatus, a0
    sret
    .balign 4
1:  ecall
2:  CHECK s1, BY_M
    CHECK s2, ECALL_HS
    CHECK_BITS s7, MSTATUS_MPP | MSTATUS_MPV, MSTATUS_MPP_S
    TO_S
    .endr
    TEST 5      # custom-3 is illegal without Xvmx: in S, in U, and in VS and VU
    .irp arch, ARCH_NONE, ARCH_H
    TO_ARCH \arch
    la a1, vmxon_region
    TRAPS BY_HS, ILLEGAL, vmxon a0, a1
    TRAPS BY_HS, ILLEGAL, vmptrst a0
    TRAPS BY_HS, ILLEGAL, vmxoff a0
    TRAPS BY_HS, ILLEGAL, vmcall
    TRAPS BY_HS, ILLEGAL, vmfunc a0, x0, x0
    TRAPS BY_HS, ILLEGAL, vmlaunch a0
    .endr
    csrw hvip, x0               # what Xvmx left is software's to set
    csrw hie, x0
    .macro BELOW status, hstatus, instruction:vararg
    li a0, HSTATUS_SPV
    csrc hstatus, a0
    li a0, \hstatus
    csrs hstatus, a0
    la a0, 1f
    csrw sepc, a0
    li a0, SSTATUS_SPP
    csrc sstatus, a0
    li a0, \status
    csrs sstatus, a0
    la s0, 2f
    li s1, 0
    sret
    .balign 4
1:  \instruction
2:  CHECK_TRAP BY_HS, ILLEGAL
    CHECK_ADDRESS s3, 1b
    .endm
    BELOW 0, 0, vmxon a0, a1
    BELOW 0, HSTATUS_SPV, vmxon a0, a1
    BELOW 0, HSTATUS_SPV, vmcall
    BELOW SSTATUS_SPP, HSTATUS_SPV, vmxon a0, a1
    BELOW SSTATUS_SPP, HSTATUS_SPV, vmcall
    BELOW SSTATUS_SPP, HSTATUS_SPV, vmread a0, a1
    li a0, HSTATUS_SPV
    csrc hstatus, a0
    TEST 6      # a change of ARCH, and one of NOS2, forgets all translations
    la a0, page_a
    li a1, 0xaa
    sd a1, 0(a0)
    la a0, page_b
    li a1, 0xbb
    sd a1, 0(a0)
    IDENTITY root
    MAP root, 0, middle, PTE_TABLE
    MAP middle, 128, leaves, PTE_TABLE
    MAP leaves, 0, page_a, PTE_RWX
    TO_ARCH ARCH_NONE
    sfence.vma
    la a0, root
    srli a0, a0, 12
    li a1, SV39
    or a0, a0, a1
    csrw satp, a0
    li a2, PROBE
    ld a1, 0(a2)
    CHECK a1, 0xaa
    .macro SEES_AFTER mvirt, page, value
    MAP leaves, 0, \page, PTE_RWX
    TO_ARCH \mvirt
    ld a1, 0(a2)
    CHECK a1, \value
    .endm
    SEES_AFTER ARCH_H, page_b, 0xbb
    SEES_AFTER ARCH_XVMX, page_a, 0xaa
    SEES_AFTER ARCH_XVMX | MVIRT_NOS2, page_b, 0xbb
    SEES_AFTER ARCH_XVMX, page_a, 0xaa
    SEES_AFTER ARCH_NONE, page_b, 0xbb
    SEES_AFTER ARCH_NONE | MVIRT_NOS2, page_a, 0xaa
    csrw satp, x0
    TEST 7      # an entry's flags of a VMCS that is no more: outstanding, STEP, waiting
    TO_ARCH ARCH_XVMX
    START_AGAIN
    SET_FIELD PROC_CTLS, PROC_STEP
    TO_M
    li a0, 1 << BREAKPOINT
    csrc medeleg, a0
    TO_S
    la s0, 2f
    GUEST_S
    ebreak
    LEAVE_GUEST
    j fail
2:  csrr a0, mstatus
    li a1, MSTATUS_MPV
    and a1, a0, a1
    beqz a1, fail
    csrwi MVIRT, ARCH_H
    csrwi MVIRT, ARCH_XVMX
    csrr a0, mstatus
    CHECK_BITS a0, MSTATUS_MPV | MSTATUS_GVA, 0
    li a0, MSTATUS_MPV              # nothing is outstanding: V = 0
    csrs mstatus, a0
    la a0, 3f
    csrw mepc, a0
    mret
    .balign 4
3:  csrr a0, sie
    nop
    TRAPS BY_HS, ILLEGAL, vmptrst a0
    START_AGAIN
    vmptrst a0
    la a1, vmcs_a
    CHECK_SAME a0, a1
    PASS
    .data
    .balign 4096
.irp name, root, middle, leaves, page_a, page_b
\name:
    .zero 4096
.endr
