"""Instruction fetch: next-address prediction, translation, cache access, fetch queue."""
