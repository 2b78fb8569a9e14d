# What a TLB miss costs: chains of dependent loads over pages, and single HLV loads with what is cached chosen.
#include "bench.inc"
results_of 10

# Rows of results (a chain is CHAIN loads over as many pages; each load gives the address of the next):
#   0 chain, no translation, after sfence.vma      1 chain, hits, Sv39
#   2 chain, Sv39, after sfence.vma and one load of a neighbouring page
#   3 chain, hits, G-stage only      4 chain, G-stage only, after a fence and a neighbour
#   5 chain, hits, both stages       6 chain, both stages, after a fence and a neighbour
#   7 long chain over LONG pages, Sv39, all in the second-level TLB
#   8 hlv.d hit                      9 hlv.d after hfence.gvma and hfence.vvma
.equ CHAIN, 8
.equ LONG, 64
.equ NEIGHBOUR, DATA + 200 * 4096 + 2048  # not in the cache set that all tables share
.equ FIRST, DATA + 0x1000
.equ LONG_FIRST, DATA + 64 * 4096

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

.balign 64
hlv:
    li a2, FIRST
    li t2, (1 << 8)                     # hstatus.SPVP: as VS
    csrs hstatus, t2
    samples_begin 8
1:
.balign 64
    rdcycle t0
    hlv.d a3, (a2)
    add a3, a3, zero
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    samples_begin 9
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

.balign 4
unexpected_here:
    csrr a0, scause
    ori a0, a0, 0x80
    j finish
