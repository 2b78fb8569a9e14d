// Virtio console (virtio 1.2, 5.3): one port, bytes in and out.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "virtio_mmio.h"

namespace bivisor {

class VirtioConsole final : public VirtioDevice {
 public:
  using Output = std::function<void(const Bytes& bytes)>;

  static constexpr unsigned kReceive = 0;
  static constexpr unsigned kTransmit = 1;

  // `output` gets what the guest writes, a buffer at a time.
  explicit VirtioConsole(Output output) : output_(std::move(output)) {}

  // Bytes for the guest; kick queue `kReceive` afterwards. They wait while the guest has no buffers.
  void input(const Bytes& bytes) { waiting_.insert(waiting_.end(), bytes.begin(), bytes.end()); }

  uint32_t id() const override { return 3; }
  unsigned queues() const override { return 2; }
  uint64_t features() const override { return 0; }
  const Bytes& config() const override { return config_; }
  bool wants(unsigned index) const override { return index == kTransmit || !waiting_.empty(); }
  Task<std::optional<uint32_t>> handle(unsigned index, Virtqueue& queue, const Chain& chain) override;

 private:
  Output output_;
  std::deque<uint8_t> waiting_;
  Bytes config_ = Bytes(12);  // cols, rows, max_nr_ports, emerg_wr: none of them negotiated
};

}  // namespace bivisor
