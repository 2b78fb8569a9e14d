# The second stage: violations and misconfigurations, kinds of access, both stages (docs/xvmx.md, section 7).
#include "xvmx.h"
XPROGRAM
#define QUAL_READ 0x181
#define QUAL_WRITE 0x182
#define QUAL_FETCH 0x184
#define ENTRY(r, w, x) (((r) << 3) | ((w) << 4) | ((x) << 5))
#define PROBE 0x10000123456     /* index 4 of the root, 0 of the next, ... */
    /* Guest-physical DRAM at its own address; PROBE's gigapage through three tables. */
    MAP_AT root, 2, DRAM, PTE_URWX
    MAP root, 1024, middle, PTE_TABLE
    MAP middle, 0, leaves, PTE_TABLE
    SET_EPTP root, 0
    SET_FIELD PROC_CTLS, PROC_EPT
/* The leaf of PROBE := flags | frame `page`; the guest's access exits with the qualification. */
.macro LEAF flags
    MAP leaves, 0x123, page, \flags
.endm
.macro VIOLATES qualification, instruction:vararg
    GUEST_S
1:  \instruction
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EPT_VIOLATION, 1b
    CHECK_FIELD EXIT_QUAL, \qualification
    CHECK_FIELD EXIT_TVAL, 0
    GET_FIELD a2, GUEST_LINEAR
    CHECK_SAME a2, a0
    GET_FIELD a2, GUEST_PHYS
    CHECK_SAME a2, a0
    CHECK s1, 0
.endm
.macro GOES instruction:vararg
    GUEST_S
1:  \instruction
    LEAVE_GUEST
    CHECK_LEFT
.endm
    TEST 2      # not valid
    LEAF 0
    li a0, PROBE
    VIOLATES QUAL_READ, ld a1, 0(a0)
    VIOLATES QUAL_READ, lb a1, 0(a0)
    VIOLATES QUAL_WRITE, sd a1, 0(a0)
    andi a0, a0, -8
    VIOLATES QUAL_READ, lr.d a1, (a0)
    VIOLATES QUAL_WRITE, sc.d a1, a1, (a0)
    VIOLATES QUAL_WRITE, amoadd.w a1, a1, (a0)
    TEST 3      # permissions, shown as the entry has them
    li a0, PROBE
    LEAF PTE_V | PTE_U | PTE_A | PTE_D | PTE_R
    VIOLATES QUAL_WRITE | ENTRY(1, 0, 0), sh a1, 0(a0)
    GOES ld a1, 0(a0)
    LEAF PTE_V | PTE_U | PTE_A | PTE_D | PTE_X
    VIOLATES QUAL_READ | ENTRY(0, 0, 1), ld a1, 0(a0)
    VIOLATES QUAL_WRITE | ENTRY(0, 0, 1), sw a1, 0(a0)
    LEAF PTE_RWX        /* without U */
    VIOLATES QUAL_READ | ENTRY(1, 1, 1), ld a1, 0(a0)
    LEAF PTE_V | PTE_U | PTE_R | PTE_W
    VIOLATES QUAL_READ | ENTRY(1, 1, 0), ld a1, 0(a0)
    LEAF PTE_V | PTE_U | PTE_R | PTE_W | PTE_A
    VIOLATES QUAL_WRITE | ENTRY(1, 1, 0), sd a1, 0(a0)
    TEST 4      # ... from U
    SET_FIELD G_PRIV, 0
    GUEST_U
1:  sd a1, 8(a0)
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EPT_VIOLATION, 1b
    CHECK_FIELD EXIT_QUAL, QUAL_WRITE | ENTRY(1, 1, 0)
    CHECK_FIELD GUEST_PHYS, PROBE + 8
    CHECK_FIELD G_PRIV, 0
    TEST 5      # fetches: no instruction, and GUEST_LINEAR may be its second half
    LEAF PTE_V | PTE_U | PTE_R | PTE_W | PTE_A | PTE_D
    li a0, PROBE
    GUEST_S
    jr a0
    LEAVE_GUEST
    CHECK_EXIT REASON_EPT_VIOLATION
    CHECK_FIELD EXIT_QUAL, QUAL_FETCH | ENTRY(1, 1, 0)
    CHECK_FIELD G_PC, PROBE
    CHECK_FIELD GUEST_LINEAR, PROBE
    CHECK_FIELD GUEST_PHYS, PROBE
    CHECK_FIELD EXIT_INSTR, 0
    CHECK_FIELD EXIT_INSTR_LEN, 0
    LEAF PTE_URWX
    la a1, page
    li t0, 0x13                     # a nop's first half at the page's end
    li t1, 4094
    add t1, t1, a1
    sh t0, 0(t1)
    fence.i
    MAP leaves, 0x124, page, 0
    li a0, PROBE | 4095
    addi a0, a0, -1
    GUEST_S
    jr a0
    LEAVE_GUEST
    CHECK_EXIT REASON_EPT_VIOLATION
    CHECK_FIELD EXIT_QUAL, QUAL_FETCH
    GET_FIELD a2, G_PC
    CHECK_SAME a2, a0
    CHECK_FIELD GUEST_LINEAR, 0x10000124000
    CHECK_FIELD GUEST_PHYS, 0x10000124000
    CHECK_FIELD EXIT_INSTR_LEN, 0
    TEST 6      # no tables: at the root, and beyond 41 bits
    li a0, 0x8000000000
    VIOLATES QUAL_READ, ld a1, 0(a0)
    li a0, 0x20080000000
    VIOLATES QUAL_READ, ld a1, 0(a0)
    li a0, 0xffffffff80000000
    VIOLATES QUAL_WRITE, sd a1, 0(a0)
    TEST 7      # misconfigurations
    .macro MISCONFIGURED
    li a0, PROBE
    GUEST_S
1:  ld a1, 0(a0)
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EPT_MISCONFIG, 1b
    CHECK_FIELD EXIT_QUAL, 0
    CHECK_FIELD EXIT_TVAL, 0
    CHECK_FIELD GUEST_LINEAR, 0
    CHECK_FIELD GUEST_PHYS, PROBE
    GUEST_U
1:  sb a1, 0(a0)
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EPT_MISCONFIG, 1b
    CHECK_FIELD GUEST_PHYS, PROBE
    .endm
    LEAF PTE_V | PTE_W | PTE_U | PTE_A | PTE_D
    MISCONFIGURED
    SET_FIELD PROC_CTLS, PROC_EPT | PROC_STEP | PROC_SRET   # whatever else is on
    MISCONFIGURED
    SET_FIELD PROC_CTLS, PROC_EPT
    LEAF PTE_V | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D
    MISCONFIGURED
    LEAF PTE_V
    MISCONFIGURED
    .irp bit, 1 << 54, 1 << 60, 1 << 61, 1 << 63
    LEAF PTE_URWX | \bit
    MISCONFIGURED
    .endr
    LEAF PTE_URWX
    MAP middle, 0, leaves, PTE_TABLE | PTE_A
    MISCONFIGURED
    MAP middle, 0, leaves, PTE_TABLE | PTE_D
    MISCONFIGURED
    MAP middle, 0, leaves, PTE_TABLE | PTE_U
    MISCONFIGURED
    MAP_AT middle, 0, DRAM + 0x1000, PTE_URWX
    MISCONFIGURED
    MAP_AT root, 1024, DRAM + 0x200000, PTE_URWX
    MISCONFIGURED
    MAP root, 1024, middle, PTE_TABLE
    MAP middle, 0, leaves, PTE_TABLE
    TEST 8      # hardware updates of A and D, under menvcfg.ADUE
    TO_M
    li a0, 1 << 61
    csrs menvcfg, a0
    TO_S
    LEAF PTE_V | PTE_U | PTE_R | PTE_W
    li a0, PROBE
    GOES ld a1, 0(a0)
    la a0, leaves + 8 * 0x123
    ld a1, 0(a0)
    CHECK_BITS a1, 0xff, PTE_V | PTE_U | PTE_R | PTE_W | PTE_A
    li a0, PROBE
    GOES sd a1, 0(a0)
    la a0, leaves + 8 * 0x123
    ld a1, 0(a0)
    CHECK_BITS a1, 0xff, PTE_V | PTE_U | PTE_R | PTE_W | PTE_A | PTE_D
    TO_M
    li a0, 1 << 61
    csrc menvcfg, a0
    TO_S
    TEST 9      # two stages: the final page
    la t4, guest_root
    IDENTITY guest_root
    MAP guest_root, 1, guest_middle, PTE_TABLE
    MAP guest_middle, 0, guest_leaves, PTE_TABLE
    MAP_AT guest_leaves, 5, PROBE, PTE_RWX  /* 0x40005000 is guest-physical 0x10000123000 */
    la a0, guest_root
    srli a0, a0, 12
    li t0, SV39
    or a0, a0, t0
    PUT_FIELD G_SATP, a0
    LEAF PTE_V | PTE_U | PTE_R | PTE_A
    li a0, 0x40005ab0
    GUEST_S
1:  sd a1, 0(a0)
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EPT_VIOLATION, 1b
    CHECK_FIELD EXIT_QUAL, QUAL_WRITE | ENTRY(1, 0, 0)
    CHECK_FIELD GUEST_LINEAR, 0x40005ab0
    CHECK_FIELD GUEST_PHYS, 0x10000123ab0
    TEST 10     # ... the walker's own read of a guest table
    MAP_AT guest_middle, 0, PROBE, PTE_TABLE
    LEAF PTE_V | PTE_U | PTE_X | PTE_A
    GUEST_S
1:  sd a1, 0(a0)
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EPT_VIOLATION, 1b
    CHECK_FIELD EXIT_QUAL, 0x81 | ENTRY(0, 0, 1)
    CHECK_FIELD GUEST_LINEAR, 0x40005ab0
    CHECK_FIELD GUEST_PHYS, 0x10000123000 + 5 * 8
    GUEST_S
    jr a0
    LEAVE_GUEST
    CHECK_EXIT REASON_EPT_VIOLATION
    CHECK_FIELD EXIT_QUAL, 0x81 | ENTRY(0, 0, 1)
    CHECK_FIELD G_PC, 0x40005ab0
    la t0, user_part        # from U, at the code's second address
    li t1, USER_ALIAS
    add t0, t0, t1
    PUT_FIELD G_PC, t0
    SET_FIELD G_PRIV, 0
    PUT_ADDRESS H_PC, 77f
    li a7, -2
    vmresume a7
    j fail
    .balign 4
user_part:
    lb a1, 0(a0)
    j fail
77: CHECK_EXIT REASON_EPT_VIOLATION
    CHECK_FIELD EXIT_QUAL, 0x81 | ENTRY(0, 0, 1)
    CHECK_FIELD G_PRIV, 0
    TEST 11     # ... its write, to set A
    TO_M
    li a0, 1 << 61
    csrs menvcfg, a0
    TO_S
    LEAF PTE_V | PTE_U | PTE_R | PTE_A
    la t0, page
    li t1, (DRAM >> 2) | PTE_V | PTE_R | PTE_W
    sd t1, 5 * 8(t0)
    li a0, 0x40005ab0
    GUEST_S
1:  ld a1, 0(a0)
    LEAVE_GUEST
    CHECK_EXIT_AT REASON_EPT_VIOLATION, 1b
    CHECK_FIELD EXIT_QUAL, 0x82 | ENTRY(1, 0, 0)
    CHECK_FIELD GUEST_LINEAR, 0x40005ab0
    CHECK_FIELD GUEST_PHYS, 0x10000123000 + 5 * 8
    SET_FIELD G_PRIV, 0
    la t0, user_part
    li t1, USER_ALIAS
    add t0, t0, t1
    PUT_FIELD G_PC, t0
    PUT_ADDRESS H_PC, 77f
    la t0, page
    li t1, (DRAM >> 2) | PTE_V | PTE_R | PTE_W | PTE_U
    sd t1, 5 * 8(t0)
    li a7, -2
    vmresume a7
    j fail
77: CHECK_EXIT REASON_EPT_VIOLATION
    CHECK_FIELD EXIT_QUAL, 0x82 | ENTRY(1, 0, 0)
    CHECK_FIELD G_PRIV, 0
    TO_M
    li a0, 1 << 61
    csrc menvcfg, a0
    TO_S
    TEST 12     # a fault of the first stage is the guest's
    GUEST_S
    li a0, 0x1000
1:  ld a1, 0(a0)
    LEAVE_GUEST
    CHECK_GUEST_TRAP LOAD_PAGE, 1b
    SET_FIELD G_SATP, 0
    TEST 13     # the second stage has no MXR: neither the guest's nor root's counts
    LEAF PTE_V | PTE_U | PTE_X | PTE_A | PTE_D
    SET_FIELD G_SSTATUS, SSTATUS_MXR | SSTATUS_SUM
    li a0, SSTATUS_MXR
    csrs sstatus, a0
    li a0, PROBE
    VIOLATES QUAL_READ | ENTRY(0, 0, 1), ld a1, 0(a0)
    TEST 14     # tables that are not there are access faults of the access
    MAP_AT root, 1024, HOLE, PTE_TABLE
    GUEST_S
1:  ld a1, 0(a0)
    LEAVE_GUEST
    CHECK_GUEST_TRAP LOAD_ACCESS, 1b
    CHECK_SAME s4, a0
    TEST 15     # without EPT guest-physical is physical
    SET_FIELD PROC_CTLS, 0
    la a0, word
    li a1, 0x99
    sd a1, 0(a0)
    GOES ld a2, 0(a0)
    CHECK a2, 0x99
    PASS
    .data
    .balign 8
word:
    .dword 0
    .balign 16384
root:
    .zero 16384
middle:
    .zero 4096
leaves:
    .zero 4096
page:
    .zero 4096
guest_root:
    .zero 4096
guest_middle:
    .zero 4096
guest_leaves:
    .zero 4096
