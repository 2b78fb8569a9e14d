#include "virtio_block.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bivisor {

namespace {

// Features (5.2.3).
constexpr uint64_t kSegMax = uint64_t{1} << 2;
constexpr uint64_t kReadOnly = uint64_t{1} << 5;
constexpr uint64_t kBlkSize = uint64_t{1} << 6;
constexpr uint64_t kFlush = uint64_t{1} << 9;

// Requests and their status (5.2.6).
enum Type : uint32_t { kIn = 0, kOut = 1, kFlushRequest = 4, kGetId = 8 };
enum Status : uint8_t { kOk = 0, kIoError = 1, kUnsupported = 2 };
constexpr size_t kHeaderBytes = 16;  // type 32, reserved 32, sector 64
constexpr size_t kIdBytes = 20;

}  // namespace

std::unique_ptr<DiskImage> DiskImage::open(const std::string& path, bool read_only, std::string& error) {
  const int descriptor = ::open(path.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  struct stat status {};
  if (descriptor < 0 || fstat(descriptor, &status) != 0) {
    error = path + ": cannot open the disk image: " + std::strerror(errno);
    if (errno == EACCES && !read_only) error += "; make it writable or ask for a read-only disk";
    if (descriptor >= 0) close(descriptor);
    return nullptr;
  }
  if (!S_ISREG(status.st_mode)) {
    error = path + ": not a regular file; a disk image must be one";
  } else if (status.st_size % static_cast<off_t>(kSector) != 0) {
    error = path + ": " + std::to_string(status.st_size) +
            " bytes are no whole number of 512-byte sectors; pad it with: truncate -s %512 " + path;
  } else {
    const uint64_t sectors = static_cast<uint64_t>(status.st_size) / kSector;
    return std::unique_ptr<DiskImage>(new DiskImage(descriptor, sectors, read_only));
  }
  close(descriptor);
  return nullptr;
}

DiskImage::~DiskImage() { close(descriptor_); }

bool DiskImage::read(uint64_t sector, Bytes& bytes) const {
  size_t done = 0;
  while (done < bytes.size()) {
    const auto at = static_cast<off_t>(sector * kSector + done);
    const ssize_t count = pread(descriptor_, bytes.data() + done, bytes.size() - done, at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

bool DiskImage::write(uint64_t sector, const uint8_t* bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    const auto at = static_cast<off_t>(sector * kSector + done);
    const ssize_t count = pwrite(descriptor_, bytes + done, length - done, at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<size_t>(count);
  }
  return true;
}

bool DiskImage::flush() { return read_only_ || fdatasync(descriptor_) == 0; }

VirtioBlock::VirtioBlock(std::unique_ptr<DiskImage> image, std::string serial)
    : image_(std::move(image)), serial_(std::move(serial)) {
  serial_.resize(kIdBytes);
  append_le<uint64_t>(config_, image_->sectors());             // capacity
  append_le<uint32_t>(config_, 0);                             // size_max, not negotiated
  append_le<uint32_t>(config_, Virtqueue::kSizeMax - 2);       // seg_max: all but header and status
  append_le<uint32_t>(config_, 0);                             // geometry, not negotiated
  append_le<uint32_t>(config_, DiskImage::kSector);            // blk_size
}

uint64_t VirtioBlock::features() const {
  return kSegMax | kBlkSize | kFlush | (image_->read_only() ? kReadOnly : 0);
}

// The framing is the driver's choice (2.7.4): the request is what is readable, and the last writable byte is
// the status, wherever the buffers' borders are.
Task<std::optional<uint32_t>> VirtioBlock::handle(unsigned, Virtqueue& queue, const Chain& chain) {
  const auto request = co_await queue.gather(chain.readable);
  const size_t writable = chain.writable_bytes();
  if (!request || request->size() < kHeaderBytes || writable == 0) co_return std::nullopt;
  if (queue.dead) co_return std::nullopt;
  Answer answer = execute(*request, writable - 1);
  const uint32_t written = static_cast<uint32_t>(answer.data.size()) + 1;
  if (!co_await queue.scatter(chain.writable, 0, std::move(answer.data))) co_return std::nullopt;
  Bytes status(1, answer.status);
  if (!co_await queue.scatter(chain.writable, writable - 1, std::move(status))) co_return std::nullopt;
  co_return written;
}

VirtioBlock::Answer VirtioBlock::execute(const Bytes& request, size_t room) {
  const uint64_t sector = load_le<uint64_t>(&request[8]);
  switch (load_le<uint32_t>(&request[0])) {
    case kIn: return read_sectors(sector, room);
    case kOut: return write_sectors(sector, request.data() + kHeaderBytes, request.size() - kHeaderBytes);
    case kFlushRequest: return {image_->flush() ? kOk : kIoError, {}};
    case kGetId: {
      const size_t length = std::min(room, kIdBytes);
      return {kOk, Bytes(serial_.begin(), serial_.begin() + static_cast<ptrdiff_t>(length))};
    }
    default: return {kUnsupported, {}};
  }
}

VirtioBlock::Answer VirtioBlock::read_sectors(uint64_t sector, size_t length) const {
  if (!inside(sector, length)) return {kIoError, {}};
  Bytes data(length);
  if (!image_->read(sector, data)) return {kIoError, {}};
  return {kOk, std::move(data)};
}

VirtioBlock::Answer VirtioBlock::write_sectors(uint64_t sector, const uint8_t* data, size_t length) {
  const bool done = !image_->read_only() && inside(sector, length) && image_->write(sector, data, length);
  return {done ? kOk : kIoError, {}};
}

bool VirtioBlock::inside(uint64_t sector, size_t length) const {
  const uint64_t count = length / DiskImage::kSector;
  return length % DiskImage::kSector == 0 && sector <= image_->sectors() && count <= image_->sectors() - sector;
}

}  // namespace bivisor
