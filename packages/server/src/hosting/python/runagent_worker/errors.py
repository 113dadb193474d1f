"""What goes wrong, and how it is told."""

from typing import Any, Callable, Optional


class Failure(Exception):
    """An invocation fails with this, as the caller reads it."""

    def __init__(self, code: str, message: str, field: Optional[str] = None, suggestion: Optional[str] = None) -> None:
        super().__init__(message)
        told = {"code": code, "message": message, "field": field, "suggestion": suggestion}
        self.told = {key: value for key, value in told.items() if value is not None}


class LoadError(Exception):
    """An entrypoint that cannot be served; its text is one line."""


class NotJson(Exception):
    """A value that cannot be made into JSON; its text ends a sentence about the value."""


class TooLarge(Exception):
    """A chunk or result that is larger than clients read."""


class Stopped(BaseException):
    """Raised in the thread of a cancelled invocation that goes on. No Exception: agents catch those and go on."""


def attempt(read: Callable[[], Any], otherwise: Any) -> Any:
    """What `read` gives. It leads into the agent's code, which may fail in any way; we go on with something else then."""
    try:
        return read()
    except BaseException:
        return otherwise
