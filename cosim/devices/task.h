// Coroutines for device models: a device's work reads top to bottom and sleeps at each memory access.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "guest_memory.h"

namespace bivisor {

// A coroutine that another one awaits; it starts when awaited and its frame lives as long as the Task.
template <typename T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::optional<T> value;
    std::coroutine_handle<> awaiter;

    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        return self.promise().awaiter;
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_value(T result) { value = std::move(result); }
    void unhandled_exception() { std::terminate(); }
  };

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) {
    handle_.promise().awaiter = awaiter;
    return handle_;
  }
  T await_resume() { return std::move(*handle_.promise().value); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

// A coroutine nobody awaits: it runs at once up to its first sleep and frees itself at its end.
struct Process {
  struct promise_type {
    Process get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// co_await async_read(memory, address, length): the bytes, or nothing after a bus error.
inline auto async_read(GuestMemory& memory, uint64_t address, size_t length) {
  struct Awaiter {
    GuestMemory& memory;
    uint64_t address;
    size_t length;
    std::optional<Bytes> result;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> sleeper) {
      memory.read(address, length, [this, sleeper](Bytes bytes, bool ok) {
        if (ok) result = std::move(bytes);
        sleeper.resume();
      });
    }
    std::optional<Bytes> await_resume() { return std::move(result); }
  };
  return Awaiter{memory, address, length, std::nullopt};
}

// co_await async_write(memory, address, bytes): whether the bus took them.
inline auto async_write(GuestMemory& memory, uint64_t address, Bytes bytes) {
  struct Awaiter {
    GuestMemory& memory;
    uint64_t address;
    Bytes bytes;
    bool result = false;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> sleeper) {
      memory.write(address, std::move(bytes), [this, sleeper](bool ok) {
        result = ok;
        sleeper.resume();
      });
    }
    bool await_resume() const noexcept { return result; }
  };
  return Awaiter{memory, address, std::move(bytes)};
}

}  // namespace bivisor
