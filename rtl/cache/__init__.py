"""The first-level caches and their way to AXI."""
