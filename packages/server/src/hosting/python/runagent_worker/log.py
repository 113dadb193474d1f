"""What goes to the agent's log, and what of it to the caller."""

import importlib
import os
import sys
import traceback
import types
from typing import Optional

from .errors import Failure, NotJson, Stopped, TooLarge

try:
    # traceback imports it late, when a line is not ASCII.
    import unicodedata
except ImportError:
    pass  # Some builds of Python have none.

MAX_MESSAGE_LENGTH = 2000
# This package, and the program that starts it.
OUR_FOLDER = os.path.dirname(os.path.dirname(__file__)) + os.sep
# The agent may put something else in the place of sys.stderr.
LOG = sys.stderr


def say(line: str) -> None:
    """Writes a line of ours to the agent's log."""
    try:
        LOG.write(line + "\n")
        LOG.flush()
    except (OSError, ValueError):
        pass  # Nobody reads it any more.


def describe(error: BaseException) -> str:
    """An exception in one line: its type and the first line of its text."""
    name = type(error).__name__
    try:
        text = str(error).strip().split("\n", 1)[0].strip()
    except BaseException:
        text = ""  # Its __str__ is the agent's, and failed too.
    line = name + ": " + text if text else name
    return line if len(line) <= MAX_MESSAGE_LENGTH else line[: MAX_MESSAGE_LENGTH - 1] + "…"


def log_traceback(error: BaseException) -> None:
    """Writes the agent's part of a traceback to its log."""
    try:
        remove_our_frames(error)
        say("".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip("\n"))
    except BaseException:
        say(describe(error))


def remove_our_frames(error: BaseException) -> None:
    seen = set()
    todo = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        while one.__traceback__ is not None and is_ours(one.__traceback__.tb_frame.f_code.co_filename):
            one.__traceback__ = one.__traceback__.tb_next
        cut_our_end(one.__traceback__)
        if isinstance(one.__context__, (Failure, NotJson, TooLarge, Stopped)):
            one.__context__ = None
        todo.extend(other for other in (one.__cause__, one.__context__) if other is not None)


def cut_our_end(frame: Optional[types.TracebackType]) -> None:
    """What a method of `ctx` raises is told of the line that called it."""
    last = None
    while frame is not None:
        if not is_ours(frame.tb_frame.f_code.co_filename):
            last = frame
        frame = frame.tb_next
    if last is not None:
        last.tb_next = None


def is_ours(filename: str) -> bool:
    """True for code that the agent's author has not written, and need not see."""
    return filename == importlib.__file__ or filename.startswith((OUR_FOLDER, "<frozen importlib"))
