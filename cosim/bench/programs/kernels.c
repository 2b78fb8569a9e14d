// A mix with the character of the usual small-core benchmark: a list of 16-bit data searched, reversed and
// merge-sorted through function pointers; products of 9 x 9 matrices; a state machine over comma-separated numbers;
// a bitwise CRC-16 of all results. Element values decide what a comparison has to compute first, as there.
#include "workloads.h"

enum { kItems = 31, kSide = 9, kText = 666, kFinds = 102, kRounds = 3 };
typedef short s16;
typedef int s32;

struct payload {
    s16 data, index;
};
struct item {
    struct item* next;
    struct payload* payload;
};
struct bench {
    struct item* list;
    s16 *a, *b;
    s32* c;
    u8* text;
    u16 crc, text_crc, matrix_crc;
};
typedef s32 (*order)(struct payload*, struct payload*, struct bench*);

static struct item items[kItems + 2];
static struct payload payloads[kItems + 2];
static s16 matrix_a[kSide * kSide], matrix_b[kSide * kSide];
static s32 matrix_c[kSide * kSide];
static u8 text[kText + 2];

static u16 crc_byte(u8 value, u16 crc) {
    for (u8 bit = 0; bit < 8; bit++) {
        u8 carry, mix = (u8)((value & 1) ^ (crc & 1));
        value >>= 1;
        if (mix == 1) {
            crc ^= 0x4002;
            carry = 1;
        } else {
            carry = 0;
        }
        crc >>= 1;
        if (carry) crc |= 0x8000;
        else crc &= 0x7fff;
    }
    return crc;
}
__attribute__((noinline)) static u16 crc_half(u16 value, u16 crc) {
    crc = crc_byte((u8)value, crc);
    return crc_byte((u8)(value >> 8), crc);
}
static u16 crc_word(u32 value, u16 crc) {
    crc = crc_half((u16)value, crc);
    return crc_half((u16)(value >> 16), crc);
}

// ---- matrices

static s16 matrix_sum(const s32* c, s16 limit) {
    s32 sum = 0, last = 0, value = 0;
    s16 result = 0;
    for (u32 row = 0; row < kSide; row++)
        for (u32 column = 0; column < kSide; column++) {
            value = c[row * kSide + column];
            sum += value;
            if (sum > limit) {
                result += 10;
                sum = 0;
            } else {
                result += value > last ? 1 : 0;
            }
            last = value;
        }
    return result;
}
static void add_constant(u32 side, s16* a, s16 value) {
    for (u32 row = 0; row < side; row++)
        for (u32 column = 0; column < side; column++) a[row * side + column] += value;
}
static void times_constant(u32 side, s32* c, const s16* a, s16 value) {
    for (u32 row = 0; row < side; row++)
        for (u32 column = 0; column < side; column++) c[row * side + column] = (s32)a[row * side + column] * value;
}
static void times_vector(u32 side, s32* c, const s16* a, const s16* b) {
    for (u32 row = 0; row < side; row++) {
        c[row] = 0;
        for (u32 column = 0; column < side; column++) c[row] += (s32)a[row * side + column] * b[column];
    }
}
static void times_matrix(u32 side, s32* c, const s16* a, const s16* b) {
    for (u32 row = 0; row < side; row++)
        for (u32 column = 0; column < side; column++) {
            c[row * side + column] = 0;
            for (u32 k = 0; k < side; k++) c[row * side + column] += (s32)a[row * side + k] * b[k * side + column];
        }
}
static void times_matrix_bits(u32 side, s32* c, const s16* a, const s16* b) {
    for (u32 row = 0; row < side; row++)
        for (u32 column = 0; column < side; column++) {
            c[row * side + column] = 0;
            for (u32 k = 0; k < side; k++) {
                s32 product = (s32)a[row * side + k] * b[k * side + column];
                c[row * side + column] += (product >> 2 & 0xf) * (product >> 5 & 0x7f);
            }
        }
}
static volatile u32 side_of_matrix = kSide;
__attribute__((noinline)) static u16 matrices(struct bench* bench, s16 seed, u16 crc) {
    u32 side = side_of_matrix;
    s16 limit = (s16)(0xf000 | seed);
    add_constant(side, bench->a, seed);
    times_constant(side, bench->c, bench->a, seed);
    crc = crc_half((u16)matrix_sum(bench->c, limit), crc);
    times_vector(side, bench->c, bench->a, bench->b);
    crc = crc_half((u16)matrix_sum(bench->c, limit), crc);
    times_matrix(side, bench->c, bench->a, bench->b);
    crc = crc_half((u16)matrix_sum(bench->c, limit), crc);
    times_matrix_bits(side, bench->c, bench->a, bench->b);
    crc = crc_half((u16)matrix_sum(bench->c, limit), crc);
    add_constant(side, bench->a, (s16)-seed);
    return crc;
}

// ---- state machine

enum shape { kStart, kInvalid, kSign, kInteger, kFraction, kExponent, kExponentSign, kScientific, kShapes };

static u8 is_digit(u8 c) { return c >= '0' && c <= '9'; }

__attribute__((noinline)) static enum shape scan(u8** input, u32* transitions) {
    u8* at = *input;
    enum shape shape = kStart;
    for (; *at && shape != kInvalid; at++) {
        u8 c = *at;
        if (c == ',') {
            at++;
            break;
        }
        switch (shape) {
            case kStart:
                if (is_digit(c)) shape = kInteger;
                else if (c == '+' || c == '-') shape = kSign;
                else if (c == '.') shape = kFraction;
                else {
                    shape = kInvalid;
                    transitions[kInvalid]++;
                }
                transitions[kStart]++;
                break;
            case kSign:
                if (is_digit(c)) {
                    shape = kInteger;
                    transitions[kSign]++;
                } else if (c == '.') {
                    shape = kFraction;
                    transitions[kSign]++;
                } else {
                    shape = kInvalid;
                    transitions[kSign]++;
                }
                break;
            case kInteger:
                if (c == '.') {
                    shape = kFraction;
                    transitions[kInteger]++;
                } else if (!is_digit(c)) {
                    shape = kInvalid;
                    transitions[kInteger]++;
                }
                break;
            case kFraction:
                if (c == 'E' || c == 'e') {
                    shape = kExponent;
                    transitions[kFraction]++;
                } else if (!is_digit(c)) {
                    shape = kInvalid;
                    transitions[kFraction]++;
                }
                break;
            case kExponent:
                if (c == '+' || c == '-') {
                    shape = kExponentSign;
                    transitions[kExponent]++;
                } else {
                    shape = kInvalid;
                    transitions[kExponent]++;
                }
                break;
            case kExponentSign:
                if (is_digit(c)) {
                    shape = kScientific;
                    transitions[kExponentSign]++;
                } else {
                    shape = kInvalid;
                    transitions[kExponentSign]++;
                }
                break;
            case kScientific:
                if (!is_digit(c)) {
                    shape = kInvalid;
                    transitions[kInvalid]++;
                }
                break;
            default: break;
        }
    }
    *input = at;
    return shape;
}

__attribute__((noinline)) static u16 states(u8* memory, s16 step, u16 crc) {
    u32 finals[kShapes], transitions[kShapes];
    for (u32 n = 0; n < kShapes; n++) finals[n] = transitions[n] = 0;
    for (u8* at = memory; *at;) finals[scan(&at, transitions)]++;
    for (u8* at = memory; at < memory + kText; at += step)
        if (*at != ',') *at ^= 0x12;
    for (u8* at = memory; *at;) finals[scan(&at, transitions)]++;
    for (u8* at = memory; at < memory + kText; at += step)
        if (*at != ',') *at ^= 0x12;
    for (u32 n = 0; n < kShapes; n++) {
        crc = crc_word(finals[n], crc);
        crc = crc_word(transitions[n], crc);
    }
    return crc;
}

// ---- list

static s16 evaluate(s16* data, struct bench* bench) {
    s16 value = *data;
    if (value >> 7 & 1) return value & 0x7f;
    s16 kind = value & 7, seed = value >> 3 & 0xf, result;
    seed |= (s16)(seed << 4);
    switch (kind) {
        case 0:
            if (seed < 0x22) seed = 0x22;
            result = (s16)states(bench->text, seed, bench->crc);
            if (!bench->text_crc) bench->text_crc = (u16)result;
            break;
        case 1:
            result = (s16)matrices(bench, seed, bench->crc);
            if (!bench->matrix_crc) bench->matrix_crc = (u16)result;
            break;
        default: result = value; break;
    }
    bench->crc = crc_half((u16)result, bench->crc);
    result &= 0x7f;
    *data = (s16)((value & 0xff00) | 0x80 | result);
    return result;
}
static s32 by_value(struct payload* a, struct payload* b, struct bench* bench) {
    s16 first = evaluate(&a->data, bench), second = evaluate(&b->data, bench);
    return first - second;
}
static s32 by_index(struct payload* a, struct payload* b, struct bench* bench) {
    if (!bench) {
        a->data = (s16)((a->data & 0xff00) | (0xff & (a->data >> 8)));
        b->data = (s16)((b->data & 0xff00) | (0xff & (b->data >> 8)));
    }
    return a->index - b->index;
}

__attribute__((noinline)) static struct item* find(struct item* list, struct payload* wanted) {
    if (wanted->index >= 0) {
        while (list && list->payload->index != wanted->index) list = list->next;
    } else {
        while (list && (list->payload->data & 0xff) != wanted->data) list = list->next;
    }
    return list;
}
__attribute__((noinline)) static struct item* reversed(struct item* list) {
    struct item *done = 0, *next;
    while (list) {
        next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}
__attribute__((noinline)) static struct item* sorted(struct item* list, order compare, struct bench* bench) {
    for (s32 width = 1;; width *= 2) {
        struct item *rest = list, *tail = 0, *take;
        s32 merges = 0;
        list = 0;
        while (rest) {
            struct item* second = rest;
            s32 first_left = 0, second_left = width;
            merges++;
            for (s32 n = 0; n < width; n++) {
                first_left++;
                second = second->next;
                if (!second) break;
            }
            while (first_left > 0 || (second_left > 0 && second)) {
                if (first_left == 0) {
                    take = second, second = second->next, second_left--;
                } else if (second_left == 0 || !second) {
                    take = rest, rest = rest->next, first_left--;
                } else if (compare(rest->payload, second->payload, bench) <= 0) {
                    take = rest, rest = rest->next, first_left--;
                } else {
                    take = second, second = second->next, second_left--;
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

__attribute__((noinline)) static u16 lists(struct bench* bench, s16 index) {
    u16 result = 0, found = 0, missed = 0;
    struct item *list = bench->list, *at, *removed;
    struct payload wanted = {0, index};
    for (s16 n = 0; n < kFinds; n++) {
        wanted.data = n & 0xff;
        at = find(list, &wanted);
        list = reversed(list);
        if (!at) {
            missed++;
            result += list->next->payload->data >> 8 & 1;
        } else {
            found++;
            if (at->payload->data & 1) result += at->payload->data >> 9 & 1;
            if (at->next) {
                struct item* moved = at->next;
                at->next = moved->next;
                moved->next = list->next;
                list->next = moved;
            }
        }
        if (wanted.index >= 0) wanted.index++;
    }
    result += (u16)(found * 4 - missed);
    if (index > 0) list = sorted(list, by_value, bench);
    removed = list->next;
    {
        struct item* gone = removed->next;
        struct payload* payload = removed->payload;
        removed->payload = gone->payload, gone->payload = payload;
        removed->next = gone->next;
        at = find(list, &wanted);
        if (!at) at = list->next;
        for (; at; at = at->next) result = crc_half((u16)list->payload->data, result);
        payload = removed->payload;
        removed->payload = gone->payload, gone->payload = payload;
        gone->next = removed->next;
        removed->next = gone;
    }
    list = sorted(list, by_index, 0);
    for (at = list->next; at; at = at->next) result = crc_half((u16)list->payload->data, result);
    bench->list = list;
    return result;
}

static void prepare(struct bench* bench) {
    for (s32 n = 0; n < kItems; n++) {
        u16 byte = (u16)(((n & 0xf) << 3) | (n & 7));
        payloads[n].data = (s16)(byte << 8 | byte);
        payloads[n].index = (s16)(n < kItems / 5 ? n : 0x3fff & (((n & 7) << 8) | n));
        items[n].payload = &payloads[n];
        items[n].next = n + 1 < kItems ? &items[n + 1] : 0;
    }
    u32 seed = 1;
    for (u32 n = 0; n < kSide * kSide; n++) {
        seed = (n + 1) * seed % 65536;
        matrix_b[n] = (s16)(seed + n + 1);
        matrix_a[n] = (s16)((matrix_b[n] + n + 1) & 0xff);
        if (!seed) seed = 1;
    }
    static const char* const samples[16] = {
        "5012", "1234", "-874", "+122",                        // integers
        "35.54400", ".1234500", "-110.700", "+0.64400",        // fractions
        "5.500e+3", "-.123e-2", "-87e+832", "+0.6e-12",        // with exponents
        "T0.3e-1F", "-T.T++Tq", "1T3.4e4z", "34.0e-T^",        // wrong
    };
    u32 at = 0;
    for (u32 n = 0;; n++) {
        u32 kind = n & 7;
        const char* sample = samples[(kind < 3 ? 0 : kind < 5 ? 4 : kind < 7 ? 8 : 12) + (n >> 3 & 3)];
        u32 length = 0;
        while (sample[length]) length++;
        if (at + length + 1 >= kText - 1) break;
        for (u32 k = 0; k < length; k++) text[at++] = (u8)sample[k];
        text[at++] = ',';
    }
    for (; at < kText; at++) text[at] = 0;
    bench->list = items;
    bench->a = matrix_a, bench->b = matrix_b, bench->c = matrix_c;
    bench->text = text;
    bench->crc = bench->text_crc = bench->matrix_crc = 0;
}

static u32 work(void) {
    static struct bench bench;
    prepare(&bench);
    u16 crc = 0;
    for (u32 round = 0; round < kRounds; round++) {
        crc = crc_half(lists(&bench, 1), crc);
        crc = crc_half(lists(&bench, -1), crc);
        crc = crc_half(bench.crc, crc);
    }
    return crc;
}
