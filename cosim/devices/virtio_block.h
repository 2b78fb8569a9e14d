// Virtio block device (virtio 1.2, 5.2) over a file of the host.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "virtio_mmio.h"

namespace bivisor {

// A disk image: a host file whose length is a whole number of 512-byte sectors.
class DiskImage {
 public:
  static constexpr uint64_t kSector = 512;

  // Null if it cannot be opened; `error` then says in one line why, and what to do.
  static std::unique_ptr<DiskImage> open(const std::string& path, bool read_only, std::string& error);
  ~DiskImage();
  DiskImage(const DiskImage&) = delete;
  DiskImage& operator=(const DiskImage&) = delete;

  uint64_t sectors() const { return sectors_; }
  bool read_only() const { return read_only_; }

  // All or nothing; false if the host refuses.
  bool read(uint64_t sector, Bytes& bytes) const;
  bool write(uint64_t sector, const uint8_t* bytes, size_t length);
  bool flush();

 private:
  DiskImage(int descriptor, uint64_t sectors, bool read_only)
      : descriptor_(descriptor), sectors_(sectors), read_only_(read_only) {}

  int descriptor_;
  uint64_t sectors_;
  bool read_only_;
};

class VirtioBlock final : public VirtioDevice {
 public:
  // `serial`: what GET_ID answers, cut to 20 bytes.
  VirtioBlock(std::unique_ptr<DiskImage> image, std::string serial);

  uint32_t id() const override { return 2; }
  unsigned queues() const override { return 1; }
  uint64_t features() const override;
  const Bytes& config() const override { return config_; }
  Task<std::optional<uint32_t>> handle(unsigned index, Virtqueue& queue, const Chain& chain) override;

 private:
  struct Answer {
    uint8_t status;
    Bytes data;
  };
  Answer execute(const Bytes& request, size_t room);
  Answer read_sectors(uint64_t sector, size_t length) const;
  Answer write_sectors(uint64_t sector, const uint8_t* data, size_t length);
  bool inside(uint64_t sector, size_t length) const;

  std::unique_ptr<DiskImage> image_;
  std::string serial_;
  Bytes config_;
};

}  // namespace bivisor
