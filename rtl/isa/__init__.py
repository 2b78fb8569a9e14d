"""The one statement of encodings, CSRs, causes, page-table formats and addresses.

Nothing in this package imports Amaranth: the RTL, the golden model, the firmware
compiler, the tests and the documentation all read the same tables.
"""
