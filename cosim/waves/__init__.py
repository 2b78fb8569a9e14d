"""Waves that read as text: what the simulator adds to a trace, and the GTKWave save file over it."""
