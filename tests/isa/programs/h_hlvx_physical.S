# HLVX: what the address is translated to must be readable and executable by PMP and memory attributes (H chapter,
# "Hypervisor Virtual-Machine Load and Store Instructions"); a refusal is a load access fault.
#include "harness.h"
#include "paging.h"
#define NAPOT 0x18
#define OPEN (0x1f << 8)
#define READ 1
#define EXECUTE 4
#define BOOT_ROM 0x1000
PROGRAM
    FIRST_STAGE vs_root, vs_l1, vs_l0
    SECOND_STAGE
    FILL_PAGES
    MAP_AT vs_l0, 5, 7 * PAGE, PTE_RWX
    MAP g_l0, 7, page_a, PTE_URWX
    li a0, -1
    csrw pmpaddr1, a0
    li a0, HSTATUS_SPVP
    csrs hstatus, a0
    j translated
.macro LET rights
    la a0, page_a
    srli a0, a0, 2
    ori a0, a0, 0x1ff
    csrw pmpaddr0, a0
    li a0, OPEN | NAPOT | \rights
    csrw pmpcfg0, a0
    FENCES
.endm
.macro READS instruction:vararg
    ENTER_HS
    \instruction
    LEAVE
    CHECK_NO_TRAP ECALL_HS
.endm
.macro REFUSED instruction:vararg
    ENTER_HS
    \instruction
    LEAVE
#ifndef ON_QEMU     /* QEMU 10.0 reports a fetch, and grants it without X */
    CHECK_TRAP BY_M, LOAD_ACCESS
    CHECK_SAME s4, a1
#endif
.endm
.macro PERMISSIONS
    LET READ | EXECUTE
    READS hlvx.wu a2, (a1)
    LET READ
    REFUSED hlvx.wu a2, (a1)
    READS hlv.wu a2, (a1)
    REFUSED hlvx.hu a2, (a1)    # nor does the kept translation
    LET EXECUTE
    REFUSED hlvx.wu a2, (a1)
    LET READ | EXECUTE
    READS hlv.wu a2, (a1)
    READS hlvx.wu a2, (a1)
.endm
translated:
    SET_ATP vsatp, vs_root
    SET_ATP hgatp, g_root
    FENCES
    li a1, 5 * PAGE
    TEST 2      # the PMP, through both stages
    PERMISSIONS
    TEST 3      # a device is not executable
    MAP_AT g_l0, 7, CLINT_MTIMECMP, PTE_URWX
    FENCES
    READS hlv.wu a2, (a1)
    REFUSED hlvx.wu a2, (a1)
    READS hlv.wu a2, (a1)
    TEST 4      # the boot ROM is
    MAP_AT g_l0, 7, BOOT_ROM, PTE_URWX
    FENCES
    READS hlvx.wu a2, (a1)
    li a4, BOOT_ROM
    lwu a3, 0(a4)
    CHECK_SAME a2, a3
    csrw vsatp, x0
    csrw hgatp, x0
    FENCES
    la a1, page_a
    TEST 5      # the PMP, without translation
    PERMISSIONS
    li a1, CLINT_MTIMECMP
    TEST 6      # a device, without translation
    READS hlv.wu a2, (a1)
    REFUSED hlvx.hu a2, (a1)
    PASS
PAGE_TABLES
