// Records of what the hart does, as words; cosim/observe.py states their form. Only in observing builds.
#pragma once

#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "Vtop.h"
#include "design.h"

// Which physical page each page of code was fetched from last.
class Fetches {
  public:
    // The port `fetched` in `cycle`.
    void note(const uint32_t* fetched, uint64_t cycle) {
        uint32_t port[kFetchedWords + 2] = {};
        std::memcpy(port, fetched, 4 * kFetchedWords);
        if (!(bits(port, kFetched_valid) & 1)) return;
        const uint64_t page = bits(port, kFetched_vaddr) >> 12 | (bits(port, kFetched_mode) & 7) << 52;
        const uint64_t frame = bits(port, kFetched_paddr) << 8 >> 20 << 12;
        if (page == page_ && frame == frame_) return;
        page_ = page;
        frame_ = frame;
        Frames& frames = pages_[page];
        if (frames.now == frame) return;
        frames = {frame, frames.now, cycle};
    }
    // For an instruction whose record stands there in `cycle`. Whatever changes a translation commits two cycles
    // before its own record, and what follows is fetched behind that; so a change that is younger is not for it.
    uint64_t find(uint64_t address, uint64_t mode, uint64_t cycle) const {
        auto found = pages_.find(address >> 12 | mode << 52);
        if (found == pages_.end()) return 0;
        return found->second.since + 2 <= cycle ? found->second.now : found->second.before;
    }

  private:
    struct Frames {
        uint64_t now = 0, before = 0, since = 0;
    };
    // 64 bits from `offset` on.
    static uint64_t bits(const uint32_t* port, unsigned offset) {
        const uint32_t* at = port + offset / 32;
        const unsigned shift = offset % 32;
        uint64_t value = (static_cast<uint64_t>(at[1]) << 32 | at[0]) >> shift;
        return shift ? value | static_cast<uint64_t>(at[2]) << (64 - shift) : value;
    }

    std::unordered_map<uint64_t, Frames> pages_;
    uint64_t page_ = ~0ull, frame_ = 0;
};

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
#if BV_STATE_WORDS
        fetches_.note(top.fetched.data(), cycle);
#endif
        if (top.companion_valid && top.companion_older) append_companion(top, cycle);
        if (top.retire_valid) {
            size_t head = words.size();
            words.push_back(0);
            append_retired(top.retire.data(), cycle);
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
        if (top.companion_valid && !top.companion_older) append_companion(top, cycle);
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

    // The port's words, and where the instruction came from.
    void append_retired(const void* port, uint64_t cycle) {
        size_t at = words.size();
        append(port, kRetireWords);
#if BV_STATE_WORDS
        auto field = [&](unsigned word, unsigned bit) { return words[at + word] >> bit; };
        const uint64_t pc = field(kRetire_pc_word, kRetire_pc_bit);
        const uint64_t mode = (field(kRetire_privilege_word, kRetire_privilege_bit) & 3) |
                              (field(kRetire_virt_word, kRetire_virt_bit) & 1) << 2;
        const bool wide = (field(kRetire_instruction_word, kRetire_instruction_bit) & 3) == 3;
        const uint64_t last = pc + (wide ? 2 : 0);
        const uint64_t first_page = fetches_.find(pc, mode, cycle);
        const uint64_t last_page = last >> 12 == pc >> 12 ? first_page : fetches_.find(last, mode, cycle);
        words.insert(words.end(), {first_page | (pc & 4095), last_page | (last & 4095)});
#else
        words.insert(words.end(), {0, 0});
#endif
    }
    // It is arithmetic: it changes nothing but its register.
    void append_companion(const Vtop& top, uint64_t cycle) {
        size_t head = words.size();
        words.push_back(0);
        append_retired(top.companion.data(), cycle);
        close(head, kRetire, cycle);
    }
    void append(const void* from, size_t count) {
        size_t at = words.size();
        words.resize(at + count);
        std::memcpy(&words[at], from, 8 * count);
    }
    void close(size_t head, Kind kind, uint64_t cycle) {
        words[head] = cycle | kind << 48 | (words.size() - head - 1) << 52;
    }

    bool on_ = false;
    Fetches fetches_;
#if BV_STATE_WORDS
    uint64_t before_[BV_STATE_WORDS] = {}, told_[BV_STATE_WORDS] = {};
#endif
};
