"""The memory stage: loads, stores, atomics, and the end of the pipeline."""
