// Integer work that lives in the first-level caches: lists, a matrix product, a state machine, a CRC, a sort and
// string hashing.
#include "workloads.h"

enum { kNodes = 96, kSide = 20, kText = 600, kSort = 200 };

struct node {
    struct node* next;
    int key;
    int value;
};
static struct node nodes[kNodes];
static short left[kSide * kSide], right[kSide * kSide];
static int product[kSide * kSide];
static char text[kText];
static u32 numbers[kSort];

static u32 state;
static u32 next_random(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static u16 crc16(u16 crc, u32 value) {
    for (int bit = 0; bit < 32; bit++) {
        u32 mix = (crc ^ value) & 1;
        crc >>= 1;
        value >>= 1;
        if (mix) crc ^= 0xa001;
    }
    return crc;
}

__attribute__((noinline)) static struct node* reversed(struct node* list) {
    struct node* done = 0;
    while (list) {
        struct node* next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

__attribute__((noinline)) static struct node* merge_sorted(struct node* list) {
    for (int width = 1;; width *= 2) {
        struct node *rest = list, *tail = 0;
        int merges = 0;
        list = 0;
        while (rest) {
            struct node *first = rest, *second = rest;
            int first_left = 0, second_left = width;
            merges++;
            for (; first_left < width && second; first_left++) second = second->next;
            while (first_left || (second_left && second)) {
                struct node* take;
                if (!first_left || (second_left && second && second->key < first->key)) {
                    take = second, second = second->next, second_left--;
                } else {
                    take = first, first = first->next, first_left--;
                }
                if (tail) tail->next = take;
                else list = take;
                tail = take;
            }
            rest = second;
        }
        tail->next = 0;
        if (merges <= 1) return list;
    }
}

__attribute__((noinline)) static u32 lists(void) {
    for (int n = 0; n < kNodes; n++) {
        nodes[n].next = n + 1 < kNodes ? &nodes[n + 1] : 0;
        nodes[n].key = (int)(next_random() & 0xffff);
        nodes[n].value = n;
    }
    struct node* list = merge_sorted(reversed(nodes));
    u32 sum = 0;
    for (int wanted = 0; wanted < kNodes; wanted += 3)
        for (struct node* at = list; at; at = at->next)
            if (at->value == wanted) {
                sum = crc16((u16)sum, (u32)at->key);
                break;
            }
    return sum;
}

__attribute__((noinline)) static u32 matrix(void) {
    for (int n = 0; n < kSide * kSide; n++) {
        left[n] = (short)next_random();
        right[n] = (short)next_random();
    }
    for (int row = 0; row < kSide; row++)
        for (int column = 0; column < kSide; column++) {
            int sum = 0;
            for (int n = 0; n < kSide; n++) sum += left[row * kSide + n] * right[n * kSide + column];
            product[row * kSide + column] = sum;
        }
    u32 sum = 0;
    for (int n = 0; n < kSide * kSide; n++) sum += (u32)product[n] >> 2 & 0xff;
    return sum;
}

enum shape { kStart, kSign, kInteger, kPoint, kFraction, kExponent, kWord, kBad };
__attribute__((noinline)) static u32 scan(void) {
    static const char letters[] = "0123456789+-.eE,,,,xyz";
    u32 counts[8] = {0};
    for (int n = 0; n < kText; n++) text[n] = letters[next_random() % (sizeof letters - 1)];
    enum shape shape = kStart;
    for (int n = 0; n < kText; n++) {
        char c = text[n];
        if (c == ',') {
            counts[shape]++;
            shape = kStart;
            continue;
        }
        int digit = c >= '0' && c <= '9';
        switch (shape) {
            case kStart: shape = digit ? kInteger : c == '+' || c == '-' ? kSign : c == '.' ? kPoint : kWord; break;
            case kSign: shape = digit ? kInteger : c == '.' ? kPoint : kBad; break;
            case kInteger: shape = digit ? kInteger : c == '.' ? kFraction : c == 'e' || c == 'E' ? kExponent : kBad; break;
            case kPoint:
            case kFraction: shape = digit ? kFraction : c == 'e' || c == 'E' ? kExponent : kBad; break;
            case kExponent: shape = digit || c == '-' ? kExponent : kBad; break;
            case kWord: shape = digit ? kBad : kWord; break;
            case kBad: break;
        }
    }
    u32 sum = 0;
    for (int n = 0; n < 8; n++) sum = crc16((u16)sum, counts[n]);
    return sum;
}

__attribute__((noinline)) static u32 sort(void) {
    for (int n = 0; n < kSort; n++) numbers[n] = next_random();
    for (int gap = kSort / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (int n = gap; n < kSort; n++) {
            u32 value = numbers[n];
            int at = n;
            for (; at >= gap && numbers[at - gap] > value; at -= gap) numbers[at] = numbers[at - gap];
            numbers[at] = value;
        }
    return numbers[0] ^ numbers[kSort / 2] ^ numbers[kSort - 1];
}

__attribute__((noinline)) static u32 hashes(void) {
    u32 sum = 0;
    for (int start = 0; start < kText; start += 7) {
        u32 hash = 2166136261u;
        for (int n = start; n < kText && text[n] != ','; n++) hash = (hash ^ (u8)text[n]) * 16777619u;
        sum ^= hash;
    }
    return sum;
}

static u32 work(void) {
    u16 sum = 0;
    state = 1;
    for (int round = 0; round < 4; round++) {
        sum = crc16(sum, lists());
        sum = crc16(sum, matrix());
        sum = crc16(sum, scan());
        sum = crc16(sum, sort());
        sum = crc16(sum, hashes());
    }
    return sum;
}
