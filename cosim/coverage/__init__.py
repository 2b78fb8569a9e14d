"""Functional coverage: what the programs that were compared in lockstep have made happen.

``group`` says what a group of bins is, ``groups`` lists them, each with the rules for what is reachable;
``collector`` watches the golden model, ``results`` are its counts, ``report`` shows them.
"""
