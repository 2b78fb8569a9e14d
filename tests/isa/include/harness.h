/* Frame of the bare-metal ISA programs.
 *
 * A program starts in M mode at 0x80000000 and ends with PASS, or with the number of its first
 * failing TEST. It says so through tohost (1 = pass, number << 1 | 1 = fail) and then through the
 * test finisher, so that one program serves the simulated core, the model, Spike and QEMU.
 *
 * Registers: gp holds the test number. ENTER_x ... LEAVE runs the code between them in mode x until
 * the first trap; then, back in M mode, s1 tells who took that trap (3 M, 2 HS, 1 VS) and
 *   s2 cause   s3 epc   s4 tval   s5 mtval2/htval   s6 mtinst/htinst   s7 x-status   s8 hstatus
 * Code that does not trap ends at LEAVE with an environment call. s0 and t6 belong to the frame.
 */
#ifndef HARNESS_H
#define HARNESS_H

#define FINISHER 0x100000
/* Nothing answers here, on any of the machines. */
#define HOLE 0x8000000
#define CLINT_MSIP 0x2000000
#define CLINT_MTIMECMP 0x2004000
#define CLINT_MTIME 0x200bff8

#define FETCH_MISALIGNED 0
#define FETCH_ACCESS 1
#define ILLEGAL 2
#define BREAKPOINT 3
#define LOAD_MISALIGNED 4
#define LOAD_ACCESS 5
#define STORE_MISALIGNED 6
#define STORE_ACCESS 7
#define ECALL_U 8
#define ECALL_HS 9
#define ECALL_VS 10
#define ECALL_M 11
#define FETCH_PAGE 12
#define LOAD_PAGE 13
#define STORE_PAGE 15
#define FETCH_GUEST 20
#define LOAD_GUEST 21
#define VIRTUAL 22
#define STORE_GUEST 23
#define INTERRUPT(n) ((1 << 63) | (n))

#define BY_M 3
#define BY_HS 2
#define BY_VS 1

#define MSTATUS_SIE (1 << 1)
#define MSTATUS_MIE (1 << 3)
#define MSTATUS_SPIE (1 << 5)
#define MSTATUS_MPIE (1 << 7)
#define MSTATUS_SPP (1 << 8)
#define MSTATUS_MPP (3 << 11)
#define MSTATUS_MPP_S (1 << 11)
#define MSTATUS_MPRV (1 << 17)
#define MSTATUS_SUM (1 << 18)
#define MSTATUS_MXR (1 << 19)
#define MSTATUS_TVM (1 << 20)
#define MSTATUS_TW (1 << 21)
#define MSTATUS_TSR (1 << 22)
#define MSTATUS_GVA (1 << 38)
#define MSTATUS_MPV (1 << 39)
#define HSTATUS_GVA (1 << 6)
#define HSTATUS_SPV (1 << 7)
#define HSTATUS_SPVP (1 << 8)
#define HSTATUS_HU (1 << 9)
#define HSTATUS_VTVM (1 << 20)
#define HSTATUS_VTW (1 << 21)
#define HSTATUS_VTSR (1 << 22)

#define PTE_V 1
#define PTE_R 2
#define PTE_W 4
#define PTE_X 8
#define PTE_U 16
#define PTE_G 32
#define PTE_A 64
#define PTE_D 128
#define PTE_TABLE PTE_V
#define PTE_RWX (PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D)
#define PTE_URWX (PTE_RWX | PTE_U)
#define SV39 (8 << 60)
#define DRAM 0x80000000
/* Distance from a program address to its alias that user mode may fetch (see IDENTITY). */
#define USER_ALIAS 0x40000000

/* ---- results ---- */

.macro TEST number
    li gp, \number
.endm

/* Fails unless reg holds value (reg is not t6). */
.macro CHECK reg, value
    li t6, \value
    beq \reg, t6, 55f
    j fail
55:
.endm

/* Fails unless reg holds the address symbol. */
.macro CHECK_ADDRESS reg, symbol
    la t6, \symbol
    beq \reg, t6, 55f
    j fail
55:
.endm

.macro CHECK_SAME reg, other
    beq \reg, \other, 55f
    j fail
55:
.endm

/* The bits of mask in reg are value. */
.macro CHECK_BITS reg, mask, value
    li t6, \mask
    and \reg, \reg, t6
    CHECK \reg, \value
.endm

/* A value of hvip; QEMU 10.0 shows the timer's MTIP in it. */
.macro CHECK_HVIP reg, value
#ifdef ON_QEMU
    CHECK_BITS \reg, 0x444, \value
#else
    CHECK \reg, \value
#endif
.endm

/* mstatus.GVA of a trap from V = 0 (hypervisor accesses); QEMU 10.0 leaves it clear. */
.macro CHECK_GVA
#ifndef ON_QEMU
    CHECK_BITS s7, MSTATUS_GVA, MSTATUS_GVA
#endif
.endm

/* A guest's trap taken in M without a guest address; QEMU 10.0 judges by tval alone. */
.macro CHECK_NO_GVA
#ifndef ON_QEMU
    CHECK_BITS s7, MSTATUS_GVA, 0
#endif
.endm

/* Who took the trap, and its cause. */
.macro CHECK_TRAP by, cause
    CHECK s1, \by
    CHECK s2, \cause
.endm

/* mtinst/htinst is zero: so here for all but guest-page faults; QEMU also fills it for page faults. */
.macro CHECK_NO_TINST
#ifndef ON_QEMU
    CHECK s6, 0
#endif
.endm

/* The code between ENTER and LEAVE did not trap. */
.macro CHECK_NO_TRAP cause
    CHECK s2, \cause
    CHECK_ADDRESS s3, 78b
.endm

.macro PASS
    j pass
.endm

/* ---- page tables ---- */

/* Entry `index` of `table` = frame register (a physical address) with flags; clobbers t4-t6. */
.macro SET_PTE table, index, frame, flags
    la t5, \table
    li t6, (\index) * 8
    add t5, t5, t6
    srli t4, \frame, 12
    slli t4, t4, 10
    li t6, \flags
    or t4, t4, t6
    sd t4, 0(t5)
.endm

/* The same with a symbol as frame. */
.macro MAP table, index, symbol, flags
    la t3, \symbol
    SET_PTE \table, \index, t3, \flags
.endm

/* The same with a constant physical address. */
.macro MAP_AT table, index, address, flags
    li t3, \address
    SET_PTE \table, \index, t3, \flags
.endm

/* Gigapages of a first stage: DRAM at its own address for S, and USER_ALIAS above for U. */
.macro IDENTITY table
    MAP_AT \table, 2, DRAM, PTE_RWX
    MAP_AT \table, 3, DRAM, PTE_URWX
.endm

/* atp register = Sv39 with root `table`, ASID/VMID field `id` (in place). */
.macro SET_ATP csr, table, id=0
    la t5, \table
    srli t5, t5, 12
    li t6, SV39 | \id
    or t5, t5, t6
    csrw \csr, t5
.endm

/* ---- modes ---- */

/* To mode MPP = mpp (in place), MPV = mpv, at the alias `offset` above the program. */
.macro ENTER mpp, mpv, offset
    li t6, MSTATUS_MPP | MSTATUS_MPV | MSTATUS_GVA
    csrc mstatus, t6
    li t6, \mpp | \mpv
    csrs mstatus, t6
    la t6, 76f
    .if \offset
    li s0, \offset
    add t6, t6, s0
    .endif
    csrw mepc, t6
    la s0, 77f
    li s1, 0
    li s2, -1
    mret
76:
.endm

.macro ENTER_HS
    ENTER MSTATUS_MPP_S, 0, 0
.endm
.macro ENTER_U
    ENTER 0, 0, 0
.endm
.macro ENTER_VS
    ENTER MSTATUS_MPP_S, MSTATUS_MPV, 0
.endm
.macro ENTER_VU
    ENTER 0, MSTATUS_MPV, 0
.endm
/* User modes under an IDENTITY first stage. */
.macro ENTER_U_PAGED
    ENTER 0, 0, USER_ALIAS
.endm
.macro ENTER_VU_PAGED
    ENTER 0, MSTATUS_MPV, USER_ALIAS
.endm
.macro ENTER_M
    la s0, 77f
    li s1, 0
    li s2, -1
.endm

.macro LEAVE
78: ecall
77:
.endm

/* ---- frame ---- */

.macro TOHOST_PAGE
    .pushsection .tohost, "aw", @progbits
    .align 6
    .globl tohost
tohost: .dword 0
    .align 6
    .globl fromhost
fromhost: .dword 0
    .popsection
.endm

.macro ENDINGS
pass:
    li gp, 0
    li a0, 1
    li a1, 0x5555
    j finish
fail:
    slli a0, gp, 1
    ori a0, a0, 1
    andi a1, gp, 0x7f
    ori a1, a1, 0x80
    slli a1, a1, 16
    li t6, 0x3333
    or a1, a1, t6
finish:
    la t6, tohost
    sd a0, 0(t6)
    fence
    li t6, FINISHER
    sw a1, 0(t6)
1:  j 1b
.endm

/* A program that needs the base instructions alone: no CSR is touched. */
.macro BASIC_PROGRAM
    .section .text.init, "ax"
    .globl _start
_start:
    j main
    ENDINGS
    TOHOST_PAGE
    .text
main:
.endm

/* A program with modes and traps: all of PMP open, nothing delegated, no translation. */
.macro PROGRAM
    .section .text.init, "ax"
    .globl _start
_start:
    csrr t0, mhartid
1:  bnez t0, 1b
    la t0, machine_trap
    csrw mtvec, t0
    la t0, supervisor_trap
    csrw stvec, t0
    la t0, guest_trap
    csrw vstvec, t0
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    csrw mie, x0
    csrw medeleg, x0
    csrw mideleg, x0
    csrw hedeleg, x0
    csrw hideleg, x0
    csrw satp, x0
    csrw vsatp, x0
    csrw hgatp, x0
    li s0, 0
    j main
    ENDINGS
    TOHOST_PAGE

    .align 2
machine_trap:
    bnez s1, 1f
    li s1, BY_M
    csrr s2, mcause
    csrr s3, mepc
    csrr s4, mtval
    csrr s5, mtval2
    csrr s6, mtinst
    csrr s7, mstatus
    csrr s8, hstatus
1:  beqz s0, fail
    mv t6, s0
    li s0, 0
    jr t6

    .align 2
supervisor_trap:
    bnez s1, 1f
    li s1, BY_HS
    csrr s2, scause
    csrr s3, sepc
    csrr s4, stval
    csrr s5, htval
    csrr s6, htinst
    csrr s7, sstatus
    csrr s8, hstatus
1:  ecall
    j 1b

    .align 2
guest_trap:
    bnez s1, 1f
    li s1, BY_VS
    csrr s2, scause
    csrr s3, sepc
    csrr s4, stval
    csrr s7, sstatus
1:  ecall
    j 1b

    .text
main:
.endm

#endif
