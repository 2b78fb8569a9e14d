"""The one kind of error that is meant for the person at the keyboard."""

__all__ = ["UserError"]


class UserError(Exception):
    """Something that the user can put right: one line that says what is wrong and what to do.

    The command line prints it without a traceback and ends with ``status``.
    """

    def __init__(self, message: str, *, status: int = 2) -> None:
        super().__init__(message)
        self.status = status
