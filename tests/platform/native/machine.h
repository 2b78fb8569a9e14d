// A machine of pins for the device models: memory behind AXI with random stalls that checks the protocol, and
// a virtio driver that reaches the devices through the register window only.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "dma_master.h"
#include "virtio_block.h"
#include "virtio_console.h"
#include "virtio_window.h"

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      std::printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);    \
      std::exit(1);                                                            \
    }                                                                          \
  } while (false)

namespace bivisor::test {

constexpr uint64_t kBase = 0x80000000;

// An AXI subordinate; addresses outside its bytes answer SLVERR.
class AxiMemory {
 public:
  Bytes bytes = Bytes(1 << 20);
  std::mt19937 random{1};
  unsigned stall_percent = 30;
  unsigned writes = 0;

  explicit AxiMemory(AxiManagerPins& pins) : pins_(pins) {}

  bool holds(uint64_t address, size_t length = 1) const {
    return address >= kBase && address + length <= kBase + bytes.size();
  }

  // Drive the answers of one cycle, in which the manager's outputs are settled.
  void drive() {
    auto& in = pins_.in;
    const auto& out = pins_.out;
    in = {};
    in.awready = !writing_ && !respond_ && flip();
    in.wready = writing_ && flip();
    in.bvalid = respond_ && (keep_b_ || flip());
    keep_b_ = in.bvalid;
    in.bresp = write_error_ ? 2 : 0;
    in.arready = !reading_ && flip();
    in.rvalid = reading_ && (keep_r_ || flip());
    keep_r_ = in.rvalid;
    if (in.rvalid) {
      const bool good = holds(read_.address, 8);
      in.rresp = good ? 0 : 2;
      in.rdata = good ? load_le<uint64_t>(&bytes[read_.address - kBase]) : 0xdeaddeaddeaddeadULL;
      in.rlast = read_.beats == 1;
    }
    if (held_.awvalid) CHECK(out.awvalid && out.awaddr == held_.awaddr && out.awlen == held_.awlen);
    if (held_.arvalid) CHECK(out.arvalid && out.araddr == held_.araddr && out.arlen == held_.arlen);
    if (held_.wvalid) CHECK(out.wvalid && out.wdata == held_.wdata && out.wstrb == held_.wstrb);
    held_ = out;
    held_.awvalid = out.awvalid && !in.awready;
    held_.arvalid = out.arvalid && !in.arready;
    held_.wvalid = out.wvalid && !in.wready;
  }

  // The rising edge that ends the cycle.
  void edge() {
    const auto& in = pins_.in;
    const auto& out = held_now();
    if (out.wvalid && in.wready) {
      CHECK(write_.beats > 0 && out.wlast == (write_.beats == 1));
      if (!holds(write_.address, 8)) write_error_ = true;
      for (unsigned lane = 0; lane < 8; lane++) {
        if ((out.wstrb >> lane & 1) && holds(write_.address, 8)) {
          bytes[write_.address - kBase + lane] = static_cast<uint8_t>(out.wdata >> (8 * lane));
        }
      }
      writes++;
      write_.address += 8;
      if (--write_.beats == 0) {
        writing_ = false;
        respond_ = true;
      }
    }
    if (out.bready && in.bvalid) respond_ = write_error_ = keep_b_ = false;
    if (out.awvalid && in.awready) writing_ = begin(write_, out.awaddr, out.awlen);
    if (out.rready && in.rvalid) {
      keep_r_ = false;
      read_.address += 8;
      if (--read_.beats == 0) reading_ = false;
    }
    if (out.arvalid && in.arready) reading_ = begin(read_, out.araddr, out.arlen);
  }

 private:
  struct Burst {
    uint64_t address = 0;
    unsigned beats = 0;
  };

  bool flip() { return random() % 100 >= stall_percent; }
  const AxiManagerPins::Out& held_now() const { return pins_.out; }

  bool begin(Burst& burst, uint64_t address, unsigned len) {
    burst = {address, len + 1};
    CHECK(address % 8 == 0);
    CHECK(address / 4096 == (address + 8 * len) / 4096);
    return true;
  }

  AxiManagerPins& pins_;
  AxiManagerPins::Out held_;
  Burst read_, write_;
  bool reading_ = false, writing_ = false, respond_ = false, write_error_ = false;
  bool keep_r_ = false, keep_b_ = false;
};

class Machine {
 public:
  DmaMaster dma;
  AxiMemory memory{dma.pins};
  VirtioWindow window{dma};

  void cycle() {
    memory.drive();
    memory.edge();
    dma.edge();
    window.edge();
  }

  void settle() {
    for (unsigned cycles = 0; dma.busy(); cycles++) {
      CHECK(cycles < 1000000);
      cycle();
    }
  }

  // One access through the window's pins; nothing if it was refused.
  std::optional<uint64_t> access(uint32_t addr, unsigned size, bool write, uint64_t value = 0) {
    const unsigned lane = 8 * (addr & 7);
    window.pins.in = {true, write, addr, static_cast<uint8_t>(size), value << lane};
    for (unsigned cycles = 0; !window.pins.out.ready; cycles++) {
      CHECK(cycles < 10);
      cycle();
    }
    const auto out = window.pins.out;
    cycle();
    window.pins.in.valid = false;
    CHECK(!window.busy());
    if (out.error) return std::nullopt;
    const uint64_t mask = size == 3 ? ~uint64_t{0} : (uint64_t{1} << (8 << size)) - 1;
    return out.rdata >> lane & mask;
  }

  template <typename T>
  T load(uint64_t address) const {
    CHECK(memory.holds(address, sizeof(T)));
    return load_le<T>(&memory.bytes[address - kBase]);
  }
  template <typename T>
  void store(uint64_t address, T value) {
    Bytes bytes;
    append_le<T>(bytes, value);
    store(address, bytes);
  }
  void store(uint64_t address, const Bytes& bytes) {
    CHECK(memory.holds(address, bytes.size()));
    std::copy(bytes.begin(), bytes.end(), memory.bytes.begin() + static_cast<ptrdiff_t>(address - kBase));
  }
  Bytes dump(uint64_t address, size_t length) const {
    const auto from = memory.bytes.begin() + static_cast<ptrdiff_t>(address - kBase);
    return Bytes(from, from + static_cast<ptrdiff_t>(length));
  }
};

constexpr uint32_t kMagicValue = 0x000, kVersion = 0x004, kDeviceId = 0x008, kDeviceFeatures = 0x010,
                   kDeviceFeaturesSel = 0x014, kDriverFeatures = 0x020, kDriverFeaturesSel = 0x024,
                   kQueueSel = 0x030, kQueueSizeMax = 0x034, kQueueSize = 0x038, kQueueReady = 0x044,
                   kQueueNotify = 0x050, kInterruptStatus = 0x060, kInterruptAck = 0x064, kStatus = 0x070,
                   kQueueDesc = 0x080, kQueueDriver = 0x090, kQueueDevice = 0x0a0, kConfig = 0x100;
constexpr uint32_t kAcknowledge = 1, kDriver = 2, kDriverOk = 4, kFeaturesOk = 8, kNeedsReset = 64;

// What Linux's virtio-mmio and virtio-ring do, for one slot.
class Driver {
 public:
  static constexpr uint16_t kNext = 1, kWrite = 2, kIndirect = 4;
  struct Buffer {
    uint64_t address;
    uint32_t length;
    bool writable = false;
  };
  struct Used {
    uint32_t id, length;
  };

  Machine& machine;
  uint32_t slot;

  Driver(Machine& m, uint32_t n) : machine(m), slot(n) {}

  uint32_t get(uint32_t reg) {
    return static_cast<uint32_t>(machine.access(slot * 0x1000 + reg, 2, false).value());
  }
  void set(uint32_t reg, uint32_t value) {
    CHECK(machine.access(slot * 0x1000 + reg, 2, true, value).has_value());
  }

  uint64_t offered() {
    set(kDeviceFeaturesSel, 1);
    const uint64_t high = get(kDeviceFeatures);
    set(kDeviceFeaturesSel, 0);
    return high << 32 | get(kDeviceFeatures);
  }
  bool negotiate(uint64_t features) {
    set(kStatus, 0);
    set(kStatus, kAcknowledge);
    set(kStatus, kAcknowledge | kDriver);
    for (uint32_t half = 0; half < 2; half++) {
      set(kDriverFeaturesSel, half);
      set(kDriverFeatures, static_cast<uint32_t>(features >> (32 * half)));
    }
    set(kStatus, kAcknowledge | kDriver | kFeaturesOk);
    return get(kStatus) & kFeaturesOk;
  }
  void setup(unsigned queue, uint64_t base, uint16_t size) {
    auto& q = queues_[queue] = Queue{base, base + 0x1000, base + 0x2000, size, 0, 0, 0};
    machine.store(base, Bytes(0x3000));
    set(kQueueSel, queue);
    CHECK(get(kQueueReady) == 0 && get(kQueueSizeMax) >= size);
    set(kQueueSize, size);
    const uint64_t areas[] = {q.desc, q.avail, q.used};
    const uint32_t registers[] = {kQueueDesc, kQueueDriver, kQueueDevice};
    for (unsigned i = 0; i < 3; i++) {
      set(registers[i], static_cast<uint32_t>(areas[i]));
      set(registers[i] + 4, static_cast<uint32_t>(areas[i] >> 32));
    }
    set(kQueueReady, 1);
    CHECK(get(kQueueReady) == 1);
  }
  void start() { set(kStatus, kAcknowledge | kDriver | kFeaturesOk | kDriverOk); }

  void descriptor(uint64_t table, uint16_t index, uint64_t address, uint32_t length, uint16_t flags,
                  uint16_t next) {
    machine.store<uint64_t>(table + 16 * index, address);
    machine.store<uint32_t>(table + 16 * index + 8, length);
    machine.store<uint16_t>(table + 16 * index + 12, flags);
    machine.store<uint16_t>(table + 16 * index + 14, next);
  }
  void chain(uint64_t table, uint16_t first, unsigned wrap, const std::vector<Buffer>& buffers) {
    for (size_t i = 0; i < buffers.size(); i++) {
      const auto index = static_cast<uint16_t>((first + i) % wrap);
      const bool last = i + 1 == buffers.size();
      const auto flags = static_cast<uint16_t>((buffers[i].writable ? kWrite : 0) | (last ? 0 : kNext));
      descriptor(table, index, buffers[i].address, buffers[i].length, flags,
                 static_cast<uint16_t>((index + 1) % wrap));
    }
  }
  // Make a chain of descriptors available and return its head.
  uint16_t add(unsigned queue, const std::vector<Buffer>& buffers) {
    Queue& q = queues_.at(queue);
    const uint16_t head = q.free;
    chain(q.desc, head, q.size, buffers);
    q.free = static_cast<uint16_t>((q.free + buffers.size()) % q.size);
    publish(queue, head);
    return head;
  }
  void publish(unsigned queue, uint16_t head) {
    Queue& q = queues_.at(queue);
    machine.store<uint16_t>(q.avail + 4 + 2 * (q.next_avail % q.size), head);
    machine.store<uint16_t>(q.avail + 2, ++q.next_avail);
  }
  void notify(unsigned queue) { set(kQueueNotify, queue); }
  std::vector<Used> used(unsigned queue) {
    Queue& q = queues_.at(queue);
    std::vector<Used> all;
    while (q.next_used != machine.load<uint16_t>(q.used + 2)) {
      const uint64_t entry = q.used + 4 + 8 * (q.next_used++ % q.size);
      all.push_back({machine.load<uint32_t>(entry), machine.load<uint32_t>(entry + 4)});
    }
    return all;
  }
  uint64_t desc(unsigned queue) const { return queues_.at(queue).desc; }
  uint64_t avail(unsigned queue) const { return queues_.at(queue).avail; }

 private:
  struct Queue {
    uint64_t desc, avail, used;
    uint16_t size, free, next_avail, next_used;
  };
  std::map<unsigned, Queue> queues_;
};

constexpr uint64_t kVersion1 = uint64_t{1} << 32;
constexpr uint64_t kIndirectDesc = uint64_t{1} << 28;

}  // namespace bivisor::test
