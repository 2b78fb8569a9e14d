"""Control and status registers, traps and returns, interrupts and counters; ``unit.CsrUnit`` is the whole."""
