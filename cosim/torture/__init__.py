"""Random bare programs that are run in lockstep with the golden model (``python -m cosim.torture``)."""
