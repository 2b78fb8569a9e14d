# Crossing between guest and hypervisor: the round trip of a null call and its halves, a guest-page fault, a full
# world switch, and the CSR writes and fences that hypervisors do on the way.
#include "bench.inc"
results_of 9

# Rows of results:
#   0 two rdcycle back to back (in VS)      1 ecall, handler of four instructions, sret
#   2 exit half      3 entry half           4 guest-page fault of a load, same handler
#   5 world switch   6 csrw hgatp           7 hfence.gvma       8 hfence.vvma

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
    phase null_call, 1, 1, null_handler
    phase half_call, 1, 1, half_handler
    phase fault, 1, 1, null_handler
    la t0, guest_registers
    csrw sscratch, t0
    phase switch_world, 1, 1, switch_handler
    phase host, 1, 0, null_handler
    mv ra, s11
    ret

# ---- VS mode
.balign 64
null_call:
    samples_begin 0
.balign 64
1:  rdcycle t0
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    samples_begin 1
.balign 64
1:  rdcycle t0
    ecall
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    ebreak

.balign 64
half_call:                              # half_handler's first rdcycle is in t3, its last in t4
    samples_begin 2
.balign 64
1:  rdcycle t0
    ecall
    rdcycle t1
    sub a0, t3, t0
    sample 1b
    samples_begin 3
.balign 64
1:  rdcycle t0
    ecall
    rdcycle t1
    sub a0, t1, t4
    sample 1b
    ebreak

.balign 64
fault:
    li s2, UNMAPPED
    samples_begin 4
.balign 64
1:  rdcycle t0
    ld a1, 0(s2)
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    ebreak

.balign 64
switch_world:
    samples_begin 5
.balign 64
1:  rdcycle t0
    ecall
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    ebreak

# ---- HS mode
.balign 64
null_handler:
    csrr t2, sepc
    addi t2, t2, 4
    csrw sepc, t2
    sret

.balign 64
half_handler:
    rdcycle t3
    csrr t2, sepc
    addi t2, t2, 4
    csrw sepc, t2
    rdcycle t4
    sret

.balign 64
host:
    samples_begin 6
    csrr t2, hgatp
.balign 64
1:  rdcycle t0
    csrw hgatp, t2
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    samples_begin 7
.balign 64
1:  rdcycle t0
    hfence.gvma
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    samples_begin 8
.balign 64
1:  rdcycle t0
    hfence.vvma
    rdcycle t1
    sub a0, t1, t0
    sample 1b
    ebreak

# A world switch as KVM does it, there and back: all guest registers, nine VS CSRs, hgatp, host registers.
.macro general_registers operation
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \operation x\n, (8 * \n)(a0)
    .endr
.endm
.macro host_registers operation
    .irp n, 1, 2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    \operation x\n, (8 * \n + 512)(a0)
    .endr
.endm
.macro save_vs name, slot
    csrr t0, \name
    sd t0, (256 + 8 * \slot)(a0)
.endm
.macro load_vs name, slot
    ld t0, (256 + 8 * \slot)(a0)
    csrw \name, t0
.endm
.macro vs_registers each
    \each vsstatus, 0
    \each vsie, 1
    \each vstvec, 2
    \each vsscratch, 3
    \each vsepc, 4
    \each vscause, 5
    \each vstval, 6
    \each hvip, 7
    \each vsatp, 8
.endm

.balign 64
switch_handler:
    csrrw a0, sscratch, a0
    general_registers sd
    csrr t0, sscratch
    sd t0, 80(a0)
    csrr t1, sepc
    addi t1, t1, 4
    sd t1, 336(a0)
    vs_registers save_vs
    csrr t2, hgatp
    sd t2, 344(a0)
    csrw hgatp, zero
    host_registers ld
    host_registers sd
    ld t2, 344(a0)
    csrw hgatp, t2
    vs_registers load_vs
    ld t1, 336(a0)
    csrw sepc, t1
    ld t0, 80(a0)
    csrw sscratch, t0
    general_registers ld
    csrrw a0, sscratch, a0
    sret

.section .bss
.balign 64
guest_registers:
    .zero 1024
