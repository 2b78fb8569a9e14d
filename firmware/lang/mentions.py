"""Functions and statics that were written into a text since the last module_asm."""

from typing import Any

__all__ = ["MENTIONS"]

MENTIONS: list[Any] = []
