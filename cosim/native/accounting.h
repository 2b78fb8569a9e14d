// What virtualization cost: every exit from V = 1 with the cycles until the next entry, and event counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "design.h"  // generated: kEvent_* offsets, kEventNames, kEventCount, kCountedEvents

class Accounting {
  public:
    // One cycle's events; call only when any of them is up.
    void take(uint64_t events, uint64_t cycle) {
        for (uint64_t rest = events & kCountedEvents; rest; rest &= rest - 1) counts_[__builtin_ctzll(rest)]++;
        constexpr uint64_t crossing = 1ull << kEvent_vm_exit | 1ull << kEvent_vm_entry;
        if (events & crossing) cross(events, cycle);
    }
    uint64_t count(unsigned bit) const { return counts_[bit]; }

    // The JSON members "events", "exits" and "guest_cycles". An exit's histogram is [cycles, count] pairs.
    std::string json(uint64_t cycle) const {
        std::string text = "\"events\": {";
        for (unsigned n = 0; n < kEventCount; n++) {
            if (n) text += ", ";
            text += std::string("\"") + kEventNames[n].name + "\": " + std::to_string(counts_[kEventNames[n].bit]);
        }
        text += "}, \"guest_cycles\": " + std::to_string(guest_cycles_ + (in_guest_ ? cycle - entered_ : 0));
        text += ", \"exits\": [";
        bool first = true;
        for (const auto& [key, exit] : exits_) {
            if (!first) text += ", ";
            first = false;
            text += "{\"vmid\": " + std::to_string(std::get<0>(key));
            text += ", \"interrupt\": " + std::string(std::get<1>(key) ? "true" : "false");
            text += ", \"cause\": " + std::to_string(std::get<2>(key));
            text += ", \"to_machine\": " + std::string(std::get<3>(key) ? "true" : "false");
            text += ", \"count\": " + std::to_string(exit.count) + ", \"histogram\": [";
            bool head = true;
            for (const auto& [cycles, count] : exit.histogram) {
                if (!head) text += ", ";
                head = false;
                text += "[" + std::to_string(cycles) + ", " + std::to_string(count) + "]";
            }
            text += "]}";
        }
        return text + "]";
    }

  private:
    using Key = std::tuple<unsigned, bool, unsigned, bool>;  // vmid, interrupt, cause, to machine
    struct Exit {
        uint64_t count = 0;
        std::map<uint64_t, uint64_t> histogram;
    };

    static unsigned field(uint64_t events, unsigned offset, unsigned width) {
        return static_cast<unsigned>(events >> offset & ((1ull << width) - 1));
    }

    void cross(uint64_t events, uint64_t cycle) {
        if (events >> kEvent_vm_exit & 1) {
            Key key{field(events, kEvent_vmid, kWidth_vmid), events >> kEvent_exit_interrupt & 1,
                    field(events, kEvent_exit_cause, kWidth_exit_cause), events >> kEvent_exit_to_machine & 1};
            open_ = &exits_[key];
            open_->count++;
            left_ = cycle;
            if (in_guest_) guest_cycles_ += cycle - entered_;
            in_guest_ = false;
        }
        if (events >> kEvent_vm_entry & 1) {
            if (open_) open_->histogram[cycle - left_]++;
            open_ = nullptr;
            entered_ = cycle;
            in_guest_ = true;
        }
    }

    uint64_t counts_[64] = {};
    std::map<Key, Exit> exits_;
    Exit* open_ = nullptr;
    uint64_t left_ = 0, entered_ = 0, guest_cycles_ = 0;
    bool in_guest_ = false;
};
