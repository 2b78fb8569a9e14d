# What a TLB miss costs: chains of dependent loads over pages, and single HLV loads with what is cached chosen.
#include "bench.inc"
results_of 12

# Rows of results (a chain is CHAIN loads over as many pages; each load gives the address of the next):
#   0 chain, no translation, after sfence.vma      1 chain, hits, Sv39
#   2 chain, Sv39, after sfence.vma and one load of a neighbouring page
#   3 chain, hits, G-stage only      4 chain, G-stage only, after a fence and a neighbour
#   5 chain, hits, both stages       6 chain, both stages, after a fence and a neighbour
#   7 long chain over LONG pages, Sv39, all in the second-level TLB
#   8 hlv.d hit                      9 hlv.d after hfence.gvma and hfence.vvma; all tables in 2 MiB: 10 reads
#  10 hlv.d hit, other tables       11 the same; each table and the data in a gigabyte of their own: 15 reads
.equ CHAIN, 8
.equ LONG, 64
.equ NEIGHBOUR, DATA + 200 * 4096 + 2048  # not in the cache set that all tables share
.equ FIRST, DATA + 0x1000
.equ LONG_FIRST, DATA + 64 * 4096

# Tables in which no step of a walk helps another, each entry in a cache set of its own.
.equ FAR, 0x80600000                    # root of the G-stage (16 KiB), then 4 KiB each:
.equ FAR_G1, FAR + 0x3000               # + 4 KiB * n: level 1 of gigabyte n
.equ FAR_G0, FAR + 0x7000               # + 4 KiB * n: level 0
.equ FAR_VS, FAR + 0xb000               # + 4 KiB * n: the first stage's root (1), level 1 (2), level 0 (3), data (4)
.equ FAR_VA, (9 << 30) | (17 << 21) | (25 << 12) | 0x400

.macro entry address, target, flags
    li t0, \address
    li t1, ((\target) >> 12 << 10) | (\flags)
    sd t1, 0(t0)
.endm

# Guest physical page far_gpa_\n, in gigabyte \n, is FAR_VS + 4 KiB * \n.
.macro far_gigabyte n
    .set far_gpa_\n, (\n << 30) | ((32 + 8 * \n) << 21) | ((64 + 8 * \n) << 12)
    entry FAR + 8 * \n, FAR_G1 + 0x1000 * \n, 0x01
    entry FAR_G1 + 0x1000 * \n + 8 * (32 + 8 * \n), FAR_G0 + 0x1000 * \n, 0x01
    entry FAR_G0 + 0x1000 * \n + 8 * (64 + 8 * \n), FAR_VS + 0x1000 * \n, 0xd7
.endm

.text
.balign 64
main:
    mv s11, ra
    li a0, FIRST
    li a1, CHAIN
    jal make_chain
    li a0, LONG_FIRST
    li a1, LONG
    jal make_chain
    li t0, NEIGHBOUR
    sd t0, 0(t0)
    phase bare, 1, 0, unexpected_here
    li t0, (SATP_SV39 | (VS_ROOT >> 12))
    csrw satp, t0
    sfence.vma
    phase sv39, 1, 0, unexpected_here
    csrw satp, zero
    sfence.vma
    li t0, (SATP_SV39 | (G_ROOT >> 12))
    csrw hgatp, t0
    hfence.gvma
    hfence.vvma
    phase g_only, 1, 1, flush_handler
    li t0, (SATP_SV39 | (VS_ROOT >> 12))
    csrw vsatp, t0
    hfence.vvma
    phase two_stage, 1, 1, flush_handler
    phase hlv, 1, 0, unexpected_here
    far_gigabyte 1
    far_gigabyte 2
    far_gigabyte 3
    far_gigabyte 4
    entry FAR_VS + 0x1000 + 8 * 9, far_gpa_2, 0x01
    entry FAR_VS + 0x2000 + 8 * 17, far_gpa_3, 0x01
    entry FAR_VS + 0x3000 + 8 * 25, far_gpa_4, 0xc7
    li t0, (SATP_SV39 | (FAR >> 12))
    csrw hgatp, t0
    li t0, (SATP_SV39 | (far_gpa_1 >> 12))
    csrw vsatp, t0
    hfence.gvma
    hfence.vvma
    phase far, 1, 0, unexpected_here
    mv ra, s11
    ret

# A ring of a1 pages from a0 on: in page n, at offset 64 n, the address of the next page's entry.
make_chain:
    mv t0, a0
    li t1, 0
    mv t4, a0
1:  slli t2, t1, 6
    li t3, 4032
    and t2, t2, t3
    slli t3, t1, 12
    add t2, t2, t3
    add t2, t2, a0                      # this entry
    sd t2, 0(t4)                        # the entry before points at it
    mv t4, t2
    addi t1, t1, 1
    blt t1, a1, 1b
    sd a0, 0(t4)
    ret

.macro chain_of count
    .rept \count
    ld a2, 0(a2)
    .endr
.endm

# Cycles of \count dependent loads from a2 on, less nothing: the caller subtracts the chain that hits.
.macro timed count
.balign 64
    rdcycle t0
    chain_of \count
    add a2, a2, zero
    rdcycle t1
    sub a0, t1, t0
.endm

.balign 64
bare:
    samples_begin 0
1:  sfence.vma
    li a2, NEIGHBOUR
    ld a2, 0(a2)
    add a2, a2, zero
    li a2, FIRST
    timed CHAIN
    sample 1b
    ebreak

.balign 64
sv39:
    samples_begin 1
1:  li a2, FIRST
    timed CHAIN
    sample 1b
    samples_begin 2
1:  sfence.vma
    li a2, NEIGHBOUR
    ld a2, 0(a2)
    add a2, a2, zero
    li a2, FIRST
    timed CHAIN
    sample 1b
    samples_begin 7
1:  li a2, LONG_FIRST
    timed LONG
    sample 1b
    ebreak

# The guest's ecall flushes both stages.
.balign 64
flush_handler:
    hfence.gvma
    hfence.vvma
    csrr t2, sepc
    addi t2, t2, 4
    csrw sepc, t2
    sret

.macro guest_chains hits, misses
    samples_begin \hits
1:  li a2, FIRST
    timed CHAIN
    sample 1b
    samples_begin \misses
1:  ecall
    li a2, NEIGHBOUR
    ld a2, 0(a2)
    add a2, a2, zero
    li a2, FIRST
    timed CHAIN
    sample 1b
    ebreak
.endm

.balign 64
g_only:
    guest_chains 3, 4

.balign 64
two_stage:
    guest_chains 5, 6

# Row \hits: an hlv.d from \address that hits; row \misses: one after fences of both stages.
.macro single_loads address, hits, misses
    li a2, \address
    li t2, (1 << 8)                     # hstatus.SPVP: as VS
    csrs hstatus, t2
    samples_begin \hits
1:
.balign 64
    rdcycle t0
    hlv.d a3, (a2)
    add a3, a3, zero
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    samples_begin \misses
1:  hfence.gvma
    hfence.vvma
.balign 64
    rdcycle t0
    hlv.d a3, (a2)
    add a3, a3, zero
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    ebreak
.endm

.balign 64
hlv:
    single_loads FIRST, 8, 9

.balign 64
far:
    single_loads FAR_VA, 10, 11

.balign 4
unexpected_here:
    csrr a0, scause
    ori a0, a0, 0x80
    j finish
