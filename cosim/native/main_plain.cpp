// The machine without Python: for suites of small programs, benchmarks, and as the yardstick of speed.
#include <sys/resource.h>

#include <fstream>
#include <iostream>

#include "machine.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

static Machine* machine = nullptr;
uint64_t vl_time_stamp64() { return machine ? machine->time() : 0; }

static double cpu_seconds() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char** argv) {
    Options options = Options::parse(argc, argv);
    machine = new Machine(options);
    std::ofstream console_file;
    if (!options.console.empty()) console_file.open(options.console, std::ios::binary);
    std::ostream& console = options.console.empty() ? std::cout : console_file;

#ifdef BV_OBSERVE
    std::ofstream records;
    if (!options.records.empty()) {
        records.open(options.records, std::ios::binary);
        machine->recorder.start();
    }
    auto write_records = [&] {
        std::vector<uint64_t>& words = machine->recorder.words;
        records.write(reinterpret_cast<const char*>(words.data()), static_cast<std::streamsize>(8 * words.size()));
        words.clear();
    };
#else
    if (!options.records.empty()) Options::fail("--records needs an observing build");
#endif

    double before = cpu_seconds();
    uint32_t due = 0;
    while (!(due & (kDueEnd | kDueUntil | kDueReset)) && machine->cycle() < options.max_cycles) {
        due = machine->run(options.max_cycles - machine->cycle());
#ifdef BV_OBSERVE
        if (due & kDueRecords) write_records();
#endif
        if (due & kDueConsole) console << machine->console.take() << std::flush;
    }
    double seconds = cpu_seconds() - before;
#ifdef BV_OBSERVE
    if (machine->recorder.on()) {
        write_records();
        records.close();
    }
#endif
    console << machine->console.take() << std::flush;
    std::string result = machine->result_json();
    result.pop_back();
    result += ", \"due\": " + std::to_string(due) + ", \"cpu_seconds\": " + std::to_string(seconds) + "}";
    for (const Dump& dump : options.dumps) machine->dump(dump);
#if VM_COVERAGE
    if (!options.coverage.empty()) Verilated::threadContextp()->coveragep()->write(options.coverage.c_str());
#else
    if (!options.coverage.empty()) Options::fail("--coverage needs a build that counts it");
#endif
    delete machine;
    if (!options.json.empty()) {
        std::ofstream file(options.json);
        file << result << std::endl;
        if (!file) Options::fail(options.json + ": cannot be written; check folder and space");
    }
    if (!console) Options::fail("the console file cannot be written; check folder and space");
    return 0;
}
