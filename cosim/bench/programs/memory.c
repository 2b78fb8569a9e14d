// Work that does not fit the first-level caches: a pointer chase over 4 MiB, a copy of 256 KiB, and a walk over a
// table of 1 MiB that writes as it goes.
#include "workloads.h"

enum { kChase = (4 << 20) / 64, kHops = 4000, kCopy = 256 << 10, kTable = 1 << 20 };

struct line {
    struct line* next;
    u64 value, rest[6];
};
#define kArena ((char*)0x81000000)
#define kLines ((struct line*)kArena)
#define kFrom ((u64*)(kArena + (8 << 20)))
#define kTo ((u64*)(kArena + (9 << 20)))
#define kCells ((u32*)(kArena + (10 << 20)))

static u32 work(void) {
    static int prepared;
    if (!prepared) {
        prepared = 1;
        // A stride coprime to the number of lines visits each once: a ring without a pattern that helps.
        for (u64 n = 0; n < kHops; n++) {
            u64 here = n * 40503 % kChase, there = (n + 1) % kHops * 40503 % kChase;
            kLines[here].next = &kLines[there];
            kLines[here].value = n;
        }
    }
    u32 sum = 0;
    struct line* at = kLines;
    for (int hop = 0; hop < kHops; hop++) {
        sum += (u32)at->value;
        at = at->next;
    }
    memcpy(kTo, kFrom, kCopy);
    u32 state = 7;
    for (int n = 0; n < 4000; n++) {
        state = state * 1664525u + 1013904223u;
        u32 cell = state >> 8 & (kTable / 4 - 1);
        sum += cell;
        kCells[cell] = sum;
    }
    return sum;
}
