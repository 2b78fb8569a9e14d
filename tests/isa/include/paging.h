/* Page tables and pages for programs that translate. */
#ifndef PAGING_H
#define PAGING_H

#define PAGE 0x1000
#define MEGAPAGE 0x200000
#define GIGAPAGE 0x40000000

/* An invalidation between the fences of Svinval. (A `;` in a macro argument would end the macro's line.) */
.macro INVALIDATE instruction:vararg
    sfence.w.inval
    \instruction
    sfence.inval.ir
.endm

.macro FENCES
    sfence.vma
    hfence.vvma
    hfence.gvma
.endm

/* Tables of each kind of stage, and four pages that follow one another. */
.macro PAGE_TABLES
    .pushsection .bss
    .align 14
g_root: .zero 4 * PAGE
g_l1: .zero PAGE
g_l0: .zero PAGE
s_root: .zero PAGE
s_l1: .zero PAGE
s_l0: .zero PAGE
vs_root: .zero PAGE
vs_l1: .zero PAGE
vs_l0: .zero PAGE
page_a: .zero PAGE
page_b: .zero PAGE
page_c: .zero PAGE
page_d: .zero PAGE
    .popsection
.endm

/* First stage `root` (-> l1 -> l0 for addresses 0 to 2 MiB) over the program's IDENTITY. */
.macro FIRST_STAGE root, l1, l0
    IDENTITY \root
    MAP \root, 0, \l1, PTE_TABLE
    MAP \l1, 0, \l0, PTE_TABLE
.endm

/* Second stage: DRAM at its own address, and g_l1 -> g_l0 for guest addresses 0 to 2 MiB. */
.macro SECOND_STAGE
    MAP_AT g_root, 2, DRAM, PTE_URWX
    MAP g_root, 0, g_l1, PTE_TABLE
    MAP g_l1, 0, g_l0, PTE_TABLE
.endm

/* Recognizable first words in the four pages. */
.macro FILL_PAGES
    la t0, page_a
    li t1, 0xaaaa0000aaaa0001
    sd t1, 0(t0)
    la t0, page_b
    li t1, 0xbbbb0000bbbb0002
    sd t1, 0(t0)
    la t0, page_c
    li t1, 0xcccc0000cccc0003
    sd t1, 0(t0)
    la t0, page_d
    li t1, 0xdddd0000dddd0004
    sd t1, 0(t0)
.endm

#define WORD_A 0xaaaa0000aaaa0001
#define WORD_B 0xbbbb0000bbbb0002
#define WORD_C 0xcccc0000cccc0003
#define WORD_D 0xdddd0000dddd0004

#endif
