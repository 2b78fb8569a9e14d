# VPID, invvpid, invept, vmfunc: which translations are used (docs/xvmx.md, sections 3 and 7).
#include "xvmx.h"
XPROGRAM
#define PROBE 0x10000000
    .macro TABLE name, frame
    MAP_AT root_\name, 2, DRAM, PTE_URWX
    MAP root_\name, 0, middle_\name, PTE_TABLE
    MAP middle_\name, 128, leaves_\name, PTE_TABLE
    MAP leaves_\name, 0, \frame, PTE_URWX
    .endm
    TABLE a, page_a
    TABLE b, page_b
    la a0, page_a
    li a1, 0xaa
    sd a1, 0(a0)
    la a0, page_b
    li a1, 0xbb
    sd a1, 0(a0)
    li a0, PROBE
.macro SEES value
    GUEST_S
    ld a1, 0(a0)
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a1, \value
.endm
    TEST 2      # without VPID a transition is enough to see new tables
    SET_FIELD PROC_CTLS, PROC_EPT
    SET_EPTP root_a, 7
    SEES 0xaa
    MAP leaves_a, 0, page_b, PTE_URWX
    SEES 0xbb
    SET_EPTP root_b, 7
    SEES 0xbb
    MAP leaves_a, 0, page_a, PTE_URWX
    SET_EPTP root_a, 7
    SEES 0xaa
    TEST 3      # with VPID: two contexts beside each other
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_VPID
    SET_EPTP root_a, 1
    SEES 0xaa
    SET_EPTP root_b, 2
    SEES 0xbb
    SET_EPTP root_a, 1
    SEES 0xaa
    SET_EPTP root_b, 2
    SEES 0xbb
    TEST 4      # invvpid, the types that cover both stages
    .irp type, 1, 2, 3
    MAP leaves_b, 0, page_a, PTE_URWX
    li a2, (2 << 16) | \type
    invvpid a3, a2, a0
    CHECK a3, 0
    SEES 0xaa
    MAP leaves_b, 0, page_b, PTE_URWX
    li a2, (2 << 16) | 1
    invvpid a3, a2, a0
    CHECK a3, 0
    SEES 0xbb
    .endr
    TEST 5      # invept, both types
    MAP leaves_b, 0, page_a, PTE_URWX
    GET_FIELD a4, EPTP
    li a2, 1
    invept a3, a2, a4
    CHECK a3, 0
    SEES 0xaa
    MAP leaves_b, 0, page_b, PTE_URWX
    li a2, 2
    invept a3, a2, x0
    CHECK a3, 0
    SEES 0xbb
    TEST 6      # operands that are not valid
    .macro INVEPT_FAILS type, eptp
    li a2, \type
    li a4, \eptp
    invept a3, a2, a4
    CHECK a3, 28
    CHECK_FIELD INSTR_ERROR, 28
    .endm
    INVEPT_FAILS 0, SV39
    INVEPT_FAILS 3, SV39
    INVEPT_FAILS 1 << 32, SV39
    INVEPT_FAILS 1, 0
    INVEPT_FAILS 1, SV39 | 1
    INVEPT_FAILS 1, SV39 | (1 << 58)
    li a2, 1
    li a4, SV39
    invept a3, a2, a4
    CHECK a3, 0
    .macro INVVPID_FAILS operand
    li a2, \operand
    invvpid a3, a2, a0
    CHECK a3, 28
    CHECK_FIELD INSTR_ERROR, 28
    .endm
    INVVPID_FAILS 0
    INVVPID_FAILS 1
    INVVPID_FAILS 3
    INVVPID_FAILS (1 << 16) | 4
    INVVPID_FAILS (1 << 16) | (1 << 15) | 1
    INVVPID_FAILS (1 << 32) | (1 << 16) | 1
    INVVPID_FAILS (0x4000 << 16) | 1
    li a2, (0x3fff << 16) | 1
    invvpid a3, a2, a0
    CHECK a3, 0
    li a2, 2
    invvpid a3, a2, a0
    CHECK a3, 0
    TEST 7      # sfence.vma in the guest: its own tables
    IDENTITY guest_root
    MAP guest_root, 0, guest_middle, PTE_TABLE
    MAP guest_middle, 128, guest_leaves, PTE_TABLE
    MAP guest_leaves, 0, page_a, PTE_RWX
    la a2, guest_root
    srli a2, a2, 12
    li t0, SV39
    or a2, a2, t0
    PUT_FIELD G_SATP, a2
    SEES 0xaa
    li a2, 2 << 16              # invvpid of an address
    MAP guest_leaves, 0, page_b, PTE_RWX
    invvpid a3, a2, a0
    CHECK a3, 0
    SEES 0xbb
    MAP guest_leaves, 0, page_a, PTE_RWX
    invvpid a3, a2, a0
    SEES 0xaa
    GUEST_S
    ld a1, 0(a0)
    MAP guest_leaves, 0, page_b, PTE_RWX
    sfence.vma
    ld a2, 0(a0)
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a1, 0xaa
    CHECK a2, 0xbb
    SET_FIELD G_SATP, 0
    li a2, 2
    invvpid a3, a2, a0
    TEST 8      # vmfunc switches EPTP without an exit
    la a2, list
    SET_EPTP root_a, 1
    GET_FIELD a3, EPTP
    sd a3, 0(a2)
    SET_EPTP root_b, 2
    GET_FIELD a4, EPTP
    li t0, 511 * 8
    add t0, t0, a2
    sd a4, 0(t0)
    SET_EPTP root_b, 1          # the same VPID, another table
    GET_FIELD a5, EPTP
    sd a5, 16(a2)
    PUT_FIELD EPTP_LIST, a2
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_VPID | PROC_VMFUNC
    PUT_FIELD EPTP, a3
    li a6, 511
    li s5, 2
    li s6, -1
    GUEST_S
    ld a1, 0(a0)
    vmfunc s6, x0, a6
    ld a3, 0(a0)
    vmfunc x0, x0, x0
    ld s7, 0(a0)
    vmfunc x0, x0, s5
    ld s8, 0(a0)
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a1, 0xaa
    CHECK a3, 0xbb
    CHECK s6, 0
    CHECK s7, 0xaa
    CHECK s8, 0xbb
    GET_FIELD a1, EPTP
    CHECK_SAME a1, a5
    TEST 9      # ... from U, and without VPID
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_VMFUNC
    SET_EPTP root_a, 0
    GUEST_U
    ld a1, 0(a0)
    vmfunc s6, x0, a6
    ld a3, 0(a0)
    LEAVE_GUEST
    CHECK_LEFT
    CHECK a1, 0xaa
    CHECK a3, 0xbb
    TEST 10     # what it cannot do exits
    .macro EXITS enter, instruction:vararg
    \enter
1:  \instruction
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_VMFUNC, 1b
    CHECK_FIELD EXIT_QUAL, 0
    .endm
    li s7, 1
    li s8, 512
    li s9, -1
    EXITS GUEST_S, vmfunc a1, s7, x0
    EXITS GUEST_U, vmfunc a1, s9, x0
    EXITS GUEST_S, vmfunc a1, x0, s8
    EXITS GUEST_S, vmfunc a1, x0, s9
    EXITS GUEST_S, vmfunc a1, x0, s7        # entry 1 is 0
    CHECK a1, 0xaa
    li t0, SV39 | 2
    la t1, list
    sd t0, 8(t1)
    EXITS GUEST_S, vmfunc a1, x0, s7
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_VMFUNC | PROC_VPID
    SET_EPTP root_a, 3
    SET_EPTP root_a, 3
    la t0, root_b
    srli t0, t0, 12
    li t1, SV39
    or t0, t0, t1
    la t1, list
    sd t0, 8(t1)
    EXITS GUEST_S, vmfunc a1, x0, s7        # VPID 0
    SET_FIELD PROC_CTLS, PROC_EPT
    GUEST_S
1:  vmfunc a1, x0, x0
    LEAVE_GUEST
    CHECK_GUEST_TRAP ILLEGAL, 1b
    TEST 11     # the instruction behind vmfunc comes from the new tables
    .macro COPY page, code
    la a2, \page
    la a3, \code
    .irp offset, 0, 4, 8, 12
    lw a4, \offset(a3)
    sw a4, \offset(a2)
    .endr
    .endm
    COPY page_a, code_a
    COPY page_b, code_b
    fence.i
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_VPID | PROC_VMFUNC
    SET_EPTP root_a, 1
    li a1, 0
    li a2, PROBE
    GUEST_S
    jr a2
    LEAVE_GUEST
    CHECK_EXIT REASON_VMCALL
    CHECK a1, 2
    GET_FIELD a3, G_PC
    addi a2, a2, 8
    CHECK_SAME a2, a3
    PASS
    .option push
    .option norvc
    .balign 4
code_a:
    vmfunc x0, x0, a6
    li a1, 1
    vmcall
    nop
code_b:
    nop
    li a1, 2
    vmcall
    nop
    .option pop
    .data
    .balign 16384
root_a:
    .zero 16384
root_b:
    .zero 16384
.irp name, middle_a, middle_b, leaves_a, leaves_b, page_a, page_b, guest_root, guest_middle, guest_leaves, list
\name:
    .zero 4096
.endr
