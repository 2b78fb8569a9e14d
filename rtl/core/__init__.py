"""The hart: frontend, decode, execute, load/store, CSRs and traps."""
