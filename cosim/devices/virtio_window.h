// All virtio-mmio slots behind the machine's `ext` port, and their interrupt lines.
//
// Plain pin values, as with DmaMaster. Per clock cycle in which `pins.in.valid` or `busy()`:
//   1. before the rising edge, with the design settled, copy the design's `ext` outputs into `pins.in`;
//   2. call `edge()`;
//   3. after the rising edge, copy `pins.out` to the design's `ext` inputs.
// `irq()` may change in an edge() of this window or of the DmaMaster, and in console input; bit n is slot n.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "virtio_console.h"
#include "virtio_mmio.h"

namespace bivisor {

// The members of PeripheralSignature by their names, seen from the device; `addr` is the offset in the window.
struct PeripheralPins {
  struct In {
    bool valid = false, write = false;
    uint32_t addr = 0;
    uint8_t size = 0;
    uint64_t wdata = 0;
  } in;
  struct Out {
    bool ready = false, error = false;
    uint64_t rdata = 0;
  } out;
};

class VirtioWindow {
 public:
  static constexpr unsigned kSlots = 8;         // VIRTIO_SLOTS of rtl.isa.memory_map
  static constexpr uint32_t kStride = 0x1000;  // VIRTIO_STRIDE

  PeripheralPins pins;

  explicit VirtioWindow(GuestMemory& memory) : memory_(memory) {
    for (auto& slot : slots_) slot = std::make_unique<VirtioMmio>(memory_, nullptr);
  }

  // Before the machine runs.
  void attach(unsigned slot, std::unique_ptr<VirtioDevice> device) {
    slots_[slot] = std::make_unique<VirtioMmio>(memory_, std::move(device));
  }

  // A console, and how to type on it.
  std::function<void(const Bytes&)> attach_console(unsigned slot, VirtioConsole::Output output) {
    auto console = std::make_unique<VirtioConsole>(std::move(output));
    VirtioConsole* const device = console.get();
    attach(slot, std::move(console));
    VirtioMmio* const transport = slots_[slot].get();
    return [device, transport](const Bytes& bytes) {
      device->input(bytes);
      transport->kick(VirtioConsole::kReceive);
    };
  }

  bool busy() const { return pins.out.ready; }

  uint8_t irq() const {
    uint8_t lines = 0;
    for (unsigned n = 0; n < kSlots; n++) lines |= static_cast<uint8_t>(slots_[n]->interrupt() << n);
    return lines;
  }

  void edge() {
    if (pins.out.ready) {  // the answer was taken at this edge
      pins.out = {};
      return;
    }
    if (!pins.in.valid) return;
    VirtioMmio& slot = *slots_[pins.in.addr / kStride % kSlots];
    const uint32_t offset = pins.in.addr % kStride;
    const unsigned lane = 8 * (pins.in.addr & 7);
    pins.out.ready = true;
    if (pins.in.write) {
      pins.out.error = !slot.write(offset, pins.in.size, pins.in.wdata >> lane);
    } else {
      const auto value = slot.read(offset, pins.in.size);
      pins.out.error = !value;
      pins.out.rdata = value.value_or(0) << lane;
    }
  }

 private:
  GuestMemory& memory_;
  std::array<std::unique_ptr<VirtioMmio>, kSlots> slots_;
};

}  // namespace bivisor
