"""Tests of cosim/compare."""
