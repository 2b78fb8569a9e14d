// The memory behind the SoC's `mem` port: an AXI4 subordinate with a fixed latency. Under stress the latency grows
// at random, and ready and valid lines stay low at random.
//
// With latency N the first beat of a read is transferred N+1 clock edges after the edge that took its
// address, then one beat per cycle. A write's data is taken from the edge after its address, one beat per
// cycle; its response is transferred N+1 edges after its last beat. Answers come in the order of addresses.
#pragma once

#include <cstdint>

#include "Vtop.h"
#include "dram.h"
#include "stress.h"

class AxiMemory {
  public:
    AxiMemory(Vtop& top, Dram& dram, unsigned latency, Stress* stress)
        : top_(top), dram_(dram), latency_(latency), stress_(stress) {}

    void reset() {
        top_.mem_arready = 1;
        top_.mem_awready = 1;
        top_.mem_wready = 0;
        top_.mem_rvalid = 0;
        top_.mem_bvalid = 0;
        reads_.clear();
        writes_.clear();
    }

    // What is transferred at the edge that ends `cycle`.
    void sample(uint64_t cycle) {
        if (top_.mem_arvalid && top_.mem_arready)
            reads_.push({top_.mem_araddr, top_.mem_arlen, top_.mem_arsize, top_.mem_arburst,
                         top_.mem_arid, 0, cycle + latency(cycle) + 1, dram_error(top_.mem_araddr)});
        if (top_.mem_awvalid && top_.mem_awready)
            writes_.push({top_.mem_awaddr, top_.mem_awlen, top_.mem_awsize, top_.mem_awburst,
                          top_.mem_awid, 0, cycle + latency(cycle) + 1, dram_error(top_.mem_awaddr)});
        if (top_.mem_wvalid && top_.mem_wready) take_beat(cycle);
        read_taken_ = top_.mem_rvalid && top_.mem_rready;
        response_taken_ = top_.mem_bvalid && top_.mem_bready;
    }

    bool idle() const { return reads_.empty() && writes_.empty() && !top_.mem_rvalid && !top_.mem_bvalid; }

    // The pins for the next cycle.
    void drive(uint64_t cycle) {
        if (read_taken_) {
            Burst& burst = reads_.front();
            if (burst.beat++ == burst.length) {
                reads_.pop();
            } else {
                burst.address = next_address(burst);
            }
            top_.mem_rvalid = 0;
        }
        if (!top_.mem_rvalid && !reads_.empty() && reads_.front().ready <= cycle + 1 && !held()) {
            const Burst& burst = reads_.front();
            top_.mem_rvalid = 1;
            top_.mem_rid = burst.id;
            top_.mem_rlast = burst.beat == burst.length;
            top_.mem_rresp = burst.error ? kDecodeError : 0;
            top_.mem_rdata = burst.error ? 0 : dram_.word(burst.address);
        }
        if (response_taken_) {
            writes_.pop();
            top_.mem_bvalid = 0;
        }
        if (!top_.mem_bvalid && !writes_.empty() && writes_.front().beat > writes_.front().length &&
            writes_.front().ready <= cycle + 1 && !held()) {
            top_.mem_bvalid = 1;
            top_.mem_bid = writes_.front().id;
            top_.mem_bresp = writes_.front().error ? kDecodeError : 0;
        }
        top_.mem_arready = !reads_.full() && !held();
        top_.mem_awready = !writes_.full() && !held();
        top_.mem_wready = writes_pending() && !held();
    }

  private:
    static constexpr uint8_t kDecodeError = 3;
    struct Burst {
        uint64_t address;
        unsigned length, size, kind;
        uint8_t id;
        unsigned beat;
        uint64_t ready;
        bool error;
    };
    struct Queue {
        static constexpr unsigned kSize = 16;
        Burst items[kSize];
        unsigned head = 0, count = 0;
        void clear() { head = count = 0; }
        bool empty() const { return count == 0; }
        bool full() const { return count == kSize; }
        Burst& front() { return items[head]; }
        const Burst& front() const { return items[head]; }
        Burst& operator[](unsigned n) { return items[(head + n) % kSize]; }
        void push(const Burst& burst) { items[(head + count++) % kSize] = burst; }
        void pop() {
            head = (head + 1) % kSize;
            count--;
        }
    };

    unsigned latency(uint64_t cycle) const { return stress_ ? latency_ + stress_->latency(cycle) : latency_; }
    bool held() const { return stress_ && stress_->hold(); }
    bool dram_error(uint64_t address) const { return !dram_.contains(address & ~7ull, 8); }
    bool writes_pending() {
        for (unsigned n = 0; n < writes_.count; n++)
            if (writes_[n].beat <= writes_[n].length) return true;
        return false;
    }

    // AXI4 A3.4.1: the address of the next beat.
    static uint64_t next_address(const Burst& burst) {
        uint64_t bytes = 1ull << burst.size;
        if (burst.kind == 0) return burst.address;
        uint64_t next = (burst.address & ~(bytes - 1)) + bytes;
        if (burst.kind == 2) {
            uint64_t span = bytes * (burst.length + 1);
            uint64_t low = burst.address & ~(span - 1);
            if (next == low + span) next = low;
        }
        return next;
    }

    void take_beat(uint64_t cycle) {
        for (unsigned n = 0; n < writes_.count; n++) {
            Burst& burst = writes_[n];
            if (burst.beat > burst.length) continue;
            if (!burst.error) dram_.write_word(burst.address, top_.mem_wdata, top_.mem_wstrb);
            if (burst.beat++ == burst.length) burst.ready = cycle + latency(cycle) + 1;
            burst.address = next_address(burst);
            return;
        }
    }

  private:
    Vtop& top_;
    Dram& dram_;
    unsigned latency_;
    Stress* stress_;
    Queue reads_, writes_;
    bool read_taken_ = false, response_taken_ = false;
};
