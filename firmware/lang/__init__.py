"""The firmware language: typed Python that compiles to RV64 and runs under CPython alike."""

from .checked import addr_of, const
from .data import LayoutError, array, offsetof, ptr, sizeof, struct
from .diagnostics import CompileError, Diagnostic, ImageError
from .function import FwFunction, fw, module_asm
from .image import Image, build
from .integers import i8, i16, i32, i64, u8, u16, u32, u64
from .intrinsics import INTRINSICS, csr, csr_number
from .statics import static

globals().update(INTRINSICS)

__all__ = [
    "CompileError",
    "Diagnostic",
    "FwFunction",
    "Image",
    "ImageError",
    "LayoutError",
    "addr_of",
    "array",
    "build",
    "const",
    "csr",
    "csr_number",
    "fw",
    "i8",
    "i16",
    "i32",
    "i64",
    "module_asm",
    "offsetof",
    "ptr",
    "sizeof",
    "static",
    "struct",
    "u8",
    "u16",
    "u32",
    "u64",
    *INTRINSICS,
]
