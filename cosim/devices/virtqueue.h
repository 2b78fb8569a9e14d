// Split virtqueues (virtio 1.2, 2.7), the device's side.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "guest_memory.h"
#include "task.h"

namespace bivisor {

// A buffer of the driver: consecutive guest-physical bytes.
struct Segment {
  uint64_t address;
  uint32_t length;
};

// A descriptor chain: what the device reads, then what it writes (2.7.4.2 puts them in this order).
struct Chain {
  uint16_t head = 0;
  std::vector<Segment> readable;
  std::vector<Segment> writable;

  size_t readable_bytes() const { return bytes(readable); }
  size_t writable_bytes() const { return bytes(writable); }

 private:
  static size_t bytes(const std::vector<Segment>& segments) {
    size_t sum = 0;
    for (const Segment& segment : segments) sum += segment.length;
    return sum;
  }
};

class Virtqueue {
 public:
  static constexpr uint16_t kSizeMax = 256;
  static constexpr uint64_t kFeatureIndirect = uint64_t{1} << 28;  // VIRTIO_F_INDIRECT_DESC

  enum class Pop { kChain, kEmpty, kBroken };
  struct Popped {
    Pop what;
    Chain chain;
  };
  enum class Push { kSilent, kInterrupt, kBroken };

  // What the transport sets; addresses are guest-physical.
  uint16_t size = kSizeMax;
  bool ready = false;
  bool indirect = false;
  uint64_t descriptors = 0;
  uint64_t driver_area = 0;  // available ring
  uint64_t device_area = 0;  // used ring

  // Set when the driver resets the device or the queue: requests under way then end without touching guest
  // memory again.
  bool dead = false;

  explicit Virtqueue(GuestMemory& memory) : memory_(memory) {}

  // The next available chain. kBroken: the rings or descriptors cannot be right, or lie outside memory.
  Task<Popped> pop();

  // Give the chain back with the number of bytes written to it, and say whether to interrupt.
  Task<Push> push(uint16_t head, uint32_t written);

  // The bytes of the segments, one after the other; nothing after a bus error.
  Task<std::optional<Bytes>> gather(const std::vector<Segment>& segments);

  // Write `bytes` at `offset` of the segments' bytes; what does not fit is cut off. False after a bus error.
  Task<bool> scatter(const std::vector<Segment>& segments, size_t offset, Bytes bytes);

 private:
  Task<bool> collect(uint64_t table, uint32_t entries, uint16_t index, bool nested, Chain& chain);

  GuestMemory& memory_;
  uint16_t next_available_ = 0;
  uint16_t next_used_ = 0;
};

}  // namespace bivisor
