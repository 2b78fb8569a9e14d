"""Tests of cosim/bench."""
