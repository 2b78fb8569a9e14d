"""``bivisor``: the application that the commands hang on, and the only place where errors become text."""

import sys
from typing import Any

import typer

from cosim.cli import bench, compare, coverage, guest, model, run, suite, synth
from cosim.cli.terminal import errors
from cosim.errors import UserError

__all__ = ["app", "main"]

_UsageError: Any = typer.BadParameter.__mro__[2]
"""Typer's (or Click's, by version) base of everything that is wrong with a command line."""

app = typer.Typer(
    name="bivisor",
    help="A RISC-V machine with hardware virtualization, simulated cycle by cycle.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("suite")(suite.suite)
app.command("guest")(guest.guest)
app.command("bench")(bench.bench)
app.command("compare")(compare.compare)
app.command("model")(model.model)
app.command("coverage")(coverage.coverage)
app.command("synth")(synth.synth)


def _people_errors() -> tuple[type[Exception], ...]:
    """Error types of the other parts whose text is already one line for people."""
    known: list[type[Exception]] = [UserError]
    images = sys.modules.get("firmware.images")
    if images is not None:
        known.append(images.ImageError)
    return tuple(known)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    try:
        status = app(arguments, standalone_mode=False)
    except _UsageError as error:
        error.show()
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        errors.print("stopped")
        return 130
    except BrokenPipeError:
        return 141
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        errors.print(f"bivisor: {what}{error.strerror or error}; check the path, permissions and free space")
        return 2
    except Exception as error:
        if not isinstance(error, _people_errors()):
            raise
        errors.print(f"bivisor: {error}", soft_wrap=True, markup=False, highlight=False)
        return getattr(error, "status", 2)
    return status if isinstance(status, int) else 0


def run_command() -> None:
    """Entry point of the ``bivisor`` script."""
    sys.exit(main())
