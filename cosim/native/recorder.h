// Records of what the hart does, as words; cosim/observe.py states their form. Only in observing builds.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "Vtop.h"
#include "design.h"

class Recorder {
  public:
    std::vector<uint64_t> words;  // since it was last emptied

    void start() { on_ = true; }
    bool on() const { return on_; }
    bool full() const { return words.size() >= kBatch; }

    // Once per cycle, with the design settled. A record stands on the port one cycle after the instruction left
    // the pipeline; what it changed stood in `state` in that earlier cycle, before a younger one could change
    // more. A trap has changed it by now, and nothing follows a trap so soon.
    void sample(const Vtop& top, uint64_t cycle) {
        if (!on_) return;
        if (top.retire_valid) {
            size_t head = words.size();
            words.push_back(0);
            append(top.retire.data(), kRetireWords);
#if BV_STATE_WORDS
            uint64_t now[BV_STATE_WORDS];
            std::memcpy(now, top.state.data(), sizeof now);
            const uint64_t* state = top.retire_trap ? now : before_;
            for (uint64_t n = 0; n < BV_STATE_WORDS; n++) {
                if (state[n] == told_[n]) continue;
                words.insert(words.end(), {n, state[n]});
                told_[n] = state[n];
            }
#endif
            close(head, kRetire, cycle);
        }
#if BV_STATE_WORDS
        std::memcpy(before_, top.state.data(), sizeof before_);
#endif
    }

    void write_begins(uint64_t cycle, uint64_t address, const uint8_t* bytes, size_t length) {
        if (!on_) return;
        size_t head = words.size();
        words.insert(words.end(), {0, address, length});
        words.resize(words.size() + (length + 7) / 8);
        std::memcpy(&words[head + 3], bytes, length);
        close(head, kWrite, cycle);
    }
    void write_ended(uint64_t cycle) {
        if (!on_) return;
        words.push_back(0);
        close(words.size() - 1, kWritten, cycle);
    }

  private:
    enum Kind : uint64_t { kRetire = 0, kWrite = 1, kWritten = 2 };
    static constexpr size_t kBatch = 16384;

    void append(const void* from, size_t count) {
        size_t at = words.size();
        words.resize(at + count);
        std::memcpy(&words[at], from, 8 * count);
    }
    void close(size_t head, Kind kind, uint64_t cycle) {
        words[head] = cycle | kind << 48 | (words.size() - head - 1) << 52;
    }

    bool on_ = false;
#if BV_STATE_WORDS
    uint64_t before_[BV_STATE_WORDS] = {}, told_[BV_STATE_WORDS] = {};
#endif
};
