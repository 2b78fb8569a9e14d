/* Drives the platform's devices from M mode, as a driver would, on anything that looks like QEMU's virt machine:
 * CLINT, UART, PLIC, a virtio block device in slot 0 and, if there is one, a virtio console in slot 7.
 * Prints what it did; ends through the test finisher with the number of the first failing CHECK's line.
 * The disk holds (7 * sector + byte) mod 256; its sectors 4 and 5 are rewritten with the complement.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define FINISHER 0x100000UL
#define CLINT 0x2000000UL
#define PLIC 0xc000000UL
#define UART 0x10000000UL
#define VIRTIO 0x10001000UL

static volatile u32 *reg32(u64 address) { return (volatile u32 *)address; }
static volatile u64 *reg64(u64 address) { return (volatile u64 *)address; }
static volatile u8 *reg8(u64 address) { return (volatile u8 *)address; }

static void finish(u32 value) {
    for (;;) *reg32(FINISHER) = value;
}
#define CHECK(condition) ((condition) ? (void)0 : finish(0x3333 | (u32)__LINE__ << 16))

static void fence(void) { __asm__ volatile("fence iorw, iorw" ::: "memory"); }
static u64 pending(void) {
    u64 mip;
    __asm__ volatile("csrr %0, mip" : "=r"(mip));
    return mip;
}
#define MSIP (1UL << 3)
#define MTIP (1UL << 7)
#define MEIP (1UL << 11)

static void put(const char *text) {
    for (; *text; text++) {
        while (!(*reg8(UART + 5) & 0x20)) {}
        *reg8(UART) = (u8)*text;
    }
}

/* --- CLINT and UART --- */

static void clint(void) {
    *reg64(CLINT + 0x4000) = ~0UL;
    CHECK(!(pending() & (MTIP | MSIP)));
    u64 start = *reg64(CLINT + 0xbff8);
    *reg64(CLINT + 0x4000) = start + 20;
    while (!(pending() & MTIP)) {}
    CHECK(*reg64(CLINT + 0xbff8) >= start + 20);
    *reg64(CLINT + 0x4000) = ~0UL;
    while (pending() & MTIP) {}
    *reg32(CLINT) = 1;
    while (!(pending() & MSIP)) {}
    *reg32(CLINT) = 0;
    while (pending() & MSIP) {}
    put("clint\n");
}

static void uart(void) {
    *reg8(UART + 2) = 1;              /* FIFOs on */
    CHECK(*reg8(UART + 2) >> 6 == 3); /* a 16550A */
    *reg8(UART + 7) = 0x5a;
    CHECK(*reg8(UART + 7) == 0x5a);
    *reg8(UART + 4) = 0x10; /* loopback */
    *reg8(UART) = 'L';
    while (!(*reg8(UART + 5) & 1)) {}
    CHECK(*reg8(UART) == 'L');
    *reg8(UART + 4) = 0;
    put("uart\n");
}

/* --- virtio --- */

#define SIZE 8
struct descriptor {
    u64 address;
    u32 length;
    u16 flags, next;
};
struct queue {
    struct descriptor table[SIZE] __attribute__((aligned(16)));
    volatile u16 avail_flags, avail_index, avail[SIZE];
    volatile u16 used_flags __attribute__((aligned(4))), used_index;
    struct {
        volatile u32 id, length;
    } used[SIZE];
    u64 base;
    u32 number, irq;
    u16 seen;
};

static void attach(struct queue *q, u64 base, u32 number, u32 irq) {
    q->base = base;
    q->number = number;
    q->irq = irq;
    *reg32(base + 0x30) = number;
    CHECK(*reg32(base + 0x34) >= SIZE);
    *reg32(base + 0x38) = SIZE;
    u64 areas[] = {(u64)q->table, (u64)&q->avail_flags, (u64)&q->used_flags};
    for (u32 i = 0; i < 3; i++) {
        *reg32(base + 0x80 + 0x10 * i) = (u32)areas[i];
        *reg32(base + 0x84 + 0x10 * i) = (u32)(areas[i] >> 32);
    }
    *reg32(base + 0x44) = 1;
    *reg32(PLIC + 4 * irq) = 1;
    *reg32(PLIC + 0x2000) |= 1u << irq;
}

static void negotiate(u64 base) {
    *reg32(base + 0x70) = 0;
    *reg32(base + 0x70) = 1;
    *reg32(base + 0x70) = 3;
    *reg32(base + 0x14) = 1;
    CHECK(*reg32(base + 0x10) & 1); /* VERSION_1 */
    *reg32(base + 0x24) = 0;
    *reg32(base + 0x20) = 0;
    *reg32(base + 0x24) = 1;
    *reg32(base + 0x20) = 1;
    *reg32(base + 0x70) = 11;
    CHECK(*reg32(base + 0x70) == 11); /* FEATURES_OK */
}

/* Offer the first `count` descriptors as a chain and take the interrupt; returns the used length. */
static u32 request(struct queue *q, u32 count) {
    for (u32 i = 0; i < count; i++) {
        q->table[i].flags = (u16)((q->table[i].flags & 2) | (i + 1 < count));
        q->table[i].next = (u16)(i + 1);
    }
    q->avail[q->avail_index % SIZE] = 0;
    fence();
    q->avail_index++;
    fence();
    *reg32(q->base + 0x50) = q->number;
    do { /* A device may notify more often than it uses buffers (virtio 1.2, 2.7.7.1): QEMU now and then does. */
        while (!(pending() & MEIP)) {}
        CHECK(*reg32(PLIC + 0x200004) == q->irq);
        CHECK(!(pending() & MEIP));
        CHECK(*reg32(q->base + 0x60) == 1);
        *reg32(q->base + 0x64) = 1;
        *reg32(PLIC + 0x200004) = q->irq;
        fence();
    } while (*(volatile u16 *)&q->used_index == q->seen);
    CHECK(q->used_index == (u16)(q->seen + 1));
    CHECK(q->used[q->seen % SIZE].id == 0);
    return q->used[q->seen++ % SIZE].length;
}

static struct queue disk, output;
static struct {
    u32 type, reserved;
    u64 sector;
} header;
static volatile u8 status;
static u8 buffer[1024 + 8], copy[1024];

static void buffers(u32 type, u64 sector, u8 *data, u32 length) {
    header.type = type;
    header.sector = sector;
    status = 0xee;
    disk.table[0] = (struct descriptor){(u64)&header, 16, 0, 0};
    disk.table[1] = (struct descriptor){(u64)data, length, type == 0 ? 2 : 0, 0};
    disk.table[2] = (struct descriptor){(u64)&status, 1, 2, 0};
}

static u8 original(u32 i) { return (u8)(7 * (i / 512) + i % 512); }

static void block(void) {
    u64 base = VIRTIO;
    CHECK(*reg32(base) == 0x74726976 && *reg32(base + 4) == 2);
    CHECK(*reg32(base + 8) == 2);
    CHECK(*reg32(base + 0x100) == 16); /* capacity in sectors */
    negotiate(base);
    attach(&disk, base, 0, 1);
    *reg32(base + 0x70) = 15;

    /* Read sectors 2 and 3 over bytes that lie dirty in the data cache; the buffer is not aligned, and what
       stands around it stays. */
    for (u32 i = 0; i < sizeof buffer; i++) buffer[i] = 0xa5;
    buffers(0, 2, buffer + 3, 1024);
    CHECK(request(&disk, 3) == 1025 && status == 0);
    for (u32 i = 0; i < 1024; i++) CHECK(buffer[3 + i] == original(1024 + i));
    for (u32 i = 0; i < 3; i++) CHECK(buffer[i] == 0xa5);
    for (u32 i = 1027; i < sizeof buffer; i++) CHECK(buffer[i] == 0xa5);

    /* Write the complement of sectors 4 and 5, fresh from the cache, and read it back. */
    for (u32 i = 0; i < 1024; i++) buffer[i] = (u8)~original(2048 + i);
    buffers(1, 4, buffer, 1024);
    CHECK(request(&disk, 3) == 1 && status == 0);
    for (u32 i = 0; i < 1024; i++) copy[i] = 0;
    buffers(0, 4, copy, 1024);
    CHECK(request(&disk, 3) == 1025 && status == 0);
    for (u32 i = 0; i < 1024; i++) CHECK(copy[i] == (u8)~original(2048 + i));

    /* A sector too far. */
    buffers(0, 15, copy, 1024);
    request(&disk, 3);
    CHECK(status == 1);
    put("block\n");
}

static void console(void) {
    u64 base = VIRTIO + 7 * 0x1000;
    if (*reg32(base + 8) != 3) return;
    static const char text[] = "virtio console\n";
    negotiate(base);
    attach(&output, base, 1, 8);
    *reg32(base + 0x70) = 15;
    output.table[0] = (struct descriptor){(u64)text, 8, 0, 0};
    output.table[1] = (struct descriptor){(u64)text + 8, sizeof text - 1 - 8, 0, 0};
    request(&output, 2);
}

int main(void) {
    clint();
    uart();
    block();
    console();
    put("done\n");
    finish(0x5555);
}

__asm__(
    ".section .text.init\n"
    ".globl _start\n"
    "_start:\n"
    "  la sp, _end\n"
    "  li t0, 0x10000\n"
    "  add sp, sp, t0\n"
    "  call main\n");
