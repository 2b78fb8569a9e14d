#include "virtqueue.h"

#include <algorithm>

namespace bivisor {

namespace {

// Descriptor: address 64, length 32, flags 16, next 16 (2.7.5).
constexpr size_t kDescriptorBytes = 16;
constexpr uint16_t kNext = 1;
constexpr uint16_t kWrite = 2;
constexpr uint16_t kIndirect = 4;

// Both rings: flags 16, idx 16, then the entries (2.7.6, 2.7.8).
constexpr uint64_t kRingFlags = 0;
constexpr uint64_t kRingIndex = 2;
constexpr uint64_t kRingEntries = 4;
constexpr uint64_t kAvailableEntryBytes = 2;
constexpr uint64_t kUsedEntryBytes = 8;
constexpr uint16_t kNoInterrupt = 1;

// Longest sum of a chain's buffers that the models take: more is a broken driver, not a request.
constexpr size_t kChainBytesMax = size_t{64} << 20;

}  // namespace

Task<Virtqueue::Popped> Virtqueue::pop() {
  const Popped broken{Pop::kBroken, {}};
  const auto index = co_await async_read(memory_, driver_area + kRingIndex, 2);
  if (!index) co_return broken;
  const uint16_t waiting = static_cast<uint16_t>(load_le<uint16_t>(index->data()) - next_available_);
  if (waiting == 0) co_return Popped{Pop::kEmpty, {}};
  if (waiting > size) co_return broken;

  const uint64_t entry = driver_area + kRingEntries + kAvailableEntryBytes * (next_available_ % size);
  const auto head = co_await async_read(memory_, entry, 2);
  if (!head) co_return broken;
  Popped popped{Pop::kChain, {}};
  popped.chain.head = load_le<uint16_t>(head->data());
  if (!co_await collect(descriptors, size, popped.chain.head, false, popped.chain)) co_return broken;
  next_available_++;
  co_return popped;
}

Task<bool> Virtqueue::collect(uint64_t table, uint32_t entries, uint16_t index, bool nested, Chain& chain) {
  for (uint32_t count = 0; count < entries; count++) {  // a longer chain is a loop
    if (index >= entries) co_return false;
    const auto bytes = co_await async_read(memory_, table + kDescriptorBytes * index, kDescriptorBytes);
    if (!bytes) co_return false;
    const Segment segment{load_le<uint64_t>(&(*bytes)[0]), load_le<uint32_t>(&(*bytes)[8])};
    const uint16_t flags = load_le<uint16_t>(&(*bytes)[12]);
    if (flags & kIndirect) {
      const bool legal = indirect && !nested && !(flags & kNext) && segment.length % kDescriptorBytes == 0;
      const uint32_t inner = segment.length / kDescriptorBytes;
      if (!legal || inner == 0 || inner > 0x8000) co_return false;
      co_return co_await collect(segment.address, inner, 0, true, chain);
    }
    if (flags & kWrite) {
      chain.writable.push_back(segment);
    } else if (chain.writable.empty()) {
      chain.readable.push_back(segment);
    } else {
      co_return false;
    }
    if (chain.readable_bytes() + chain.writable_bytes() > kChainBytesMax) co_return false;
    if (!(flags & kNext)) co_return true;
    index = load_le<uint16_t>(&(*bytes)[14]);
  }
  co_return false;
}

Task<Virtqueue::Push> Virtqueue::push(uint16_t head, uint32_t written) {
  if (dead) co_return Push::kBroken;
  Bytes element;
  append_le<uint32_t>(element, head);
  append_le<uint32_t>(element, written);
  const uint64_t entry = device_area + kRingEntries + kUsedEntryBytes * (next_used_ % size);
  if (!co_await async_write(memory_, entry, std::move(element))) co_return Push::kBroken;
  next_used_++;
  if (dead) co_return Push::kBroken;
  Bytes index;
  append_le<uint16_t>(index, next_used_);
  if (!co_await async_write(memory_, device_area + kRingIndex, std::move(index))) co_return Push::kBroken;
  const auto flags = co_await async_read(memory_, driver_area + kRingFlags, 2);
  if (!flags) co_return Push::kBroken;
  co_return load_le<uint16_t>(flags->data()) & kNoInterrupt ? Push::kSilent : Push::kInterrupt;
}

Task<std::optional<Bytes>> Virtqueue::gather(const std::vector<Segment>& segments) {
  Bytes all;
  for (const Segment& segment : segments) {
    if (dead) co_return std::nullopt;
    const auto part = co_await async_read(memory_, segment.address, segment.length);
    if (!part) co_return std::nullopt;
    all.insert(all.end(), part->begin(), part->end());
  }
  co_return std::optional<Bytes>(std::move(all));
}

Task<bool> Virtqueue::scatter(const std::vector<Segment>& segments, size_t offset, Bytes bytes) {
  size_t done = 0;
  for (const Segment& segment : segments) {
    if (offset >= segment.length) {
      offset -= segment.length;
      continue;
    }
    const size_t part = std::min(bytes.size() - done, static_cast<size_t>(segment.length) - offset);
    const auto from = bytes.begin() + static_cast<ptrdiff_t>(done);
    Bytes piece(from, from + static_cast<ptrdiff_t>(part));
    if (dead) co_return false;
    if (!co_await async_write(memory_, segment.address + offset, std::move(piece))) co_return false;
    done += part;
    offset = 0;
    if (done == bytes.size()) break;
  }
  co_return true;
}

}  // namespace bivisor
