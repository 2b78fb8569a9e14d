#include "machine.h"

#include <fstream>

#include "verilated.h"
#include "virtio_block.h"

namespace {
std::unique_ptr<Stress> make_stress(const Options& options, const Dram& dram) {
    if (options.stress.empty()) return nullptr;
    const auto& n = options.stress;
    const Stress::Places places{n[0], n[1], n[2], n[3], n[4]};
    for (const auto& [base, size] : {std::pair(n[1], n[2]), std::pair(n[3], n[4])})
        if (size && !dram.contains(base, size)) Options::fail("the memory for DMA is outside DRAM");
    return std::make_unique<Stress>(places, dram.base(), dram.size());
}
constexpr uint64_t kDramBase = 0x80000000;
constexpr uint32_t kPass = 0x5555, kFail = 0x3333, kReset = 0x7777;
}  // namespace

Machine::Machine(const Options& options)
    : top(""),
      console(options.until),
      htif(options.tohost, options.fromhost, dma),
      dram_(kDramBase, options.memory),
      stress_(make_stress(options, dram_)),
      memory_(top, dram_, options.latency, stress_.get()),
      virtio_(dma),
      wave_(top, options) {
    htif.on_exit = [this](uint32_t code) { end(Ending::kTohost, code); };
    htif.on_character = [this](uint8_t byte) { put(byte); };
#ifdef BV_OBSERVE
    dma.on_write = [this](uint64_t address, const uint8_t* bytes, size_t length) {
        recorder.write_begins(cycle_, address, bytes, length);
    };
    dma.on_written = [this] { recorder.write_ended(cycle_); };
#endif
    attach_devices(options);
    start_at(options.entry, options.dtb);
    if (options.image.empty()) return;
    std::ifstream image(options.image, std::ios::binary);
    if (!image) Options::fail(options.image + ": cannot be read");
    std::vector<char> bytes;
    for (const LoadSegment& segment : options.segments) {
        bytes.resize(segment.file_size);
        image.seekg(static_cast<std::streamoff>(segment.offset));
        if (!image.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
            Options::fail(options.image + ": shorter than its segments");
        load(segment.address, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    }
}

Machine::~Machine() {
    wave_.close();
    top.final();
}

void Machine::load(uint64_t address, const uint8_t* bytes, uint64_t length) {
    if (!length) return;
    if (!dram_.contains(address, length)) Options::fail("a segment is outside memory; give more with --mem");
    std::memcpy(dram_.at(address), bytes, length);
}

void Machine::start_at(uint64_t entry, uint64_t dtb) {
    top.boot_entry = entry;
    top.boot_dtb = dtb;
}

// The design starts in its reset state; one edge takes the pins over.
void Machine::reset() {
    top.clk = 0;
    top.host_wake = 0;
    top.uart_tx_ready = 1;
    top.uart_rx_valid = 0;
    top.dma_awsize = top.dma_arsize = bivisor::AxiManagerPins::Out::size;
    top.dma_awburst = top.dma_arburst = bivisor::AxiManagerPins::Out::burst;
    top.dma_awid = top.dma_arid = 0;
    drive_devices();
    memory_.reset();
    top.eval();
    top.clk = 1;
    top.eval();
    top.clk = 0;
    top.eval();
    was_reset_ = true;
}

uint32_t Machine::run(uint64_t cycles) {
    if (!was_reset_) reset();
    uint64_t stop = cycles > ~cycle_ ? ~0ull : cycle_ + cycles;
    while (cycle_ < stop && !due_) {
        alarm_ = std::min(console.flush_at(), htif.due());
        while (cycle_ < stop && cycle_ < alarm_ && !due_) step();
        if (cycle_ >= console.flush_at()) due_ |= kDueConsole;
        if (cycle_ >= htif.due()) htif.overdue();
    }
    uint32_t due = due_;
    due_ = 0;
    return due;
}

// One clock cycle. The design is settled: its outputs are this cycle's, and the pins hold the inputs that it sees
// this cycle. Everything is sampled first; then the pins get the next cycle's inputs, which the edge takes over.
inline void Machine::step() {
    wave_.sample(cycle_, time());
    if (stress_ && stress_->due(cycle_)) disturb();
    bool memory_works = top.mem_arvalid || top.mem_awvalid || top.mem_wvalid || !memory_.idle();
    bool devices_work = dma_driven_ || top.ext_valid || virtio_.busy();
    bool input_taken = top.uart_rx_valid && top.uart_rx_ready;
    if (memory_works) memory_.sample(cycle_);
    if (devices_work) sample_devices();
    if (uint64_t events = top.events) accounting_.take(events, cycle_);
    if (top.store && htif.watches(top.store_address)) {
        htif.store(top.store_address, top.store_data, top.store_size, cycle_);
        alarm_ = std::min(alarm_, htif.due());
    }
    if (top.uart_tx_valid && (!stress_ || top.uart_tx_ready)) put(top.uart_tx_payload);
    if (top.design_wake != design_wakes_) {
        design_wakes_ = top.design_wake;
        if (design_wakes_) due_ |= kDueDesign;
        if (top.finish_valid) finish(top.finish_code);
    }
#ifdef BV_OBSERVE
    recorder.sample(top, cycle_);
    if (recorder.full()) due_ |= kDueRecords;
#endif
    if (memory_works) memory_.drive(cycle_);
    if (devices_work || dma.busy()) drive_devices();
    if (input_taken || !console.input.empty()) drive_input(input_taken);
    top.clk = 1;
    top.eval();
    wave_.sample(cycle_, time() + kCycleTime / 2);
    top.clk = 0;
    top.eval();
    cycle_++;
}

// What the stress does now; its pins go to the design at the end of this cycle.
void Machine::disturb() {
    stress_->act(cycle_, dma);
    top.irq_ext = static_cast<uint8_t>(virtio_.irq() | stress_->lines());
    top.uart_tx_ready = stress_->transmitter_ready();
    if (uint8_t character; stress_->take_character(character)) console.input.push_back(character);
}

void Machine::drive_input(bool taken) {
    if (taken) {
        console.input.pop_front();
        top.uart_rx_valid = 0;
    }
    if (!console.input.empty() && !top.uart_rx_valid) {
        top.uart_rx_valid = 1;
        top.uart_rx_payload = console.input.front();
    }
}

void Machine::attach_devices(const Options& options) {
    unsigned slot = 0;
    for (const std::string& disk : options.disks) {
        std::string error;
        auto image = bivisor::DiskImage::open(disk, false, error);
        if (!image) Options::fail(error);
        std::string serial = "bivisor-disk" + std::to_string(slot);
        virtio_.attach(slot++, std::make_unique<bivisor::VirtioBlock>(std::move(image), serial));
    }
    virtio_input_ = virtio_.attach_console(bivisor::VirtioWindow::kSlots - 1, [this](const bivisor::Bytes& bytes) {
        for (uint8_t byte : bytes) put(byte);
    });
}

// What the SoC does this cycle on the two ports that C++ models answer.
void Machine::sample_devices() {
    if (dma_driven_) {
        auto& in = dma.pins.in;
        in.awready = top.dma_awready;
        in.wready = top.dma_wready;
        in.bvalid = top.dma_bvalid;
        in.bresp = top.dma_bresp;
        in.arready = top.dma_arready;
        in.rvalid = top.dma_rvalid;
        in.rlast = top.dma_rlast;
        in.rresp = top.dma_rresp;
        in.rdata = top.dma_rdata;
        dma.edge();
    }
    auto& in = virtio_.pins.in;
    in.valid = top.ext_valid;
    if (in.valid) {
        in.write = top.ext_write;
        in.addr = top.ext_addr;
        in.size = top.ext_size;
        in.wdata = top.ext_wdata;
    }
    if (in.valid || virtio_.busy()) virtio_.edge();
}

// The models' pins for the next cycle.
void Machine::drive_devices() {
    dma_driven_ = dma.busy();
    const auto& out = dma.pins.out;
    top.dma_awvalid = out.awvalid;
    top.dma_awaddr = out.awaddr;
    top.dma_awlen = out.awlen;
    top.dma_wvalid = out.wvalid;
    top.dma_wlast = out.wlast;
    top.dma_wdata = out.wdata;
    top.dma_wstrb = out.wstrb;
    top.dma_bready = out.bready;
    top.dma_arvalid = out.arvalid;
    top.dma_araddr = out.araddr;
    top.dma_arlen = out.arlen;
    top.dma_rready = out.rready;
    top.ext_ready = virtio_.pins.out.ready;
    top.ext_error = virtio_.pins.out.error;
    top.ext_rdata = virtio_.pins.out.rdata;
    top.irq_ext = stress_ ? static_cast<uint8_t>(virtio_.irq() | stress_->lines()) : virtio_.irq();
}

void Machine::put(uint8_t byte) {
    if (console.put(byte, cycle_)) due_ |= kDueUntil;
    if (console.flush_now()) due_ |= kDueConsole;
    alarm_ = std::min(alarm_, console.flush_at());
}

void Machine::finish(uint32_t code) {
    switch (code & 0xffff) {
        case kPass: return end(Ending::kFinisher, 0);
        case kFail: return end(Ending::kFinisher, code >> 16);
        case kReset: due_ |= kDueReset; return;
        default: return;
    }
}

void Machine::end(Ending ending, uint32_t code) {
    if (ending_ != Ending::kNone) return;
    ending_ = ending;
    exit_code_ = code;
    due_ |= kDueEnd;
}

void Machine::dump(const Dump& dump) {
    bool done = false;
    dma.read(dump.address, dump.length, [&](bivisor::Bytes bytes, bool ok) {
        if (!ok) Options::fail("the memory to save is outside DRAM");
        std::ofstream file(dump.path, std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        file.close();
        if (!file) Options::fail(dump.path + ": cannot be written; check folder and space");
        done = true;
    });
    for (uint64_t limit = cycle_ + 1'000'000 + 64 * dump.length; !done && cycle_ < limit;) run(1);
    if (!done) Options::fail("guest memory cannot be read: the bus does not answer");
}

std::string Machine::result_json() const {
    const char* ending = ending_ == Ending::kTohost ? "tohost" : ending_ == Ending::kFinisher ? "finisher" : "none";
    char head[256];
    std::snprintf(head, sizeof head,
                  "{\"ending\": \"%s\", \"code\": %u, \"cycles\": %llu, \"instructions\": %llu, \"pc\": %llu, ",
                  ending, exit_code_, static_cast<unsigned long long>(cycle_),
                  static_cast<unsigned long long>(instructions()), static_cast<unsigned long long>(top.pc));
    return head + accounting_.json(cycle_) + "}";
}
