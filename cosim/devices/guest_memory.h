// How device models reach guest memory: asynchronously, because every byte crosses the machine's bus and
// competes with the core for the data cache, as real DMA does.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace bivisor {

using Bytes = std::vector<uint8_t>;

class GuestMemory {
 public:
  // `bytes` holds what was asked for; `ok` is false after a bus error, and then the contents mean nothing.
  using ReadDone = std::function<void(Bytes bytes, bool ok)>;
  using WriteDone = std::function<void(bool ok)>;

  virtual ~GuestMemory() = default;

  // Operations take effect in the order of the calls. Any alignment and length; a length of 0 is done at
  // once. `done` may be called before the function returns.
  virtual void read(uint64_t address, size_t length, ReadDone done) = 0;
  virtual void write(uint64_t address, Bytes bytes, WriteDone done) = 0;
};

// Little-endian values in byte buffers (virtio 1.2, 1.4).
template <typename T>
T load_le(const uint8_t* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); i++) value |= static_cast<T>(static_cast<T>(bytes[i]) << (8 * i));
  return value;
}

template <typename T>
void append_le(Bytes& bytes, T value) {
  for (size_t i = 0; i < sizeof(T); i++) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

}  // namespace bivisor
