// The machine under cocotb: our clock, and Python only when it is due.
//
// Between Python's deadlines the machine runs as fast as in the plain simulator. When something is due the
// design's `wake` goes up for a moment, which is what Python awaits; Python then asks through capi.cpp.
#include <memory>

#include "capi.h"
#include "machine.h"
#include "verilated.h"
#include "verilated_vpi.h"

extern "C" void vlog_startup_routines_bootstrap(void);

static uint64_t now = 0;
uint64_t vl_time_stamp64() { return now; }

static void settle_callbacks() {
    while (VerilatedVpi::callValueCbs()) {
    }
}

// One time step as VPI knows it: values settle, then read-write and read-only callbacks.
static void time_step(Vtop& top) {
    do {
        do {
            top.eval();
            VerilatedVpi::clearEvalNeeded();
            VerilatedVpi::doInertialPuts();
            settle_callbacks();
        } while (VerilatedVpi::evalNeeded());
        VerilatedVpi::callCbs(cbReadWriteSynch);
        VerilatedVpi::doInertialPuts();
        settle_callbacks();
    } while (VerilatedVpi::evalNeeded());
    VerilatedVpi::callCbs(cbReadOnlySynch);
}

int main(int argc, char** argv) {
    Verilated::commandArgs(argc, argv);
    Options options = Options::parse(argc, argv);
    auto machine = std::make_unique<Machine>(options);
    capi_attach(machine.get());
    Verilated::fatalOnVpiError(false);
    vlog_startup_routines_bootstrap();
    Verilated::addExitCb([](void*) { VerilatedVpi::callCbs(cbEndOfSimulation); }, nullptr);
    VerilatedVpi::callCbs(cbStartOfSimulation);
    settle_callbacks();

    Vtop& top = machine->top;
    while (!Verilated::gotFinish()) {
        time_step(top);
        uint64_t deadline = VerilatedVpi::cbNextDeadline();
        if (deadline == ~0ull && !capi_running()) break;
        uint64_t cycles = deadline == ~0ull ? ~0ull
                          : deadline > machine->time() ? (deadline - machine->time()) / Machine::kCycleTime
                                                       : 0;
        uint32_t due = cycles && capi_running() ? machine->run(cycles) : 0;
        if (due) capi_due(due);
        now = due ? std::max(now, machine->time()) : deadline;
        VerilatedVpi::callCbs(cbNextSimTime);
        settle_callbacks();
        if (due) {
            top.host_wake = 1;
            time_step(top);
            top.host_wake = 0;
            top.eval();
            settle_callbacks();
        }
        VerilatedVpi::callTimedCbs();
        settle_callbacks();
    }
    capi_attach(nullptr);
    machine.reset();
    VerilatedVpi::callCbs(cbEndOfSimulation);
    return Verilated::threadContextp()->errorCount() > 0;
}
