// What Python calls in the simulator's own process, through ctypes (cosim/harness.py).
#pragma once

#include <cstdint>

class Machine;

void capi_attach(Machine* machine);
void capi_due(uint32_t due);
bool capi_running();
