// The virtio-mmio transport, version 2 (virtio 1.2, 4.2), and what a device behind it has to provide.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "guest_memory.h"
#include "task.h"
#include "virtqueue.h"

namespace bivisor {

// A kind of device. It knows its requests; the transport knows registers, negotiation, rings and interrupts.
class VirtioDevice {
 public:
  virtual ~VirtioDevice() = default;

  virtual uint32_t id() const = 0;
  virtual unsigned queues() const = 0;
  virtual uint64_t features() const = 0;
  // The device-specific configuration space; reads beyond its end give 0.
  virtual const Bytes& config() const = 0;

  // Whether queue `index` has work when the driver has buffers (a console without input has none).
  virtual bool wants(unsigned index) const {
    (void)index;
    return true;
  }
  // Do one request; the number of bytes written to the chain, nothing if guest memory failed.
  virtual Task<std::optional<uint32_t>> handle(unsigned index, Virtqueue& queue, const Chain& chain) = 0;
};

class VirtioMmio {
 public:
  // `device` may be null: an empty slot, which answers with device ID 0.
  VirtioMmio(GuestMemory& memory, std::unique_ptr<VirtioDevice> device);

  // One access at `offset` of the slot with 1 << `size` bytes, right-aligned; nothing if it is refused: control
  // registers take 32-bit accesses only (4.2.2.2).
  std::optional<uint64_t> read(uint32_t offset, unsigned size);
  bool write(uint32_t offset, unsigned size, uint64_t value);

  // Work came from outside for queue `index` (console input).
  void kick(unsigned index);

  // The interrupt line's level.
  bool interrupt() const { return interrupt_status_ != 0; }

 private:
  struct Slot {
    std::shared_ptr<Virtqueue> queue;
    bool running = false;  // a Process works on `queue`
    bool again = false;    // it was kicked meanwhile
  };

  uint32_t read_register(uint32_t offset) const;
  void write_register(uint32_t offset, uint32_t value);
  void write_status(uint32_t value);
  void write_queue_ready(Slot& slot, bool ready);
  void renew(Slot& slot);
  void reset();
  void fail();
  bool live() const;
  uint64_t offered() const;
  Slot* selected();
  const Slot* selected() const;
  Process work(unsigned index, std::shared_ptr<Virtqueue> queue);

  GuestMemory& memory_;
  std::unique_ptr<VirtioDevice> device_;
  std::vector<Slot> slots_;
  uint32_t device_features_select_ = 0;
  uint32_t driver_features_select_ = 0;
  uint64_t driver_features_ = 0;
  uint32_t queue_select_ = 0;
  uint32_t interrupt_status_ = 0;
  uint32_t status_ = 0;
};

}  // namespace bivisor
