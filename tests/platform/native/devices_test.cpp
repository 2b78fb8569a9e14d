// Tests of the device models: `devices_test NAME [SCRATCH_FILE]` runs one, without arguments lists them.
#include <fstream>
#include <functional>

#include "machine.h"

namespace bivisor::test {
namespace {

std::string scratch;

Bytes text(const std::string& s) { return Bytes(s.begin(), s.end()); }

Bytes pattern(size_t length, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(length);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// --- DMA master ---

void dma_random() {
  Machine m;
  std::mt19937 random(2);
  m.memory.bytes = pattern(1 << 16, 3);
  Bytes shadow = m.memory.bytes;
  unsigned pending = 0;
  for (unsigned i = 0; i < 1500; i++) {
    m.memory.stall_percent = i % 3 * 40;
    const size_t limit = random() % 4 ? 24 : 9000;
    const size_t length = random() % limit;
    const size_t at = random() % (shadow.size() - length);
    pending++;
    if (random() % 2) {
      const Bytes expected(shadow.begin() + static_cast<ptrdiff_t>(at),
                           shadow.begin() + static_cast<ptrdiff_t>(at + length));
      m.dma.read(kBase + at, length, [&, expected](Bytes bytes, bool ok) {
        CHECK(ok && bytes == expected);
        pending--;
      });
    } else {
      const Bytes bytes = pattern(length, i);
      std::copy(bytes.begin(), bytes.end(), shadow.begin() + static_cast<ptrdiff_t>(at));
      m.dma.write(kBase + at, bytes, [&](bool ok) {
        CHECK(ok);
        pending--;
      });
    }
    if (random() % 3 == 0) m.settle();
  }
  m.settle();
  CHECK(pending == 0 && m.memory.bytes == shadow);
}

void dma_error() {
  Machine m;
  std::vector<int> answers;
  m.dma.read(0x1000, 100, [&](Bytes, bool ok) { answers.push_back(ok); });
  m.dma.write(kBase + m.memory.bytes.size() - 4, Bytes(100), [&](bool ok) { answers.push_back(ok); });
  m.dma.read(kBase, 8, [&](Bytes, bool ok) { answers.push_back(ok); });
  m.dma.write(kBase, Bytes(8), [&](bool ok) { answers.push_back(ok); });
  m.settle();
  CHECK((answers == std::vector<int>{0, 0, 1, 1}));
}

void dma_idle() {
  Machine m;
  bool done = false;
  CHECK(!m.dma.busy());
  m.dma.read(kBase, 0, [&](Bytes bytes, bool ok) { done = ok && bytes.empty(); });
  CHECK(done && !m.dma.busy());
  m.dma.read(kBase, 1, [&](Bytes, bool) { m.dma.write(kBase, Bytes(1), [](bool) {}); });
  CHECK(m.dma.busy() && !m.dma.pins.out.arvalid);  // pins change at edges only
  m.cycle();
  CHECK(m.dma.pins.out.arvalid);
  m.settle();
  const auto& out = m.dma.pins.out;
  CHECK(!out.arvalid && !out.awvalid && !out.wvalid && !out.rready && !out.bready);
}

void dma_speed() {  // a burst moves a word per cycle
  Machine m;
  m.memory.stall_percent = 0;
  m.dma.read(kBase, 512, [](Bytes, bool) {});
  unsigned cycles = 0;
  for (; m.dma.busy(); cycles++) m.cycle();
  CHECK(cycles <= 64 + 3);
}

// --- Transport ---

void registers() {
  Machine m;
  m.window.attach_console(2, [](const Bytes&) {});
  Driver console(m, 2), empty(m, 5);
  CHECK(console.get(kMagicValue) == 0x74726976 && console.get(kVersion) == 2 && console.get(kDeviceId) == 3);
  CHECK(empty.get(kMagicValue) == 0x74726976 && empty.get(kVersion) == 2 && empty.get(kDeviceId) == 0);
  CHECK(empty.get(kStatus) == 0);
  empty.set(kStatus, 1);
  CHECK(empty.get(kStatus) == 0);
  for (unsigned size : {0u, 1u, 3u}) {
    CHECK(!m.access(0x2000 + kStatus, size, false));
    CHECK(!m.access(0x2000 + kStatus, size, true, 1));
  }
  CHECK(console.get(kStatus) == 0);
  CHECK(console.get(0x0b0) == 0xffffffff && console.get(0x0b4) == 0xffffffff);
  CHECK(console.get(0x0fc) == 0);
  CHECK(console.offered() == (kVersion1 | kIndirectDesc));
  console.set(kDeviceFeaturesSel, 2);
  CHECK(console.get(kDeviceFeatures) == 0);
  console.set(kQueueSel, 2);
  CHECK(console.get(kQueueSizeMax) == 0);
  console.set(kQueueSel, 1);
  CHECK(console.get(kQueueSizeMax) == 256);
}

void feature_negotiation() {
  Machine m;
  m.window.attach_console(0, [](const Bytes&) {});
  Driver d(m, 0);
  CHECK(d.negotiate(kVersion1));
  CHECK(d.negotiate(kVersion1 | kIndirectDesc));
  CHECK(!d.negotiate(0));
  CHECK(!d.negotiate(kVersion1 | 1));
  CHECK(!d.negotiate(kVersion1 | uint64_t{1} << 40));
  CHECK(d.negotiate(kVersion1));
  d.set(kStatus, 0);
  CHECK(d.get(kStatus) == 0);
}

// A console in slot 0 with running queues.
struct ConsoleBench {
  Machine m;
  std::string output;
  std::function<void(const Bytes&)> type;
  Driver d{m, 0};

  explicit ConsoleBench(uint16_t size = 8, uint64_t features = kVersion1) {
    type = m.window.attach_console(0, [this](const Bytes& b) { output.append(b.begin(), b.end()); });
    begin(size, features);
  }
  void begin(uint16_t size = 8, uint64_t features = kVersion1) {
    CHECK(d.negotiate(features));
    d.setup(0, kBase + 0x10000, size);
    d.setup(1, kBase + 0x20000, size);
    d.start();
    m.settle();
  }
};

void console_output() {
  ConsoleBench b;
  b.m.store(kBase, text("Hello, world"));
  const auto head = b.d.add(1, {{kBase, 7}, {kBase + 7, 5}});
  CHECK(b.output.empty());
  b.d.notify(1);
  b.m.settle();
  CHECK(b.output == "Hello, world");
  const auto used = b.d.used(1);
  CHECK(used.size() == 1 && used[0].id == head && used[0].length == 0);
  CHECK(b.m.window.irq() == 1 && b.d.get(kInterruptStatus) == 1);
  b.d.set(kInterruptAck, 1);
  CHECK(b.m.window.irq() == 0 && b.d.get(kInterruptStatus) == 0);
}

void console_input() {
  ConsoleBench b;
  b.type(text("early"));
  b.m.settle();
  CHECK(b.d.used(0).empty());
  b.d.add(0, {{kBase + 3, 4, true}});
  b.d.notify(0);
  b.m.settle();
  auto used = b.d.used(0);
  CHECK(used.size() == 1 && used[0].length == 4 && b.m.dump(kBase + 3, 4) == text("earl"));
  b.d.add(0, {{kBase + 3, 2, true}, {kBase + 0x100, 100, true}});
  b.d.notify(0);
  b.m.settle();
  used = b.d.used(0);
  CHECK(used.size() == 1 && used[0].length == 1 && b.m.dump(kBase + 3, 1) == text("y"));
  b.d.add(0, {{kBase + 3, 2, true}, {kBase + 0x100, 100, true}});
  b.d.notify(0);
  b.m.settle();
  CHECK(b.d.used(0).empty());
  b.type(text("late"));
  b.m.settle();
  used = b.d.used(0);
  CHECK(used.size() == 1 && used[0].length == 4);
  CHECK(b.m.dump(kBase + 3, 2) == text("la") && b.m.dump(kBase + 0x100, 2) == text("te"));
}

void driver_suppresses_interrupts() {
  ConsoleBench b;
  b.m.store<uint16_t>(b.d.avail(1), 1);
  b.m.store(kBase, text("x"));
  b.d.add(1, {{kBase, 1}});
  b.d.notify(1);
  b.m.settle();
  CHECK(b.output == "x" && b.d.used(1).size() == 1 && b.m.window.irq() == 0);
}

void rings_wrap() {
  ConsoleBench b(4);
  std::string expected;
  // Past 2^16 entries too: the indices are free-running 16-bit numbers.
  b.m.memory.stall_percent = 0;
  for (unsigned i = 0; i < 66000; i++) {
    const uint8_t letter = static_cast<uint8_t>('a' + i % 26);
    b.m.store<uint8_t>(kBase + i % 64, letter);
    expected.push_back(static_cast<char>(letter));
    const auto head = b.d.add(1, {{kBase + i % 64, 1}});
    b.d.notify(1);
    b.m.settle();
    const auto used = b.d.used(1);
    CHECK(used.size() == 1 && used[0].id == head);
  }
  CHECK(b.output == expected);
}

void notification_while_busy() {
  ConsoleBench b;
  std::string expected;
  for (unsigned i = 0; i < 40; i++) {
    b.m.store<uint8_t>(kBase + i, static_cast<uint8_t>('A' + i));
    expected.push_back(static_cast<char>('A' + i));
    b.d.add(1, {{kBase + i, 1}});
    b.d.notify(1);
    for (unsigned cycles = 0; cycles < i; cycles++) b.m.cycle();
    if (i % 8 == 7) b.m.settle();
  }
  b.m.settle();
  CHECK(b.output == expected && b.d.used(1).size() == 40);
}

void buffers_before_driver_ok_are_served_after_it() {
  Machine m;
  std::string output;
  m.window.attach_console(0, [&](const Bytes& b) { output.append(b.begin(), b.end()); });
  Driver d(m, 0);
  CHECK(d.negotiate(kVersion1));
  d.setup(1, kBase + 0x20000, 8);
  m.store(kBase, text("soon"));
  d.add(1, {{kBase, 4}});
  d.notify(1);
  m.settle();
  CHECK(output.empty());
  d.start();
  m.settle();
  CHECK(output == "soon");
}

void indirect_descriptors() {
  ConsoleBench b(8, kVersion1 | kIndirectDesc);
  b.m.store(kBase, text("indirect"));
  b.d.chain(kBase + 0x800, 0, 100, {{kBase, 2}, {kBase + 2, 6}});
  b.d.descriptor(b.d.desc(1), 3, kBase + 0x800, 32, Driver::kIndirect, 0);
  b.d.publish(1, 3);
  b.d.notify(1);
  b.m.settle();
  CHECK(b.output == "indirect");
  const auto used = b.d.used(1);
  CHECK(used.size() == 1 && used[0].id == 3);
}

// Each of these is a driver's fault: the device asks to be reset, touches nothing, and works again after it.
void broken_rings() {
  const std::vector<std::function<void(ConsoleBench&)>> faults = {
      [](ConsoleBench& b) {  // a loop
        b.d.descriptor(b.d.desc(1), 0, kBase, 1, Driver::kNext, 1);
        b.d.descriptor(b.d.desc(1), 1, kBase, 1, Driver::kNext, 0);
        b.d.publish(1, 0);
      },
      [](ConsoleBench& b) { b.d.publish(1, 8); },  // a head outside the table
      [](ConsoleBench& b) {                        // a next outside the table
        b.d.descriptor(b.d.desc(1), 0, kBase, 1, Driver::kNext, 9);
        b.d.publish(1, 0);
      },
      [](ConsoleBench& b) { b.d.add(1, {{0x1000, 16}}); },                       // not memory
      [](ConsoleBench& b) { b.d.add(1, {{kBase, 1, true}, {kBase, 1, false}}); },  // readable after writable
      [](ConsoleBench& b) { b.m.store<uint16_t>(b.d.avail(1) + 2, 9); },         // more than the ring holds
      [](ConsoleBench& b) { b.d.add(1, {{kBase, 0xffffffff}}); },                // absurd length
      [](ConsoleBench& b) {                                                      // indirect not negotiated
        b.d.chain(kBase + 0x800, 0, 100, {{kBase, 2}});
        b.d.descriptor(b.d.desc(1), 0, kBase + 0x800, 16, Driver::kIndirect, 0);
        b.d.publish(1, 0);
      },
  };
  ConsoleBench b;
  for (const auto& fault : faults) {
    fault(b);
    b.d.notify(1);
    b.m.settle();
    CHECK(b.output.empty() && b.d.used(1).empty());
    CHECK(b.d.get(kStatus) & kNeedsReset);
    CHECK(b.d.get(kInterruptStatus) == 2 && b.m.window.irq() == 1);
    b.begin();
    CHECK(!(b.d.get(kStatus) & kNeedsReset) && b.m.window.irq() == 0);
    b.m.store(kBase, text("ok"));
    b.d.add(1, {{kBase, 2}});
    b.d.notify(1);
    b.m.settle();
    CHECK(b.output == "ok");
    b.output.clear();
    b.begin();
  }
}

void reset_stops_work_under_way() {
  for (unsigned after = 0; after < 120; after += 3) {
    ConsoleBench b;
    b.type(Bytes(3000, 'r'));
    b.m.settle();
    b.d.add(0, {{kBase, 1000, true}, {kBase + 0x1000, 1000, true}, {kBase + 0x2000, 1000, true}});
    b.d.notify(0);
    for (unsigned i = 0; i < after; i++) b.m.cycle();
    b.d.set(kStatus, 0);
    CHECK(b.d.get(kStatus) == 0);
    b.m.memory.writes = 0;
    b.m.settle();
    CHECK(b.m.memory.writes <= 125);  // the buffer under way ends, no other begins
    CHECK(b.d.used(0).empty() && b.m.window.irq() == 0);
    b.begin();
    b.m.store(kBase, text("again"));
    b.d.add(1, {{kBase, 5}});
    b.d.notify(1);
    b.m.settle();
    CHECK(b.output == "again" && b.d.used(1).size() == 1);
  }
}

// --- Block ---

constexpr uint64_t kHeader = kBase + 0x100, kData = kBase + 0x4000, kDone = kBase + 0x200;

struct BlockBench {
  Machine m;
  Driver d{m, 1};

  explicit BlockBench(bool read_only = false) {
    std::ofstream(scratch, std::ios::binary)
        .write(reinterpret_cast<const char*>(contents().data()), static_cast<long>(contents().size()));
    std::string error;
    auto image = DiskImage::open(scratch, read_only, error);
    CHECK(image && error.empty());
    m.window.attach(1, std::make_unique<VirtioBlock>(std::move(image), "bivisor-disk"));
    CHECK(d.negotiate(d.offered()));
    d.setup(0, kBase + 0x10000, 16);
    d.start();
    m.settle();
  }
  static const Bytes& contents() {
    static const Bytes bytes = pattern(64 * 512, 7);
    return bytes;
  }
  Bytes file() const {
    std::ifstream in(scratch, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
  void header(uint32_t type, uint64_t sector) {
    Bytes bytes;
    append_le<uint32_t>(bytes, type);
    append_le<uint32_t>(bytes, 0);
    append_le<uint64_t>(bytes, sector);
    m.store(kHeader, bytes);
    m.store<uint8_t>(kDone, 0xee);
  }
  // Run one request with these buffers; returns the used length.
  uint32_t run(const std::vector<Driver::Buffer>& buffers) {
    const auto head = d.add(0, buffers);
    d.notify(0);
    m.settle();
    const auto used = d.used(0);
    CHECK(used.size() == 1 && used[0].id == head && m.window.irq() == 2);
    d.set(kInterruptAck, 1);
    return used[0].length;
  }
  uint8_t status() const { return m.load<uint8_t>(kDone); }
};

Bytes part(const Bytes& bytes, size_t from, size_t length) {
  return Bytes(bytes.begin() + static_cast<ptrdiff_t>(from), bytes.begin() + static_cast<ptrdiff_t>(from + length));
}

void block_config() {
  BlockBench b;
  CHECK(b.d.get(kDeviceId) == 2);
  CHECK(b.m.access(0x1000 + kConfig, 3, false) == 64u);
  CHECK(b.m.access(0x1000 + kConfig, 2, false) == 64u && b.m.access(0x1000 + kConfig + 4, 2, false) == 0u);
  CHECK(b.m.access(0x1000 + kConfig + 12, 2, false) == 254u);
  CHECK(b.m.access(0x1000 + kConfig + 20, 2, false) == 512u);
  CHECK(b.m.access(0x1000 + kConfig + 21, 0, false) == 2u);
  CHECK(b.m.access(0x1000 + 0xff8, 3, false) == 0u);
  CHECK((b.d.offered() & 1 << 5) == 0);
}

void block_read() {
  BlockBench b;
  b.header(0, 3);
  CHECK(b.run({{kHeader, 16}, {kData, 1024, true}, {kDone, 1, true}}) == 1025);
  CHECK(b.status() == 0 && b.m.dump(kData, 1024) == part(b.contents(), 3 * 512, 1024));
}

void block_write_and_flush() {
  BlockBench b;
  const Bytes data = pattern(1536, 9);
  b.m.store(kData, data);
  b.header(1, 61);
  CHECK(b.run({{kHeader, 16}, {kData, 1000}, {kData + 1000, 536}, {kDone, 1, true}}) == 1);
  CHECK(b.status() == 0);
  b.header(4, 0);
  CHECK(b.run({{kHeader, 16}, {kDone, 1, true}}) == 1);
  CHECK(b.status() == 0);
  Bytes expected = b.contents();
  std::copy(data.begin(), data.end(), expected.begin() + 61 * 512);
  CHECK(b.file() == expected);
}

void block_framing_is_the_drivers_choice() {
  BlockBench b;
  b.header(0, 10);
  CHECK(b.run({{kHeader, 5}, {kHeader + 5, 11}, {kData, 100, true}, {kData + 100, 412, true}, {kDone, 1, true}}) ==
        513);
  CHECK(b.status() == 0 && b.m.dump(kData, 512) == part(b.contents(), 5120, 512));
  b.header(0, 11);
  CHECK(b.run({{kHeader, 16}, {kData, 513, true}}) == 513);  // data and status in one buffer
  CHECK(b.m.dump(kData, 512) == part(b.contents(), 5632, 512) && b.m.load<uint8_t>(kData + 512) == 0);
}

void block_id() {
  BlockBench b;
  b.header(8, 0);
  CHECK(b.run({{kHeader, 16}, {kData, 20, true}, {kDone, 1, true}}) == 21);
  CHECK(b.status() == 0 && b.m.dump(kData, 13) == text(std::string("bivisor-disk\0", 13)));
}

void block_errors() {
  BlockBench b;
  struct Case {
    uint32_t type;
    uint64_t sector;
    uint32_t length;
    uint8_t status;
  };
  const std::vector<Case> cases = {
      {0, 64, 512, 1}, {0, 63, 1024, 1}, {0, ~uint64_t{0}, 512, 1}, {0, 0, 100, 1}, {11, 0, 512, 2}, {99, 0, 0, 2},
  };
  for (const auto& c : cases) {
    b.header(c.type, c.sector);
    std::vector<Driver::Buffer> buffers = {{kHeader, 16}};
    if (c.length) buffers.push_back({kData, c.length, true});
    buffers.push_back({kDone, 1, true});
    CHECK(b.run(buffers) == 1);
    CHECK(b.status() == c.status);
  }
  b.header(1, 64);
  CHECK(b.run({{kHeader, 16}, {kData, 512}, {kDone, 1, true}}) == 1 && b.status() == 1);
  CHECK(b.file() == b.contents());
  CHECK(!(b.d.get(kStatus) & kNeedsReset));
}

void block_read_only() {
  BlockBench b(true);
  CHECK((b.d.offered() & 1 << 5) != 0);
  b.header(1, 0);
  CHECK(b.run({{kHeader, 16}, {kData, 512}, {kDone, 1, true}}) == 1 && b.status() == 1);
  b.header(4, 0);
  CHECK(b.run({{kHeader, 16}, {kDone, 1, true}}) == 1 && b.status() == 0);
  CHECK(b.file() == b.contents());
}

void block_request_without_header_or_status() {
  for (unsigned which = 0; which < 2; which++) {
    BlockBench b;
    b.header(0, 0);
    if (which == 0) {
      b.d.add(0, {{kHeader, 15}, {kDone, 1, true}});
    } else {
      b.d.add(0, {{kHeader, 16}});
    }
    b.d.notify(0);
    b.m.settle();
    CHECK(b.d.used(0).empty() && (b.d.get(kStatus) & kNeedsReset));
  }
}

void block_queue_of_requests() {
  BlockBench b;
  for (uint32_t i = 0; i < 5; i++) {  // five at once
    Bytes bytes;
    append_le<uint32_t>(bytes, 0);
    append_le<uint32_t>(bytes, 0);
    append_le<uint64_t>(bytes, 10 + i);
    b.m.store(kHeader + 16 * i, bytes);
    b.d.add(0, {{kHeader + 16 * i, 16}, {kData + 512 * i, 512, true}, {kDone + i, 1, true}});
  }
  b.d.notify(0);
  b.m.settle();
  CHECK(b.d.used(0).size() == 5);
  CHECK(b.m.dump(kData, 5 * 512) == part(b.contents(), 5120, 5 * 512));
}

void disk_image_errors() {
  std::string error;
  CHECK(!DiskImage::open(scratch + ".missing", false, error));
  CHECK(error == scratch + ".missing: cannot open the disk image: No such file or directory");
  std::ofstream(scratch, std::ios::binary) << "short";
  CHECK(!DiskImage::open(scratch, false, error));
  CHECK(error == scratch + ": 5 bytes are no whole number of 512-byte sectors; pad it with: truncate -s %512 " + scratch);
  CHECK(!DiskImage::open("/", true, error));
  CHECK(error == "/: not a regular file; a disk image must be one");
}

#define TEST(name) {#name, name}
const std::map<std::string, std::function<void()>> kTests = {
    TEST(dma_random),
    TEST(dma_error),
    TEST(dma_idle),
    TEST(dma_speed),
    TEST(registers),
    TEST(feature_negotiation),
    TEST(console_output),
    TEST(console_input),
    TEST(driver_suppresses_interrupts),
    TEST(rings_wrap),
    TEST(notification_while_busy),
    TEST(buffers_before_driver_ok_are_served_after_it),
    TEST(indirect_descriptors),
    TEST(broken_rings),
    TEST(reset_stops_work_under_way),
    TEST(block_config),
    TEST(block_read),
    TEST(block_write_and_flush),
    TEST(block_framing_is_the_drivers_choice),
    TEST(block_id),
    TEST(block_errors),
    TEST(block_read_only),
    TEST(block_request_without_header_or_status),
    TEST(block_queue_of_requests),
    TEST(disk_image_errors),
};

}  // namespace
}  // namespace bivisor::test

int main(int argc, char** argv) {
  using namespace bivisor::test;
  if (argc < 2) {
    std::printf("window %u %u\n", bivisor::VirtioWindow::kSlots, bivisor::VirtioWindow::kStride);
    for (const auto& [name, test] : kTests) std::printf("test %s\n", name.c_str());
    return 0;
  }
  if (argc > 2) scratch = argv[2];
  const auto found = kTests.find(argv[1]);
  if (found == kTests.end()) {
    std::printf("no test called %s\n", argv[1]);
    return 2;
  }
  found->second();
  return 0;
}
