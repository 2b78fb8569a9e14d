"""From instruction bits to control signals and operands."""
