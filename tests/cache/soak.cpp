// Random traffic on all ports of both caches at once, against a reference memory, at Verilator's speed.
//
// usage: soak SEED CYCLES     prints what was done, or the first thing that was wrong (status 1)
//
// Every write enters the reference in the cycle in which its port says done; every read must see it. A fetch may
// see any value since the last flush. The last line answers with bus errors.

#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <set>
#include <unordered_map>
#include <vector>

#include "Vsoak.h"

#define PIN(port, name) dut.port##___05F##name  // Verilator's spelling of port__name

namespace {

using Word = uint64_t;
enum Op { READ, WRITE, CAS };

constexpr Word DRAM = 0x80000000, DEVICE = 0x10000000, ROM = 0x1000, BAD_LINE = DRAM + 0x6140;
constexpr Word HANGS = 20000;  // cycles

Vsoak dut;
Word cycle = 0;
std::mt19937_64 source;
std::vector<Word> pool;                                  // addresses in use
std::unordered_map<Word, Word> memory, reference;        // by aligned address
std::unordered_map<Word, std::set<Word>> fetchable;      // values since the last flush
double pressure = 0.9, withdrawal = 0.02, readiness = 0.7;
Word latency = 10;

Word below(Word limit) { return source() % limit; }
bool chance(double probability) { return (source() >> 11) * 0x1p-53 < probability; }
Word anywhere() { return source() & ((Word(1) << 56) - 1); }
bool is_bad(Word address) { return (address & ~Word(63)) == BAD_LINE; }

[[noreturn]] void fail(const char* what, Word address, Word got = 0, Word expected = 0) {
    printf("cycle %" PRIu64 ": %s at %" PRIx64 ": got %" PRIx64 ", expected %" PRIx64 "\n", cycle, what, address,
           got, expected);
    fflush(stdout);
    _exit(1);
}

Word merge(Word old, Word data, unsigned strobes) {
    Word mask = 0;
    for (int lane = 0; lane < 8; lane++)
        if (strobes >> lane & 1) mask |= Word(0xff) << 8 * lane;
    return (old & ~mask) | (data & mask);
}

void write_reference(Word address, Word data, unsigned strobes) {
    reference[address] = merge(reference[address], data, strobes);
    fetchable[address].insert(reference[address]);
}

// A few addresses are hot for a while.
Word pick() {
    static std::array<Word, 6> hot;
    static int left = 0;
    if (left-- <= 0) {
        left = 200;
        for (Word& address : hot) address = pool[below(pool.size())];
    }
    return chance(0.4) ? hot[below(hot.size())] : pool[below(pool.size())];
}

struct Memory {
    struct Burst {
        int id;
        Word address;
        unsigned length, size, type;
        Word due;
        std::vector<Word> early;  // what a read saw with its address; else it sees memory as the beats leave
        unsigned beat = 0;
        Word at(unsigned n) const {
            Word step = Word(1) << size;
            if (type == 1) return n ? (address & ~(step - 1)) + step * n : address;
            Word span = step * (length + 1), low = address & ~(span - 1);
            return low + (address - low + step * n) % span;
        }
    };
    std::deque<Burst> reads, writes, responses;
    std::deque<std::array<Word, 3>> data;
    bool reading = false, responding = false;

    void drive() {
        reading = reading || (!reads.empty() && reads[0].due <= cycle && chance(readiness));
        responding = responding || (!responses.empty() && responses[0].due <= cycle && chance(readiness));
        PIN(bus, arready) = reads.size() < 4 && chance(readiness);
        PIN(bus, awready) = writes.size() < 2 && chance(readiness);
        PIN(bus, wready) = data.size() < 16 && chance(readiness);
        PIN(bus, rvalid) = reading;
        PIN(bus, bvalid) = responding;
        PIN(bus, rdata) = source();
        PIN(bus, rid) = below(16);
        PIN(bus, rresp) = below(4);
        PIN(bus, rlast) = below(2);
        if (reading) {
            const Burst& read = reads[0];
            Word address = read.at(read.beat);
            PIN(bus, rid) = read.id;
            PIN(bus, rdata) = read.early.empty() ? memory[address & ~Word(7)] : read.early[read.beat];
            PIN(bus, rresp) = is_bad(address) ? 2 : 0;
            PIN(bus, rlast) = read.beat == read.length;
        }
        if (responding) {
            PIN(bus, bid) = responses[0].id;
            PIN(bus, bresp) = 0;
        }
    }

    void check() {
        if (reading && PIN(bus, rready)) {
            reading = false;
            if (++reads[0].beat > reads[0].length) reads.pop_front();
        }
        if (responding && PIN(bus, bready)) {
            responding = false;
            responses.pop_front();
        }
        if (PIN(bus, arvalid) && PIN(bus, arready)) {
            Burst read{int(PIN(bus, arid)), PIN(bus, araddr),  PIN(bus, arlen),
                       PIN(bus, arsize),    PIN(bus, arburst), cycle + 1 + below(latency), {}};
            if (chance(0.5))
                for (unsigned n = 0; n <= read.length; n++) read.early.push_back(memory[read.at(n) & ~Word(7)]);
            reads.push_back(read);
        }
        if (PIN(bus, awvalid) && PIN(bus, awready))
            writes.push_back({int(PIN(bus, awid)), PIN(bus, awaddr), PIN(bus, awlen), PIN(bus, awsize),
                              PIN(bus, awburst), 0, {}});
        if (PIN(bus, wvalid) && PIN(bus, wready))
            data.push_back({PIN(bus, wdata), PIN(bus, wstrb), PIN(bus, wlast)});
        while (!writes.empty() && !data.empty()) {
            Burst& write = writes[0];
            auto [word, strobes, last] = data[0];
            data.pop_front();
            Word address = write.at(write.beat) & ~Word(7);
            if (is_bad(address)) fail("a line that was never had is written back", address);
            if (last != (write.beat == write.length)) fail("WLAST", address, last);
            memory[address] = merge(memory[address], word, strobes);
            write.beat++;
            if (last) {
                write.due = cycle + 1 + below(latency);
                responses.push_back(write);
                writes.pop_front();
            }
        }
    }
};

// Loads, stores, AMOs and device accesses in two stages; stores are withdrawn now and then (as a
// store-conditional is).
struct Hart {
    bool first = false, second = false, device = false, amo = false, early_lock = false, writing_back = false;
    bool valid = false, offers = false;
    Word next = 0, address = 0, data = 0, loaded = 0, progress = 0, done = 0, errors = 0;
    unsigned op = READ, mask = 0;
    int delay = 0;
    bool translating = false, failed = false;
    Word walks = 0;

    // `walked`: requests of the walker that have been answered. A translation may wait for one of them.
    void drive(Word walked) {
        if (translating && walked != walks) translating = false;
        if (!first && chance(pressure)) {
            first = true;
            next = chance(0.03) ? DEVICE + 8 * below(8) : pick();
        }
        valid = second && delay == 0 && !translating;
        offers = first;
        walks = walked;
        PIN(cpu, index_valid) = offers;
        PIN(cpu, index) = offers ? next & 0xfff : below(4096);
        PIN(cpu, valid) = valid;
        PIN(cpu, lock) = second && amo && (valid || early_lock || writing_back);
        PIN(cpu, paddr) = valid ? address : anywhere();
        PIN(cpu, op) = valid ? op : below(2);
        PIN(cpu, wdata) = data;
        PIN(cpu, wmask) = mask;
        PIN(cpu, size) = device ? 0 : 3;
    }

    void check() {
        bool finished = false, answered = PIN(cpu, done), ready = PIN(cpu, index_ready);
        if (answered && !valid) fail("done without a request", address);
        if (answered) {
            finished = answer();
            done++;
            progress = cycle;
        } else if (valid && !device && !amo && op == WRITE && chance(0.002)) {
            second = false;
        }
        if (ready && valid && !answered) fail("an index is taken too early", next);
        if (finished) second = false;
        if (second && !valid && delay > 0) delay--;
        if (offers && ready && !second) begin();
        if (second && cycle - progress > HANGS) fail("the hart hangs", address);
    }

    bool answer() {
        if (device) return true;
        bool error = PIN(cpu, error);
        if (error != is_bad(address)) fail("error of the hart", address, error, !error);
        if (error) {
            errors++;
            failed = amo;
            return true;
        }
        if (op == READ) {
            loaded = PIN(cpu, rdata);
            if (loaded != reference[address]) fail("load", address, loaded, reference[address]);
            if (!amo) return true;
            writing_back = true;
            op = WRITE;
            data = loaded + 1;
            mask = 0xff;
            delay = below(4);
            return false;
        }
        if (amo && reference[address] != loaded) fail("written during an AMO", address, reference[address], loaded);
        write_reference(address, data, mask);
        return true;
    }

    void begin() {
        first = false;
        second = true;
        address = next;
        device = address < DRAM;
        amo = !device && chance(0.1);
        op = amo ? READ : below(2);
        writing_back = false;
        early_lock = chance(0.5) && !failed;  // a failed AMO gives up its lock
        failed = false;
        data = source();
        mask = device ? 1 : below(256);
        delay = chance(0.6) ? 0 : below(6);
        translating = chance(0.05);
        progress = cycle;
    }
};

// The walker (reads, compare-and-swap) or DMA (reads, writes).
struct Coherent {
    bool walker;
    bool offered = false, busy = false;
    unsigned op = READ, mask = 0, idle = 0;
    Word address = 0, data = 0, expected = 0, since = 0, done = 0, swaps = 0;

    void prepare() {
        if (offered || busy) return;
        if (idle > 0) {
            idle--;
        } else if (chance(0.5)) {
            offered = true;
            address = chance(0.01) ? DEVICE : pick();
            op = walker ? (chance(0.3) ? CAS : READ) : below(2);
            data = source();
            mask = below(256);
            expected = chance(0.7) ? reference[address] : source();
            idle = chance(0.5) ? 0 : below(60);
        }
    }

    template <typename Port>
    void check(const Port& port) {
        if (port.done) answer(port.rdata, port.swapped, port.error);
        if (offered && port.ready) {
            offered = false;
            busy = true;
            since = cycle;
        }
        if (busy && cycle - since > HANGS) fail("a coherent request hangs", address);
    }

    void answer(Word rdata, bool swapped, bool error) {
        if (!busy) fail("a coherent answer without a request", address);
        busy = false;
        done++;
        bool wrong = is_bad(address) || address < DRAM;
        if (error != wrong) fail("error of a coherent request", address, error, wrong);
        if (error) return;
        Word old = reference[address];
        if (op != WRITE && rdata != old) fail(walker ? "walker" : "dma", address, rdata, old);
        if (op == CAS && swapped != (old == expected)) fail("swapped", address, swapped, !swapped);
        if (op == CAS && swapped) swaps++;
        if (op == WRITE || (op == CAS && swapped)) write_reference(address, data, op == CAS ? 0xff : mask);
    }
};

struct Answer {
    bool ready, done, swapped, error;
    Word rdata;
};

// Fetches, mostly in sequence, with withdrawals and flushes.
struct Fetcher {
    bool first = false, second = false, flush = false;
    Word next = 0, address = 0, progress = 0, done = 0, from_memory = 0;

    void drive() {
        flush = chance(0.003);
        if (flush || chance(withdrawal)) second = false;
        if (!first) {
            first = true;
            next = (address & ~Word(63)) | ((address + 8) & 56);
            if (!fetchable.count(next) || chance(0.4)) next = chance(0.02) ? ROM + 8 * below(64) : pick();
        }
        PIN(fetch, flush) = flush;
        PIN(fetch, index_valid) = first && !flush;
        PIN(fetch, index) = next & 0xfff;
        PIN(fetch, valid) = second;
        PIN(fetch, paddr) = second ? address : anywhere();
    }

    void check() {
        if (PIN(fetch, done)) {
            answer();
            second = false;
            done++;
            from_memory += address >= DRAM;
            progress = cycle;
        }
        if (PIN(fetch, index_valid) && PIN(fetch, index_ready)) {
            if (second) fail("a fetch index is taken too early", next);
            second = true;
            first = false;
            address = next;
        }
        if (flush)
            for (Word word : pool) fetchable[word] = {reference[word]};
        if (cycle - progress > HANGS) fail("fetch hangs", address);
    }

    void answer() {
        if (!second) fail("a fetched word without a request", address);
        Word data = PIN(fetch, data);
        bool error = PIN(fetch, error);
        if (error != is_bad(address)) fail("error of a fetch", address, error, !error);
        if (error) return;
        if (address < DRAM && data != memory[address]) fail("boot ROM", address, data, memory[address]);
        if (address >= DRAM && !fetchable[address].count(data)) fail("stale fetch", address, data, reference[address]);
    }
};

void set_up() {
    for (int line = 0; line < 14; line++)
        for (int word : {0, 1, 3, 7}) pool.push_back(DRAM + 64 * line + 8 * word);
    for (int line : {64, 65, 128, 192, 256, 320})
        for (int word : {0, 5}) pool.push_back(DRAM + 64 * line + 8 * word);
    pool.insert(pool.end(), {BAD_LINE, BAD_LINE + 24});
    for (Word address : pool) {
        memory[address] = reference[address] = source();
        fetchable[address] = {reference[address]};
    }
    for (int word = 0; word < 64; word++) memory[ROM + 8 * word] = source();
}

// From time to time everybody changes character.
void change_mood() {
    pressure = std::array{1.0, 0.9, 0.5, 0.1}[below(4)];
    withdrawal = std::array{0.0, 0.02, 0.3}[below(3)];
    readiness = std::array{1.0, 0.7, 0.3}[below(3)];
    latency = std::array{1, 2, 6, 40}[below(4)];
}

void tick() {
    dut.clk = 1;
    dut.eval();
    dut.clk = 0;
    dut.eval();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: soak SEED CYCLES\n");
        return 2;
    }
    source.seed(strtoull(argv[1], nullptr, 0));
    const Word cycles = strtoull(argv[2], nullptr, 0);
    set_up();
    Memory ram;
    Hart hart;
    Coherent walker{true}, dma{false};
    Fetcher fetcher;
    dut.rst = 1;
    tick();
    dut.rst = 0;
    for (cycle = 0; cycle < cycles; cycle++) {
        if (cycle % 5000 == 0) change_mood();
        ram.drive();
        hart.drive(walker.done);
        walker.prepare();
        dma.prepare();
        fetcher.drive();
        PIN(walker, valid) = walker.offered;
        PIN(walker, paddr) = walker.address;
        PIN(walker, op) = walker.op;
        PIN(walker, wdata) = walker.data;
        PIN(walker, wmask) = walker.mask;
        PIN(walker, expected) = walker.expected;
        PIN(dma, valid) = dma.offered;
        PIN(dma, paddr) = dma.address;
        PIN(dma, op) = dma.op;
        PIN(dma, wdata) = dma.data;
        PIN(dma, wmask) = dma.mask;
        dut.eval();
        hart.check();
        walker.check(Answer{bool(PIN(walker, ready)), bool(PIN(walker, done)), bool(PIN(walker, swapped)),
                            bool(PIN(walker, error)), PIN(walker, rdata)});
        dma.check(Answer{bool(PIN(dma, ready)), bool(PIN(dma, done)), bool(PIN(dma, swapped)),
                         bool(PIN(dma, error)), PIN(dma, rdata)});
        fetcher.check();
        ram.check();
        tick();
    }
    printf("%" PRIu64 " accesses of the hart (%" PRIu64 " errors), %" PRIu64 " fetches (%" PRIu64 " from memory), %" PRIu64
           " walker reads (%" PRIu64 " swaps), %" PRIu64 " dma\n",
           hart.done, hart.errors, fetcher.done, fetcher.from_memory, walker.done, walker.swaps, dma.done);
    return 0;
}
