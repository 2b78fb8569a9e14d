"""``bivisor compare``: what each way of virtualizing costs, by operations and by workloads."""
