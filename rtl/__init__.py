"""Everything of Bivisor that becomes hardware, in Amaranth."""
