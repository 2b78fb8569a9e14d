#include "virtio_mmio.h"

#include <algorithm>
#include <utility>

namespace bivisor {

namespace {

// Registers (virtio 1.2, 4.2.2).
enum Register : uint32_t {
  kMagicValue = 0x000,
  kVersion = 0x004,
  kDeviceId = 0x008,
  kVendorId = 0x00c,
  kDeviceFeatures = 0x010,
  kDeviceFeaturesSelect = 0x014,
  kDriverFeatures = 0x020,
  kDriverFeaturesSelect = 0x024,
  kQueueSelect = 0x030,
  kQueueSizeMax = 0x034,
  kQueueSize = 0x038,
  kQueueReady = 0x044,
  kQueueNotify = 0x050,
  kInterruptStatus = 0x060,
  kInterruptAck = 0x064,
  kStatus = 0x070,
  kQueueDescriptorsLow = 0x080,
  kQueueDescriptorsHigh = 0x084,
  kQueueDriverLow = 0x090,
  kQueueDriverHigh = 0x094,
  kQueueDeviceLow = 0x0a0,
  kQueueDeviceHigh = 0x0a4,
  kSharedMemoryLengthLow = 0x0b0,
  kSharedMemoryLengthHigh = 0x0b4,
  kSharedMemoryBaseLow = 0x0b8,
  kSharedMemoryBaseHigh = 0x0bc,
  kConfigGeneration = 0x0fc,
  kConfig = 0x100,
};

constexpr uint32_t kMagic = 0x74726976;  // "virt"
constexpr uint32_t kVendor = 0x76697642;  // "Bviv"
constexpr unsigned kWord = 2;             // log2 of a control register's bytes

// Device status (2.1).
constexpr uint32_t kFeaturesOk = 8;
constexpr uint32_t kDriverOk = 4;
constexpr uint32_t kNeedsReset = 64;

// Interrupt status (4.2.2).
constexpr uint32_t kUsedBuffer = 1;
constexpr uint32_t kConfigChange = 2;

constexpr uint64_t kFeatureVersion1 = uint64_t{1} << 32;

void set_half(uint64_t& address, bool high, uint32_t value) {
  const unsigned shift = high ? 32 : 0;
  address = (address & ~(uint64_t{0xffffffff} << shift)) | uint64_t{value} << shift;
}

bool is_power_of_two(uint32_t value) { return value != 0 && (value & (value - 1)) == 0; }

}  // namespace

VirtioMmio::VirtioMmio(GuestMemory& memory, std::unique_ptr<VirtioDevice> device)
    : memory_(memory), device_(std::move(device)), slots_(device_ ? device_->queues() : 0) {
  for (Slot& slot : slots_) renew(slot);
}

std::optional<uint64_t> VirtioMmio::read(uint32_t offset, unsigned size) {
  if (offset < kConfig) {
    if (size != kWord) return std::nullopt;
    return read_register(offset);
  }
  uint64_t value = 0;
  if (device_) {
    const Bytes& config = device_->config();
    for (uint32_t i = 0; i < 1u << size; i++) {
      const uint32_t at = offset - kConfig + i;
      if (at < config.size()) value |= uint64_t{config[at]} << (8 * i);
    }
  }
  return value;
}

bool VirtioMmio::write(uint32_t offset, unsigned size, uint64_t value) {
  if (offset >= kConfig) return true;  // no device here has a writable field
  if (size != kWord) return false;
  if (device_) write_register(offset, static_cast<uint32_t>(value));
  return true;
}

uint32_t VirtioMmio::read_register(uint32_t offset) const {
  switch (offset) {
    case kMagicValue: return kMagic;
    case kVersion: return 2;
    case kDeviceId: return device_ ? device_->id() : 0;
    case kVendorId: return kVendor;
    default: break;
  }
  if (!device_) return 0;
  switch (offset) {
    case kDeviceFeatures:
      return device_features_select_ < 2 ? static_cast<uint32_t>(offered() >> (32 * device_features_select_)) : 0;
    case kQueueSizeMax: return selected() ? Virtqueue::kSizeMax : 0;
    case kQueueReady: return selected() && selected()->queue->ready;
    case kInterruptStatus: return interrupt_status_;
    case kStatus: return status_;
    case kSharedMemoryLengthLow:  // no shared memory regions: all ones
    case kSharedMemoryLengthHigh:
    case kSharedMemoryBaseLow:
    case kSharedMemoryBaseHigh: return 0xffffffff;
    default: return 0;  // write-only, or nothing there; the configuration never changes (kConfigGeneration)
  }
}

void VirtioMmio::write_register(uint32_t offset, uint32_t value) {
  Slot* const slot = selected();
  Virtqueue* const settable = slot && !slot->queue->ready ? slot->queue.get() : nullptr;
  switch (offset) {
    case kDeviceFeaturesSelect: device_features_select_ = value; return;
    case kDriverFeaturesSelect: driver_features_select_ = value; return;
    case kDriverFeatures:
      if (driver_features_select_ < 2 && !(status_ & kFeaturesOk)) {
        set_half(driver_features_, driver_features_select_ == 1, value);
      }
      return;
    case kQueueSelect: queue_select_ = value; return;
    case kQueueSize:
      if (settable && value <= Virtqueue::kSizeMax && is_power_of_two(value)) {
        settable->size = static_cast<uint16_t>(value);
      }
      return;
    case kQueueReady:
      if (slot) write_queue_ready(*slot, value & 1);
      return;
    case kQueueNotify: kick(value); return;
    case kInterruptAck: interrupt_status_ &= ~value; return;
    case kStatus: write_status(value); return;
    default: break;
  }
  if (!settable) return;
  const bool high = offset & 4;
  switch (offset & ~4u) {
    case kQueueDescriptorsLow: set_half(settable->descriptors, high, value); return;
    case kQueueDriverLow: set_half(settable->driver_area, high, value); return;
    case kQueueDeviceLow: set_half(settable->device_area, high, value); return;
    default: return;
  }
}

void VirtioMmio::write_status(uint32_t value) {
  if (value == 0) return reset();
  const bool was_live = live();
  // FEATURES_OK stays clear if the driver took what is not offered, or not VERSION_1 (2.2.2, 6.2).
  const bool acceptable = (driver_features_ & ~offered()) == 0 && (driver_features_ & kFeatureVersion1) != 0;
  if (!(status_ & kFeaturesOk) && !acceptable) value &= ~kFeaturesOk;
  status_ |= value & ~kNeedsReset;  // bits are cleared by a reset only (2.1.1)
  for (Slot& slot : slots_) slot.queue->indirect = driver_features_ & Virtqueue::kFeatureIndirect;
  if (live() && !was_live) {
    for (unsigned index = 0; index < slots_.size(); index++) kick(index);
  }
}

void VirtioMmio::write_queue_ready(Slot& slot, bool ready) {
  if (ready) {
    slot.queue->ready = true;
    slot.queue->indirect = driver_features_ & Virtqueue::kFeatureIndirect;
  } else if (slot.queue->ready) {
    renew(slot);
  }
}

// A fresh queue; whoever still works on the old one keeps it until it notices.
void VirtioMmio::renew(Slot& slot) {
  if (slot.queue) slot.queue->dead = true;
  slot = Slot{std::make_shared<Virtqueue>(memory_), false, false};
}

void VirtioMmio::reset() {
  for (Slot& slot : slots_) renew(slot);
  device_features_select_ = driver_features_select_ = queue_select_ = 0;
  driver_features_ = 0;
  interrupt_status_ = status_ = 0;
}

// The device cannot go on (2.1.2).
void VirtioMmio::fail() {
  status_ |= kNeedsReset;
  interrupt_status_ |= kConfigChange;
}

bool VirtioMmio::live() const { return (status_ & kDriverOk) != 0 && (status_ & kNeedsReset) == 0; }

uint64_t VirtioMmio::offered() const {
  return device_->features() | kFeatureVersion1 | Virtqueue::kFeatureIndirect;
}

VirtioMmio::Slot* VirtioMmio::selected() {
  return queue_select_ < slots_.size() ? &slots_[queue_select_] : nullptr;
}

const VirtioMmio::Slot* VirtioMmio::selected() const { return const_cast<VirtioMmio*>(this)->selected(); }

void VirtioMmio::kick(unsigned index) {
  if (index >= slots_.size() || !live()) return;
  Slot& slot = slots_[index];
  if (!slot.queue->ready) return;
  if (slot.running) {
    slot.again = true;
    return;
  }
  slot.running = true;
  work(index, slot.queue);
}

// Serves queue `index` until it is empty, or not ours any more.
Process VirtioMmio::work(unsigned index, std::shared_ptr<Virtqueue> queue) {
  bool broken = false;
  while (device_->wants(index)) {
    const auto popped = co_await queue->pop();
    if (queue->dead) co_return;
    if (popped.what == Virtqueue::Pop::kEmpty) {
      if (!std::exchange(slots_[index].again, false)) break;
      continue;
    }
    broken = popped.what == Virtqueue::Pop::kBroken;
    if (broken) break;
    const auto written = co_await device_->handle(index, *queue, popped.chain);
    if (queue->dead) co_return;
    broken = !written;
    if (broken) break;
    const auto pushed = co_await queue->push(popped.chain.head, *written);
    if (queue->dead) co_return;
    broken = pushed == Virtqueue::Push::kBroken;
    if (broken) break;
    if (pushed == Virtqueue::Push::kInterrupt) interrupt_status_ |= kUsedBuffer;
  }
  slots_[index].running = slots_[index].again = false;
  if (broken) fail();
}

}  // namespace bivisor
