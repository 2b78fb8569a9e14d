"""Benchmarks: bare programs that measure themselves, the hypervisor's null call, and the simulator's speed."""
