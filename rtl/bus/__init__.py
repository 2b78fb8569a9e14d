"""Buses: AXI4 at the edges, a simple register bus to the peripherals."""
