// The simulated machine: the Verilated SoC, its memory, its console, and what is counted about it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "accounting.h"
#include "axi_memory.h"
#include "console.h"
#include "dma_master.h"
#include "dram.h"
#include "htif.h"
#include "options.h"
#ifdef BV_OBSERVE
#include "recorder.h"
#endif
#include "stress.h"
#include "virtio_window.h"
#include "wave.h"

// Why run() came back, as bits.
enum Due : uint32_t {
    kDueConsole = 1,    // console output to hand on
    kDueUntil = 2,      // the text that the run waits for has been printed
    kDueEnd = 4,        // the program ended: exit_code() is valid
    kDueTransfer = 8,   // a transfer to or from guest memory that Python asked for is complete
    kDueDesign = 16,    // the design raised its wake line
    kDueRecords = 32,   // the recorder is full
    kDueReset = 64,     // the program asked for a reset
};

enum class Ending { kNone, kTohost, kFinisher };

class Machine final {
  public:
    static constexpr uint64_t kCycleTime = 10;  // simulation time units (ns) per clock cycle

    explicit Machine(const Options& options);
    ~Machine();

    // Run up to `cycles` cycles or until something is due; returns Due bits.
    uint32_t run(uint64_t cycles);

    void load(uint64_t address, const uint8_t* bytes, uint64_t length);
    void start_at(uint64_t entry, uint64_t dtb);
    void notify(uint32_t due) { due_ |= due; }
    void dump(const Dump& dump);

    std::string result_json() const;

    uint64_t cycle() const { return cycle_; }
    uint64_t time() const { return (cycle_ + kResetCycles) * kCycleTime; }
    uint64_t instructions() const { return accounting_.count(kEvent_retire) + accounting_.count(kEvent_retire_second); }
    Ending ending() const { return ending_; }
    uint32_t exit_code() const { return exit_code_; }

    Vtop top;
    Console console;
    bivisor::DmaMaster dma;  // guest memory as the hart sees it; answers come some cycles later
    Htif htif;
#ifdef BV_OBSERVE
    Recorder recorder;
#endif

  private:
    static constexpr uint64_t kResetCycles = 1;

    void reset();
    void step();
    void put(uint8_t byte);
    void attach_devices(const Options& options);
    void sample_devices();
    void drive_devices();
    void drive_input(bool taken);
    void disturb();
    void finish(uint32_t code);
    void end(Ending ending, uint32_t code);

    Dram dram_;
    std::unique_ptr<Stress> stress_;
    AxiMemory memory_;
    bivisor::VirtioWindow virtio_;
    std::function<void(const bivisor::Bytes&)> virtio_input_;
    Accounting accounting_;
    Wave wave_;
    uint64_t cycle_ = 0;
    uint64_t alarm_ = ~0ull;  // when run() has to look at the console and HTIF again
    uint32_t due_ = 0;
    bool was_reset_ = false, design_wakes_ = false;
    bool dma_driven_ = false;  // the DMA master's pins are with the design
    Ending ending_ = Ending::kNone;
    uint32_t exit_code_ = 0;
};
