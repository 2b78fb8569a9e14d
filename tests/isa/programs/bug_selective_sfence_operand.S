# Directed: a selective fence uses the operands' present values, also when the instruction just before makes
# them, and it leaves no old translation of the page it names.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE s_root, s_l1, s_l0
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    SET_ATP satp, s_root, 7 << 44
    SET_ATP vsatp, vs_root, 7 << 44
    SET_ATP hgatp, g_root, 7 << 44
    MAP g_l0, 8, page_a, PTE_URWX
    MAP g_l0, 9, page_b, PTE_URWX
    FENCES
    TEST 2      # the address is computed by the instruction before the fence
    li s9, 64
    MAP s_l0, 5, page_a, PTE_RWX
    MAP s_l0, 6, page_c, PTE_RWX
    sfence.vma
loop:
    li a1, 5 * PAGE
    li a3, 6 * PAGE
    ENTER_HS
    ld a0, 0(a1)
    ld a2, 0(a3)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    MAP s_l0, 5, page_b, PTE_RWX
    ENTER_HS
    lui a4, 5
    sfence.vma a4, x0
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_B
    MAP s_l0, 5, page_a, PTE_RWX
    la a5, address
    ENTER_HS
    ld a4, 0(a5)        # loaded right before
    sfence.vma a4
    ld a0, 0(a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    MAP s_l0, 5, page_b, PTE_RWX
    la a5, asid
    ENTER_HS
    ld a4, 0(a5)
    sfence.vma x0, a4
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_B
    MAP s_l0, 5, page_a, PTE_RWX
    ENTER_HS
    li a4, 3
    mul a4, a4, a4      # a long operation before
    addi a4, a4, -2
    sfence.vma x0, a4
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_A
    addi s9, s9, -8
    beqz s9, 1f
    j loop
1:  TEST 3      # hfence.vvma and hfence.gvma, operand from a load
    MAP_AT vs_l0, 5, 8 * PAGE, PTE_RWX
    FENCES
    li a1, 5 * PAGE
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_A
    MAP_AT vs_l0, 5, 9 * PAGE, PTE_RWX
    la a5, address
    ENTER_HS
    ld a4, 0(a5)
    hfence.vvma a4
    hlv.bu a0, (a1)
    LEAVE
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_B
    MAP g_l0, 9, page_c, PTE_URWX
    la a5, gpa
    ENTER_HS
    ld a4, 0(a5)
    hfence.gvma a4
    LEAVE
    ENTER_VS
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_C
    TEST 4      # any address inside the page names the page
    MAP s_l0, 5, page_d, PTE_RWX
    ENTER_HS
    li a4, 5 * PAGE + 0xabc
    sfence.vma a4
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_D
    TEST 5      # any address inside a superpage names the superpage
    MAP_AT s_l1, 3, DRAM, PTE_RWX
    sfence.vma
    la a2, page_a
    li a3, DRAM - 3 * MEGAPAGE
    sub a2, a2, a3
    ENTER_HS
    ld a0, 0(a2)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    MAP_AT s_l1, 3, DRAM, 0
    li a4, 3 * MEGAPAGE + 0x1ff008
    ENTER_HS
    sfence.vma a4
    ld a0, 0(a2)
    LEAVE
    CHECK_TRAP BY_M, LOAD_PAGE
    TEST 6      # a global page goes with a fence for its address, not needing its ASID
    MAP s_l0, 5, page_a, PTE_RWX | PTE_G
    sfence.vma
    ENTER_HS
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_A
    MAP s_l0, 5, page_b, PTE_RWX | PTE_G
    ENTER_HS
    sfence.vma a1
    ld a0, 0(a1)
    LEAVE
    CHECK a0, WORD_B
    PASS
    .data
    .align 3
address: .dword 5 * PAGE
gpa: .dword (9 * PAGE) >> 2
asid: .dword 7
PAGE_TABLES
