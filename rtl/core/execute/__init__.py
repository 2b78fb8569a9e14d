"""The execute stage and its units."""
