// Single things: a copy that stays in the data cache, a pointer chase over 4 MiB, a sort, hashes of strings.
#define WORKLOADS copy, chase, sort, hash
#include "workloads.h"

enum { kWords = 512, kCopies = 20, kLines = (4 << 20) / 64, kHops = 4000, kNumbers = 1000, kText = 4096, kTables = 64 };

static u64 from[kWords], to[kWords];
static u32 numbers[kNumbers];
static u8 text[kText];
static u16 buckets[kTables];

static u32 state;
static u32 next_random(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static u32 copy(void) {
    for (u64 n = 0; n < kWords; n++) from[n] = n * 0x0101010101010101u;
    for (int n = 0; n < kCopies; n++) memcpy(to, from, sizeof from);
    return (u32)to[kWords - 1];
}

struct line {
    struct line* next;
    u64 rest[7];
};
static u32 chase(void) {
    struct line* lines = (struct line*)0x81000000;
    static int prepared;
    // A stride coprime to the number of lines visits each once: a ring without a pattern that helps.
    for (u64 n = prepared ? kHops : 0; n < kHops; n++)
        lines[n * 40503 % kLines].next = &lines[(n + 1) % kHops * 40503 % kLines];
    prepared = 1;
    u32 sum = 0;
    for (struct line *at = lines->next; at != lines; at = at->next) sum += (u32)(u64)at;
    return sum;
}

static void heapify(u32* heap, u32 at, u32 count) {
    u32 value = heap[at];
    for (u32 child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1] > heap[child]) child++;
        if (heap[child] <= value) break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}
static u32 sort(void) {
    state = 3;
    for (u32 n = 0; n < kNumbers; n++) numbers[n] = next_random();
    for (u32 n = kNumbers / 2; n-- > 0;) heapify(numbers, n, kNumbers);
    for (u32 count = kNumbers - 1; count; count--) {
        u32 largest = numbers[0];
        numbers[0] = numbers[count];
        numbers[count] = largest;
        heapify(numbers, 0, count);
    }
    u32 wrong = 0;
    for (u32 n = 1; n < kNumbers; n++) wrong += numbers[n - 1] > numbers[n];
    return wrong ? next_random() : numbers[kNumbers / 2];
}

static u32 hash(void) {
    state = 5;
    for (u32 n = 0; n < kText; n++) text[n] = (u8)(next_random() % 8 ? 'a' + next_random() % 26 : 0);
    text[kText - 1] = 0;
    for (u32 n = 0; n < kTables; n++) buckets[n] = 0;
    for (u8* at = text; at < text + kText; at++) {
        u32 hash = 2166136261u;
        for (; *at; at++) hash = (hash ^ *at) * 16777619u;
        buckets[hash % kTables]++;
    }
    u32 sum = 0;
    for (u32 n = 0; n < kTables; n++) sum = sum * 31 + buckets[n];
    return sum;
}
