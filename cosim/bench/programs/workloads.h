// Start-up and measuring for the workloads in C: each runs once to warm up, once between two readings. A program
// defines work(), or several: #define WORKLOADS first, second and so on, before it includes this.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

enum { kMost = 8 };
volatile unsigned long results[2 * kMost];  // cycles and instructions of each
volatile unsigned long results_end[1];
volatile unsigned long tohost __attribute__((section(".tohost"), aligned(64)));
volatile unsigned long fromhost __attribute__((section(".tohost"), aligned(64)));

static inline u64 cycles(void) {
    u64 value;
    __asm__ volatile("csrr %0, mcycle" : "=r"(value)::"memory");
    return value;
}
static inline u64 instructions(void) {
    u64 value;
    __asm__ volatile("csrr %0, minstret" : "=r"(value)::"memory");
    return value;
}

#ifndef WORKLOADS
#define WORKLOADS work
#endif
typedef u32 workload(void);
static workload WORKLOADS;  // their results must be the same each time

__attribute__((noreturn)) static void end(u64 code) {
    for (;;) tohost = code << 1 | 1;
}

__attribute__((used)) static void start(void) {
#ifdef ENDLESS
    for (;;) results[0] = work();
#endif
    static workload* const workloads[] = {WORKLOADS};
    for (unsigned n = 0; n < sizeof workloads / sizeof *workloads; n++) {
        u32 expected = workloads[n]();
        u64 cycles_before = cycles(), instructions_before = instructions();
        u32 found = workloads[n]();
        u64 instructions_after = instructions(), cycles_after = cycles();
        results[2 * n] = cycles_after - cycles_before;
        results[2 * n + 1] = instructions_after - instructions_before;
        if (found != expected) end(2);
    }
    end(0);
}

__asm__(".section .text.start, \"ax\"\n"
        ".globl _start\n"
        "_start: la t0, trap\n"
        "csrw mtvec, t0\n"
        "la sp, stack_top\n"
        "j start\n"
        ".balign 4\n"
        "trap: li t0, 7\n"  // exit code 3
        "la t1, tohost\n"
        "sd t0, 0(t1)\n"
        "j trap\n"
        ".section .bss\n"
        ".zero 16384\n"
        "stack_top:\n"
        ".text\n");

void* memset(void* to, int value, u64 count) {
    u8* at = to;
    for (u64 n = 0; n < count; n++) {
        at[n] = (u8)value;
        __asm__ volatile("" ::: "memory");
    }
    return to;
}
void* memcpy(void* to, const void* from, u64 count) {
    u64* wide = to;
    const u64* source = from;
    for (; count >= 8; count -= 8) {
        *wide++ = *source++;
        __asm__ volatile("" ::: "memory");
    }
    u8* at = (u8*)wide;
    for (const u8* rest = (const u8*)source; count; count--) *at++ = *rest++;
    return to;
}
