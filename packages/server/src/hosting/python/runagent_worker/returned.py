"""What a function returned: where chunks come from, and what its tag does not allow."""

import inspect
from typing import Any

from .annotations import is_value_class
from .entrypoint import Entrypoint
from .errors import Failure


def is_async_iterable(value: Any) -> bool:
    return hasattr(value, "__aiter__") or hasattr(value, "__anext__")


def is_iterable(value: Any) -> bool:
    """True for what chunks may come from. A text would arrive letter by letter, an object key by key: those are values."""
    if isinstance(value, type) or is_value_class(type(value)):
        return False
    return hasattr(value, "__iter__") or hasattr(value, "__next__") or hasattr(value, "__getitem__")


def to_iterator(entrypoint: Entrypoint, value: Any) -> Any:
    if not is_iterable(value):
        what = "nothing" if value is None else "a value of type %s" % type(value).__name__
        raise Failure(
            "EXECUTION_ERROR",
            'The entrypoint "%s" must yield chunks or return an iterable, and returned %s.' % (entrypoint.tag, what),
            suggestion="Write it as a generator that yields its chunks, or give it a tag that does not end in _stream.",
        )
    return value if not hasattr(value, "__iter__") and hasattr(value, "__next__") else iter(value)


def to_async_iterator(value: Any) -> Any:
    return value.__aiter__() if hasattr(value, "__aiter__") else value


def not_streaming(entrypoint: Entrypoint, value: Any) -> Failure:
    return Failure(
        "EXECUTION_ERROR",
        'The entrypoint "%s" returned a value of type %s, and its tag does not end in _stream.' % (entrypoint.tag, type(value).__name__),
        suggestion='Name it "%s_stream" to stream its chunks, or return the whole result.' % entrypoint.tag,
    )


def dispose(value: Any) -> None:
    """Closes a coroutine or generator that never began: Python would complain of it in the log."""
    if inspect.iscoroutine(value) or inspect.isgenerator(value):
        value.close()
