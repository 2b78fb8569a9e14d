"""Instruction fetch: next-address prediction, translation, cache access, parcel queue."""
