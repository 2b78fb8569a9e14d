"""The golden model, the simulator and its harness, lockstep, torture, waves, benchmarks, the command line."""
