// The host-target interface that bare-metal test programs speak: words at `tohost` and `fromhost`.
//
// A store to tohost is a command: device 63:56, command 55:48, payload 47:0. Device 0 command 0 is a system
// call: payload bit 0 set ends the program with code payload >> 1; else the payload points at eight 64-bit
// words (number, arguments), where word 0 takes the result. Device 1 command 1 prints a character. A command
// stored as two 32-bit halves counts when both are there, or when nothing follows the first for a while.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>

#include "guest_memory.h"

class Htif {
  public:
    Htif(uint64_t tohost, uint64_t fromhost, bivisor::GuestMemory& memory) : tohost_(tohost), fromhost_(fromhost), memory_(memory) {}

    std::function<void(uint32_t code)> on_exit;
    std::function<void(uint8_t byte)> on_character;

    // Whether a store to `address` concerns us: a test cheap enough for every store.
    bool watches(uint64_t address) const { return tohost_ && (address & ~7ull) == tohost_; }
    void place(uint64_t tohost, uint64_t fromhost) {
        tohost_ = tohost;
        fromhost_ = fromhost;
    }
    // The cycle at which a lone half counts as the whole command; ~0 if there is none.
    uint64_t due() const { return due_; }

    void store(uint64_t address, uint64_t data, unsigned size, uint64_t cycle) {
        unsigned shift = 8 * (address & 7);
        uint64_t mask = size >= 3 ? ~0ull : ((1ull << (8 << size)) - 1) << shift;
        word_ = (word_ & ~mask) | (data << shift & mask);
        written_ |= mask;
        if (written_ == ~0ull) command();
        else due_ = cycle + kPatience;
    }
    void overdue() { command(); }

  private:
    static constexpr uint64_t kPatience = 500;

    void command() {
        uint64_t word = word_;
        written_ = word_ = 0;
        due_ = ~0ull;
        if (!word) return;
        unsigned device = word >> 56, number = word >> 48 & 0xff;
        uint64_t payload = word & 0xffffffffffffull;
        if (device == 0 && number == 0) {
            if (payload & 1) return on_exit(static_cast<uint32_t>(payload >> 1));
            acknowledge();
            system_call(payload);
        } else if (device == 1 && number == 1) {
            on_character(static_cast<uint8_t>(payload));
            acknowledge();
        } else {
            acknowledge();
        }
    }

    void acknowledge() { memory_.write(tohost_, bivisor::Bytes(8, 0), [](bool) {}); }

    void respond(uint64_t word) {
        if (!fromhost_) return;
        bivisor::Bytes bytes(8);
        std::memcpy(bytes.data(), &word, 8);
        memory_.write(fromhost_, bytes, [](bool) {});
    }

    void finish_call(uint64_t where, uint64_t result) {
        bivisor::Bytes bytes(8);
        std::memcpy(bytes.data(), &result, 8);
        memory_.write(where, bytes, [this](bool) { respond(1); });
    }

    void system_call(uint64_t where) {
        constexpr uint64_t kWrite = 64, kExit = 93;
        constexpr uint64_t kBadDescriptor = -9ull, kBadAddress = -14ull, kNotImplemented = -38ull;
        memory_.read(where, 64, [=, this](bivisor::Bytes bytes, bool ok) {
            if (!ok) return;
            uint64_t word[8];
            std::memcpy(word, bytes.data(), sizeof word);
            if (word[0] == kExit) return on_exit(static_cast<uint32_t>(word[1]));
            if (word[0] != kWrite) return finish_call(where, kNotImplemented);
            if (word[1] != 1 && word[1] != 2) return finish_call(where, kBadDescriptor);
            uint64_t length = word[3] < 65536 ? word[3] : 65536;
            if (!length) return finish_call(where, 0);
            memory_.read(word[2], static_cast<uint32_t>(length), [=, this](bivisor::Bytes text, bool good) {
                if (!good) return finish_call(where, kBadAddress);
                for (uint8_t byte : text) on_character(byte);
                finish_call(where, length);
            });
        });
    }

    uint64_t tohost_, fromhost_;
    bivisor::GuestMemory& memory_;
    uint64_t word_ = 0, written_ = 0, due_ = ~0ull;
};
