# Speaks HTIF as the usual bare-metal test environments do: a character, a write call, an unknown call, then exit.
.section .text.start, "ax"
.globl _start
_start:
    la s0, tohost
    la s1, fromhost
#ifdef HALVES
    # A character as two 32-bit stores, the upper half first.
    li t0, 0x01010000
    sw t0, 4(s0)
    li t0, 'A'
    sw t0, 0(s0)
#else
    li t0, (1 << 56) | (1 << 48) | 'A'
    sd t0, 0(s0)
#endif
1:  ld t0, 0(s0)                        # the host takes the word away
    bnez t0, 1b

    li a0, 64                           # write(1, text, 6)
    li a1, 1
    la a2, text
    li a3, 6
    call host
    li t0, 6
    bne a0, t0, wrong
    li a0, 64                           # a descriptor that is not there
    li a1, 7
    call host
    li t0, -9
    bne a0, t0, wrong
    li a0, 1234                         # a call that is not there
    call host
    li t0, -38
    bne a0, t0, wrong
    li a0, 93                           # exit(42)
    li a1, 42
    call host
wrong:
    li t0, 3
#ifdef HALVES
    sw t0, 0(s0)
    sw zero, 4(s0)
#else
    sd t0, 0(s0)
#endif
1:  j 1b

# a0 = number, a1.. = arguments; the result comes back in a0.
host:
    la t1, magic
    sd a0, 0(t1)
    sd a1, 8(t1)
    sd a2, 16(t1)
    sd a3, 24(t1)
    fence
    sd t1, 0(s0)
2:  ld t0, 0(s1)
    beqz t0, 2b
    sd zero, 0(s1)
    ld a0, 0(t1)
    ret

.data
text: .ascii "htif!\n"
.balign 64
magic: .zero 64
.section .tohost, "aw"
.balign 64
.globl tohost
tohost: .dword 0
.balign 64
.globl fromhost
fromhost: .dword 0
