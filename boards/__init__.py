"""Boards: what surrounds the system on chip on an FPGA, and how it is built and measured."""
