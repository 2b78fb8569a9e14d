// The FST trace of a build that has one; nothing in the others.
#pragma once

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "options.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

class Wave {
  public:
    Wave(Vtop& top, const Options& options) : from_(options.wave_from), to_(options.wave_to) {
#if VM_TRACE_FST
        if (options.wave.empty()) return;
        Verilated::traceEverOn(true);
        file_ = std::make_unique<VerilatedFstC>();
        top.trace(file_.get(), 99);
        file_->open(options.wave.c_str());
        if (!file_->isOpen()) Options::fail(options.wave + ": the wave cannot be written; check folder and space");
#else
        (void)top;
        if (!options.wave.empty()) Options::fail("this build of the simulator has no waves");
#endif
    }
    void sample(uint64_t cycle, uint64_t time) {
#if VM_TRACE_FST
        if (file_ && cycle >= from_ && cycle <= to_) file_->dump(time);
#else
        (void)cycle, (void)time;
#endif
    }
    void close() {
#if VM_TRACE_FST
        if (file_) file_->close();
        file_.reset();
#endif
    }

  private:
    uint64_t from_, to_;
#if VM_TRACE_FST
    std::unique_ptr<VerilatedFstC> file_;
#endif
};
