// The command line of both simulators. The Python side writes it (cosim/job.py); people do not.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

struct LoadSegment {
    uint64_t address, offset, file_size, memory_size;
};

struct Dump {
    uint64_t address, length;
    std::string path;
};

struct Options {
    uint64_t memory = 32ull << 20;
    unsigned latency = 1;
    uint64_t entry = 0x80000000, dtb = 0;
    uint64_t tohost = 0, fromhost = 0;
    uint64_t max_cycles = ~0ull;
    std::string image, console, json, until, wave, records, coverage;
    uint64_t wave_from = 0, wave_to = ~0ull;
    std::vector<LoadSegment> segments;
    std::vector<Dump> dumps;
    std::vector<std::string> disks;
    std::vector<uint64_t> stress;  // the members of Stress::Places

    [[noreturn]] static void fail(const std::string& message) {
        std::fprintf(stderr, "%s\n", message.c_str());
        std::exit(2);
    }

    static std::vector<uint64_t> numbers(const char* text) {
        std::vector<uint64_t> result;
        for (char* end = nullptr; *text; text = *end ? end + 1 : end) {
            result.push_back(std::strtoull(text, &end, 0));
            if (end == text) fail(std::string("not a number: ") + text);
        }
        return result;
    }

    static Options parse(int argc, char** argv) {
        Options options;
        for (int n = 1; n < argc; n++) {
            std::string name = argv[n];
            if (name.rfind("--", 0) != 0) continue;  // a plusarg: cocotb's business
            if (n + 1 >= argc) fail(name + " needs a value");
            options.set(name.substr(2), argv[++n]);
        }
        return options;
    }

  private:
    void set(const std::string& name, const char* value) {
        auto number = [&] { return numbers(value).at(0); };
        if (name == "memory") memory = number();
        else if (name == "latency") latency = static_cast<unsigned>(number());
        else if (name == "entry") entry = number();
        else if (name == "dtb") dtb = number();
        else if (name == "tohost") tohost = number();
        else if (name == "fromhost") fromhost = number();
        else if (name == "max-cycles") max_cycles = number();
        else if (name == "image") image = value;
        else if (name == "console") console = value;
        else if (name == "json") json = value;
        else if (name == "until") until = value;
        else if (name == "wave") wave = value;
        else if (name == "records") records = value;
        else if (name == "coverage") coverage = value;
        else if (name == "wave-from") wave_from = number();
        else if (name == "wave-to") wave_to = number();
        else if (name == "disk") disks.push_back(value);
        else if (name == "stress") {
            stress = numbers(value);
            if (stress.size() != 5) fail("--stress wants seed,own address,own size,shared address,shared size");
        } else if (name == "segment") {
            auto n = numbers(value);
            if (n.size() != 4) fail("--segment wants address,offset,file size,memory size");
            segments.push_back({n[0], n[1], n[2], n[3]});
        } else if (name == "dump") {
            const char* path = std::strrchr(value, ',');
            if (!path) fail("--dump wants address,length,path");
            auto n = numbers(std::string(value, path).c_str());
            if (n.size() != 2) fail("--dump wants address,length,path");
            dumps.push_back({n[0], n[1], path + 1});
        } else fail("unknown option --" + name);
    }
};
