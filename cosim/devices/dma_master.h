// An AXI4 manager in C++: takes reads and writes of any size and alignment and plays them on the machine's
// `dma` port as INCR bursts of 64-bit beats, one burst at a time, in order.
//
// It never sees the simulated model, only plain pin values. Per clock cycle in which `busy()`:
//   1. before the rising edge, with the design settled, copy the design's outputs into `pins.in`;
//   2. call `edge()`;
//   3. after the rising edge, copy `pins.out` to the design's inputs.
// While `busy()` is false nothing has to be done: all valid outputs are 0.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "guest_memory.h"

namespace bivisor {

// The members of AxiSignature by their names, seen from the manager. IDs are 0 throughout.
struct AxiManagerPins {
  struct Out {
    bool awvalid = false, wvalid = false, wlast = false, bready = false, arvalid = false, rready = false;
    uint64_t awaddr = 0, araddr = 0, wdata = 0;
    uint8_t awlen = 0, arlen = 0, wstrb = 0;
    static constexpr uint8_t size = 3;   // awsize and arsize: 8 bytes
    static constexpr uint8_t burst = 1;  // awburst and arburst: INCR
  } out;
  struct In {
    bool awready = false, wready = false, bvalid = false, arready = false, rvalid = false, rlast = false;
    uint8_t bresp = 0, rresp = 0;
    uint64_t rdata = 0;
  } in;
};

class DmaMaster final : public GuestMemory {
 public:
  AxiManagerPins pins;

  // For who watches memory: a burst of writes begins, with its bytes; the oldest one has been answered.
  std::function<void(uint64_t address, const uint8_t* bytes, size_t length)> on_write;
  std::function<void()> on_written;

  bool busy() const { return busy_; }

  void read(uint64_t address, size_t length, ReadDone done) override {
    if (length == 0) return done({}, true);
    Operation operation{false, address, Bytes(length), std::move(done), {}, 0, true};
    enqueue(std::move(operation));
  }

  void write(uint64_t address, Bytes bytes, WriteDone done) override {
    if (bytes.empty()) return done(true);
    Operation operation{true, address, std::move(bytes), {}, std::move(done), 0, true};
    enqueue(std::move(operation));
  }

  // Outputs change here only, so what is asked for between two edges begins at the next one.
  void edge() {
    if (active_) {
      if (queue_.front().is_write) {
        write_edge();
      } else {
        read_edge();
      }
    }
    if (!active_ && busy_) begin_burst();
  }

 private:
  static constexpr uint64_t kBeat = 8;
  static constexpr uint64_t kMaxBeats = 64;
  static constexpr uint64_t kPage = 4096;  // no burst crosses it (AXI4, A3.4.1)

  struct Operation {
    bool is_write;
    uint64_t address;
    Bytes bytes;
    ReadDone read_done;
    WriteDone write_done;
    size_t position;  // bytes done
    bool ok;
  };

  void enqueue(Operation operation) {
    queue_.push_back(std::move(operation));
    busy_ = true;
  }

  // The burst from the operation's position on: `beats_` beats from the aligned address `burst_`.
  void begin_burst() {
    active_ = true;
    const Operation& operation = queue_.front();
    const uint64_t first = operation.address + operation.position;
    const uint64_t end = operation.address + operation.bytes.size();
    burst_ = first & ~(kBeat - 1);
    const uint64_t limit = std::min(burst_ + kMaxBeats * kBeat, (burst_ | (kPage - 1)) + 1);
    const uint64_t last = std::min(end, limit);
    beats_ = (last - burst_ + kBeat - 1) / kBeat;
    beat_ = 0;
    auto& out = pins.out;
    if (operation.is_write) {
      out.awvalid = true;
      out.awaddr = burst_;
      out.awlen = static_cast<uint8_t>(beats_ - 1);
      if (on_write) on_write(first, operation.bytes.data() + operation.position, last - first);
      put_beat();
    } else {
      out.arvalid = true;
      out.araddr = burst_;
      out.arlen = static_cast<uint8_t>(beats_ - 1);
      out.rready = true;
    }
  }

  // The operation's bytes in the current beat: positions [from, to) of `bytes`, from byte lane `lane` on.
  struct Span {
    size_t from, to, lane;
  };
  Span span() const {
    const Operation& operation = queue_.front();
    const uint64_t word = burst_ + beat_ * kBeat;
    const uint64_t from = std::max(word, operation.address);
    const uint64_t to = std::min(word + kBeat, operation.address + operation.bytes.size());
    return {from - operation.address, to - operation.address, from - word};
  }

  void put_beat() {
    const Span s = span();
    auto& out = pins.out;
    out.wvalid = true;
    out.wdata = 0;
    for (size_t i = s.from; i < s.to; i++) {
      out.wdata |= static_cast<uint64_t>(queue_.front().bytes[i]) << (8 * (s.lane + i - s.from));
    }
    out.wstrb = static_cast<uint8_t>(((1u << (s.to - s.from)) - 1) << s.lane);
    out.wlast = beat_ == beats_ - 1;
  }

  void write_edge() {
    auto& out = pins.out;
    if (out.awvalid && pins.in.awready) out.awvalid = false;
    if (out.wvalid && pins.in.wready) {
      queue_.front().position = span().to;
      beat_++;
      if (beat_ < beats_) {
        put_beat();
      } else {
        out.wvalid = out.wlast = false;
        out.bready = true;
      }
    } else if (out.bready && pins.in.bvalid) {
      out.bready = false;
      if (pins.in.bresp & 2) queue_.front().ok = false;
      end_burst();
    }
  }

  void read_edge() {
    auto& out = pins.out;
    if (out.arvalid && pins.in.arready) out.arvalid = false;
    if (out.rready && pins.in.rvalid) {
      Operation& operation = queue_.front();
      const Span s = span();
      for (size_t i = s.from; i < s.to; i++) {
        operation.bytes[i] = static_cast<uint8_t>(pins.in.rdata >> (8 * (s.lane + i - s.from)));
      }
      if (pins.in.rresp & 2) operation.ok = false;
      operation.position = s.to;
      beat_++;
      if (beat_ == beats_) {
        out.rready = false;
        end_burst();
      }
    }
  }

  void end_burst() {
    active_ = false;
    Operation& operation = queue_.front();
    if (operation.is_write && on_written) on_written();
    if (operation.ok && operation.position < operation.bytes.size()) return;
    Operation done = std::move(operation);
    queue_.pop_front();
    busy_ = !queue_.empty();
    if (done.is_write) {
      done.write_done(done.ok);
    } else {
      done.read_done(std::move(done.bytes), done.ok);
    }
  }

  std::deque<Operation> queue_;
  bool busy_ = false;    // something is asked for
  bool active_ = false;  // a burst of the front operation is under way
  uint64_t burst_ = 0;
  uint64_t beats_ = 0;
  uint64_t beat_ = 0;
};

}  // namespace bivisor
