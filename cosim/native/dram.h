// Main memory: one anonymous mapping, so that pages cost nothing until they are touched.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

class Dram {
  public:
    Dram(uint64_t base, uint64_t size) : base_(base), size_(size) {
        void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            std::fprintf(stderr, "no room for %llu MiB of guest memory; give less with --mem\n",
                         static_cast<unsigned long long>(size >> 20));
            std::exit(2);
        }
        bytes_ = static_cast<uint8_t*>(memory);
    }
    Dram(const Dram&) = delete;
    ~Dram() { munmap(bytes_, size_); }

    bool contains(uint64_t address, uint64_t length) const {
        return address >= base_ && length <= size_ && address - base_ <= size_ - length;
    }
    uint8_t* at(uint64_t address) { return bytes_ + (address - base_); }

    // The aligned 64-bit word that holds `address`.
    uint64_t word(uint64_t address) {
        uint64_t value;
        std::memcpy(&value, at(address & ~7ull), 8);
        return value;
    }
    void write_word(uint64_t address, uint64_t value, uint8_t strobes) {
        uint8_t* to = at(address & ~7ull);
        if (strobes == 0xff) {
            std::memcpy(to, &value, 8);
            return;
        }
        for (int lane = 0; lane < 8; lane++)
            if (strobes >> lane & 1) to[lane] = static_cast<uint8_t>(value >> (8 * lane));
    }
    uint64_t base() const { return base_; }
    uint64_t size() const { return size_; }

  private:
    uint64_t base_, size_;
    uint8_t* bytes_;
};
