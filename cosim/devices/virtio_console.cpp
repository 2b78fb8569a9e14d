#include "virtio_console.h"

#include <algorithm>
#include <utility>

namespace bivisor {

Task<std::optional<uint32_t>> VirtioConsole::handle(unsigned index, Virtqueue& queue, const Chain& chain) {
  if (index == kTransmit) {
    const auto bytes = co_await queue.gather(chain.readable);
    if (!bytes) co_return std::nullopt;
    if (!bytes->empty()) output_(*bytes);
    co_return 0u;
  }
  const size_t length = std::min(chain.writable_bytes(), waiting_.size());
  const auto end = waiting_.begin() + static_cast<ptrdiff_t>(length);
  Bytes bytes(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  if (!co_await queue.scatter(chain.writable, 0, std::move(bytes))) co_return std::nullopt;
  co_return static_cast<uint32_t>(length);
}

}  // namespace bivisor
