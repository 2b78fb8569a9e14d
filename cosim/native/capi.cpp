#include "capi.h"

#include <map>
#include <string>

#include "machine.h"

namespace {
Machine* machine = nullptr;
uint32_t pending = 0;
bool running = false;
std::string text;
struct Transfer {
    bivisor::Bytes bytes;
    bool ok;
};
std::map<uint64_t, Transfer> transfers;
uint64_t next_transfer = 1;
}  // namespace

void capi_attach(Machine* to) { machine = to; }
void capi_due(uint32_t due) { pending |= due; }
bool capi_running() { return running; }

extern "C" {

// Let the clock run, or hold it while simulation time passes.
void bv_go(bool go) { running = go; }

// Due bits since the last call.
uint32_t bv_due() {
    uint32_t due = pending;
    pending = 0;
    return due;
}
uint64_t bv_cycles() { return machine->cycle(); }
uint64_t bv_instructions() { return machine->instructions(); }

void bv_load(uint64_t address, const uint8_t* bytes, uint64_t length) { machine->load(address, bytes, length); }
void bv_start_at(uint64_t entry, uint64_t dtb) { machine->start_at(entry, dtb); }
void bv_htif(uint64_t tohost, uint64_t fromhost) { machine->htif.place(tohost, fromhost); }
void bv_until(const char* wanted) { machine->console.wait_for(wanted); }
void bv_send(const uint8_t* bytes, uint64_t length) {
    machine->console.input.insert(machine->console.input.end(), bytes, bytes + length);
}

// Console output since the last call; valid until the next call into this file.
const char* bv_console(uint64_t* length) {
    text = machine->console.take();
    *length = text.size();
    return text.data();
}
const char* bv_result() {
    text = machine->result_json();
    return text.c_str();
}

// Guest memory, coherent with the caches: start a transfer, learn its end from kDueTransfer, fetch the bytes.
uint64_t bv_read(uint64_t address, uint32_t length) {
    uint64_t ticket = next_transfer++;
    machine->dma.read(address, length, [ticket](bivisor::Bytes bytes, bool ok) {
        transfers[ticket] = {std::move(bytes), ok};
        machine->notify(kDueTransfer);
    });
    return ticket;
}
uint64_t bv_write(uint64_t address, const uint8_t* bytes, uint32_t length) {
    uint64_t ticket = next_transfer++;
    machine->dma.write(address, bivisor::Bytes(bytes, bytes + length), [ticket](bool ok) {
        transfers[ticket] = {{}, ok};
        machine->notify(kDueTransfer);
    });
    return ticket;
}
// 0: the transfer goes on; 1: it is complete; 2: the bus refused it. If complete, its bytes (if it was a read) are copied to `to`.
int bv_transferred(uint64_t ticket, uint8_t* to) {
    auto found = transfers.find(ticket);
    if (found == transfers.end()) return 0;
    bool ok = found->second.ok;
    if (to && ok) std::memcpy(to, found->second.bytes.data(), found->second.bytes.size());
    transfers.erase(found);
    return ok ? 1 : 2;
}

}  // extern "C"
