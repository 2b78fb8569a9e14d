"""Benchmarks: bare programs that measure themselves, the hypervisor's null call, the simulator's speed."""
