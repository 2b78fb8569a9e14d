"""Tests of the simulation: build, native model, harness, command line, waves, benchmarks."""
