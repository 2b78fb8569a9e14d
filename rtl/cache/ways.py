"""Choosing among the ways of a set. Way vectors have one bit per way."""

from functools import reduce
from operator import or_

from amaranth import Cat, Mux

__all__ = ["choose_victim", "compare_tags", "merge_bytes", "select_way"]


def compare_tags(tags, valid, tag):
    """Ways whose tag is valid and equals ``tag``."""
    return Cat(valid[way] & (tags[way] == tag) for way in range(len(valid)))


def merge_bytes(old, new, mask):
    """The 64-bit word ``old`` with those bytes of ``new`` whose bit is set in ``mask``."""
    return Cat(Mux(mask[n], new[8 * n : 8 * n + 8], old[8 * n : 8 * n + 8]) for n in range(8))


def select_way(ways, values):
    """The element of the array view ``values`` whose bit is set in the one-hot ``ways``; 0 if none is."""
    return reduce(or_, (Mux(ways[way], values[way], 0) for way in range(len(ways))))


def choose_victim(valid, turn):
    """The first invalid way if there is one, else the one-hot ``turn``."""
    invalid = ~valid
    first = invalid & (valid + 1)[: len(valid)]
    return Mux(valid.all(), turn, first)
