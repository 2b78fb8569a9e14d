// Disturbances from outside, all from one seed: memory that is now fast, now slow, and holds back its ready and
// valid lines; devices that read and write memory; interrupt lines and characters at any time.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "guest_memory.h"

class Stress {
  public:
    // Where devices go; a size of 0 for nowhere.
    struct Places {
        uint64_t seed;
        uint64_t own_base, own_size;        // they write it and check what they read; the program leaves it alone
        uint64_t shared_base, shared_size;  // they write it, and so does the program
    };

    // They read all of memory, from `memory_base` on.
    Stress(const Places& places, uint64_t memory_base, uint64_t memory_size)
        : state_(places.seed * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull), places_(places),
          memory_base_(memory_base), memory_size_(memory_size), own_(places.own_size) {}

    // Memory's temper; it changes every some thousand cycles.
    unsigned latency(uint64_t cycle) {
        change_temper(cycle);
        return latency_ ? static_cast<unsigned>(random() % (latency_ + 1)) : 0;
    }
    bool hold() { return hold_ && random() % 16 < hold_; }

    // What happens in `cycle`; call when due.
    bool due(uint64_t cycle) const { return cycle >= next_; }
    void act(uint64_t cycle, bivisor::GuestMemory& dma) {
        next_ = cycle + 1 + random() % gap_;
        const unsigned what = random() % 16;
        if (what < 5) lines_ ^= static_cast<uint8_t>(1u << random() % 8);
        else if (what < 7) transmitter_ready_ = random() % 4 != 0;
        else if (what < 8) typed_ = true;
        else if (pending_ < 4) transfer(dma);
    }
    uint8_t lines() const { return lines_; }
    bool transmitter_ready() const { return transmitter_ready_; }
    // Whether a character arrives now, and which.
    bool take_character(uint8_t& character) {
        if (!typed_) return false;
        typed_ = false;
        character = static_cast<uint8_t>(random());
        return true;
    }

  private:
    uint64_t random() {  // xorshift64*, Vigna 2016
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545f4914f6cdd1dull >> 16;
    }

    void change_temper(uint64_t cycle) {
        if (cycle < temper_until_) return;
        static constexpr unsigned kLatencies[] = {0, 0, 1, 3, 8, 25, 60};
        static constexpr unsigned kHolds[] = {0, 0, 0, 2, 8, 13};
        static constexpr unsigned kGaps[] = {20, 100, 400, 2000};
        latency_ = kLatencies[random() % 7];
        hold_ = kHolds[random() % 6];
        gap_ = kGaps[random() % 4];
        temper_until_ = cycle + 500 + random() % 8000;
    }

    void transfer(bivisor::GuestMemory& dma) {
        const size_t length = 1 + random() % (random() % 4 ? 16 : 300);
        const unsigned kind = random() % 4;
        if (kind == 3) return share(dma, length);
        pending_++;
        if (kind == 0 || own_.size() <= length) {  // of what the program uses; its lines are often dirty
            const uint64_t address = memory_base_ + random() % (memory_size_ - length);
            dma.read(address, length, [this](bivisor::Bytes, bool ok) { done(ok, "cannot read memory"); });
            return;
        }
        const uint64_t offset = random() % (own_.size() - length);
        if (kind == 1) {
            bivisor::Bytes bytes(length);
            for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
            std::copy(bytes.begin(), bytes.end(), own_.begin() + static_cast<std::ptrdiff_t>(offset));
            dma.write(places_.own_base + offset, std::move(bytes), [this](bool ok) { done(ok, "cannot write memory"); });
            return;
        }
        // Operations take effect in the order of the calls, so what is expected is what is there now.
        const auto from = own_.begin() + static_cast<std::ptrdiff_t>(offset);
        bivisor::Bytes expected(from, from + static_cast<std::ptrdiff_t>(length));
        dma.read(places_.own_base + offset, length, [this, expected = std::move(expected)](bivisor::Bytes bytes, bool ok) {
            done(ok && bytes == expected, "reads something else than it wrote");
        });
    }

    // One at a time: of two writes of a byte that are both on their way, nobody could tell which the hart sees.
    void share(bivisor::GuestMemory& dma, size_t length) {
        if (sharing_ || places_.shared_size <= length) return;
        sharing_ = true;
        pending_++;
        bivisor::Bytes bytes(length);
        for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
        const uint64_t address = places_.shared_base + random() % (places_.shared_size - length);
        dma.write(address, std::move(bytes), [this](bool ok) {
            sharing_ = false;
            done(ok, "cannot write memory");
        });
    }

    void done(bool ok, const char* wrong) {
        pending_--;
        if (ok) return;
        std::fprintf(stderr, "DMA under stress %s\n", wrong);
        std::exit(3);
    }

    uint64_t state_;
    Places places_;
    uint64_t memory_base_, memory_size_;
    bivisor::Bytes own_;
    uint64_t temper_until_ = 0, next_ = 0;
    unsigned latency_ = 0, hold_ = 0, gap_ = 100, pending_ = 0;
    uint8_t lines_ = 0;
    bool transmitter_ready_ = true, typed_ = false, sharing_ = false;
};
