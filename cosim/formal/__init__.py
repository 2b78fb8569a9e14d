"""Bounded proofs: properties beside a component, Yosys' SMT back end, and a solver."""
