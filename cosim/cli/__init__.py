"""The command line ``bivisor``: one file per command."""
