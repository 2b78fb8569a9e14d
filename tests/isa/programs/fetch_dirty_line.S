# A line that was just written is fetched while a data access waits for its translation and another one stands
# behind it: three users of the data cache that could wait for each other for ever.
#include "harness.h"
#include "paging.h"
.option norvc
.macro COPY from, end        # to t0, which moves on
    la t1, \from
    la t2, \end
5:  lw t3, 0(t1)
    sw t3, 0(t0)
    addi t1, t1, 4
    addi t0, t0, 4
    bltu t1, t2, 5b
.endm
PROGRAM
    FIRST_STAGE s_root, s_l1, s_l0
    MAP s_l0, 5, page_a, PTE_RWX
    MAP s_l0, 6, page_c, PTE_RWX
    SET_ATP satp, s_root
    sfence.vma
    TEST 2      # two lines of code, begun with 0 to 31 instructions that do nothing
    ENTER_HS
    li a1, 6 * PAGE
    li a4, 0
    li a6, 0
1:  la t0, area
    mv t1, a6
    li t2, 0x00000013       # nop
    j 3f
2:  sw t2, 0(t0)
    addi t0, t0, 4
    addi t1, t1, -1
3:  bnez t1, 2b
    COPY template, template_end
    addi a2, a6, 0x100
    fence.i
    sfence.vma
    la t0, area
    jalr t0
    bne a3, a2, 4f
    bne a5, a2, 4f
    addi a6, a6, 1
    li t0, 32
    bltu a6, t0, 1b
4:
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a6, 32
    CHECK a4, 32 * 24
    PASS

template:
    sw a2, -2(a1)           # in two pages
    lw a3, -2(a1)
    .rept 24
    addi a4, a4, 1
    .endr
    sw a2, 8(a1)
    lw a5, 8(a1)
    ret
template_end:

    .bss
    .align 12
area: .zero PAGE
PAGE_TABLES
