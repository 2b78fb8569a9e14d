"""Bare-metal programs that check the instruction set from inside, for every machine that we have."""
