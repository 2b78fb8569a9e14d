// Bytes from the UART to the host and back, and the text that a run waits for.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

class Console {
  public:
    explicit Console(std::string until) : until_(std::move(until)) {}

    // Returns true when the text that the run waits for is complete.
    bool put(uint8_t byte, uint64_t cycle) {
        output_.push_back(static_cast<char>(byte));
        last_ = cycle;
        if (until_.empty()) return false;
        tail_.push_back(static_cast<char>(byte));
        if (tail_.size() > until_.size()) tail_.erase(0, 1);
        return tail_ == until_;
    }
    void wait_for(std::string text) {
        until_ = std::move(text);
        tail_.clear();
    }
    bool flush_now() const { return output_.size() >= 4096 || (!output_.empty() && output_.back() == '\n'); }
    // When output that ends without a newline is handed on all the same.
    uint64_t flush_at() const { return output_.empty() ? ~0ull : last_ + 20000; }
    std::string take() {
        std::string text;
        text.swap(output_);
        return text;
    }

    std::deque<uint8_t> input;

  private:
    std::string until_, tail_, output_;
    uint64_t last_ = 0;
};
