// The compute workload over and over, for the speed of the simulation.
#define ENDLESS
#include "compute.c"
