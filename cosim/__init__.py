"""The simulated machine seen from outside: golden model, Verilator harness, lockstep, benches, command line."""
