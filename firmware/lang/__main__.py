"""``python -m firmware.lang module:image -o out.elf`` builds an image."""

import argparse
import os
import shutil
import sys

from .diagnostics import CompileError, ImageError
from .image import build, load_image


def main() -> int:
    """Build the named image; 1 if its source has errors."""
    parser = argparse.ArgumentParser(prog="python -m firmware.lang", description="Build a firmware image.")
    parser.add_argument("image", help="module:name of an Image")
    parser.add_argument("-o", "--output", default="image.elf", help="the ELF to write")
    arguments = parser.parse_args()
    try:
        elf = build(load_image(arguments.image))
        part = f"{arguments.output}.part"
        shutil.copyfile(elf, part)
        os.replace(part, arguments.output)
    except CompileError as error:
        count = len(error.diagnostics)
        print(f"{error}\n{count} error{'s' if count > 1 else ''}", file=sys.stderr)
        return 1
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        place = str(error.filename or arguments.output).removesuffix(".part")
        print(f"error: cannot write {place}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
