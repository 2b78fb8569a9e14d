# A two-stage TLB miss with the data cache cold; run it with memory latency 20.
#include "bench.inc"
results_of 2

# Rows: 0 hlv.d hit (data and translation cached)
#       1 hlv.d when the TLB misses, the walk caches are warm, and no table or data line is in the data cache
.equ NEIGHBOUR, DATA + 200 * 4096 + 2048  # not in the cache set that all tables share
.equ TARGET, DATA + 0x1000
.equ OTHER, 0x80800000                  # memory to fill the cache with
.equ OTHER_SIZE, 64 * 1024

.text
.balign 64
main:
    mv s11, ra
    li t0, (SATP_SV39 | (VS_ROOT >> 12))
    csrw vsatp, t0
    li t0, (SATP_SV39 | (G_ROOT >> 12))
    csrw hgatp, t0
    hfence.gvma
    hfence.vvma
    phase measure, 1, 0, unexpected
    mv ra, s11
    ret

.balign 64
measure:
    li a2, TARGET
    li a4, NEIGHBOUR
    li t2, (1 << 8)
    csrs hstatus, t2
    samples_begin 0
1:
.balign 64
    rdcycle t0
    hlv.d a3, (a2)
    add a3, a3, zero
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    samples_begin 1
1:  hfence.gvma
    hfence.vvma
    hlv.d a3, (a4)
    li t3, OTHER
    li t4, OTHER + OTHER_SIZE
2:  ld t5, 0(t3)
    addi t3, t3, 64
    bltu t3, t4, 2b
    add t5, t5, zero
.balign 64
    rdcycle t0
    hlv.d a3, (a2)
    add a3, a3, zero
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    ebreak
