# Faults of atomics: lr reports loads, sc and amo report stores; nothing is written, no destination changes.
#include "harness.h"
#include "paging.h"
PROGRAM
    FIRST_STAGE s_root, s_l1, s_l0
    FILL_PAGES
    SET_ATP satp, s_root
    li a1, 5 * PAGE
.macro SLOT flags
    MAP s_l0, 5, page_a, \flags
    sfence.vma
.endm
.macro FAULTS cause, instruction:vararg
    li a0, 0x77
    li a2, 1
    ENTER_HS
1:  \instruction
    LEAVE
    CHECK_TRAP BY_M, \cause
    CHECK_ADDRESS s3, 1b
    CHECK_SAME s4, a1
    CHECK a0, 0x77
.endm
    TEST 2      # nothing there
    SLOT 0
    FAULTS LOAD_PAGE, lr.w a0, (a1)
    FAULTS LOAD_PAGE, lr.d a0, (a1)
    FAULTS STORE_PAGE, amoswap.w a0, a2, (a1)
    FAULTS STORE_PAGE, amoadd.d a0, a2, (a1)
    FAULTS STORE_PAGE, amomaxu.w a0, a2, (a1)
    TEST 3      # read-only: lr passes
    SLOT PTE_V | PTE_R | PTE_A
    FAULTS STORE_PAGE, amoor.d a0, x0, (a1)
    FAULTS STORE_PAGE, amomin.w a0, a2, (a1)
    ENTER_HS
    lr.d a0, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    la a3, page_a
    ld a3, 0(a3)
    CHECK a3, WORD_A
    TEST 4      # sc to a read-only page, reservation held
    li a0, 0x77
    li a2, 1
    ENTER_HS
    lr.d a3, (a1)
1:  sc.d a0, a2, (a1)
    LEAVE
    CHECK_TRAP BY_M, STORE_PAGE
    CHECK_ADDRESS s3, 1b
    CHECK_SAME s4, a1
    CHECK a0, 0x77
    TEST 5      # execute-only, MXR: lr is a load
    SLOT PTE_V | PTE_X | PTE_A
    FAULTS LOAD_PAGE, lr.w a0, (a1)
    li a3, MSTATUS_MXR
    csrs mstatus, a3
    ENTER_HS
    lr.d a0, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    li a3, MSTATUS_MXR
    csrc mstatus, a3
    TEST 6      # A and D
    SLOT PTE_V | PTE_R | PTE_W
    FAULTS LOAD_PAGE, lr.w a0, (a1)
    SLOT PTE_V | PTE_R | PTE_W | PTE_A
    FAULTS STORE_PAGE, amoand.w a0, a2, (a1)
    TEST 7      # works in the end, on a remapped page as well
    SLOT PTE_RWX
    ENTER_HS
    amoadd.d a0, a2, (a1)
    lr.d a3, (a1)
    sc.d a4, a2, (a1)
    LEAVE
    CHECK_NO_TRAP ECALL_HS
    CHECK a0, WORD_A
    CHECK a3, WORD_A + 1
    CHECK a4, 0
    la a3, page_a
    ld a3, 0(a3)
    CHECK a3, 1
    PASS
PAGE_TABLES
