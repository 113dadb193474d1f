"""
Chunks and results become JSON. What is none is made into it:

    str, int, float, bool, None, list, dict     as they are; an int keeps all its digits
    keys of a dict                              str; int, float, bool and None become text as the json module does it; others are an error
    tuple, named tuple                          array
    dataclass                                   object of its fields
    Enum                                        its value
    datetime, date, time                        text, as isoformat() writes it
    timedelta                                   number of seconds
    Decimal, UUID, Path, UserString             text
    set, frozenset                              array, sorted where its members can be
    bytes, bytearray, memoryview                Base64 text
    pydantic models                             object, as model_dump(mode="json") or dict() gives it
    objects with tolist() or item()             what that gives: arrays and numbers of numpy and its like
    Mapping                                     object
    Sequence, Set and views of a dict           array (collections.abc; range and deque among them)

Everything else is an error that names it: NaN and infinite numbers, values that hold themselves, more than 62 levels, generators, open files, …
"""

import binascii
import collections.abc
import enum
import json
import json.encoder
import re
import sys
import threading
from typing import Any, Callable

from .errors import NotJson, TooLarge
from .log import describe

# A frame around the chunk, and what the extractor may add: clients read 64 levels.
MAX_DEPTH = 62


def ask(value: Any, question: Callable[[], Any]) -> Any:
    """What the agent's own method gives."""
    try:
        return question()
    except Exception as error:
        raise NotJson("a value of type %s in it cannot be converted (%s)" % (type(value).__name__, describe(error))) from error


def known_class(module: str, name: str) -> Any:
    """A class for isinstance, if anybody has imported it: otherwise there is no value of it."""
    found = getattr(sys.modules.get(module), name, ())
    # The agent may have a module of that name, and in it what it likes.
    return found if isinstance(found, type) else ()


def convert(value: Any) -> Any:
    """Makes the next best thing of a value that the json module does not know. The table is at the top of this file."""
    kind = type(value)
    if isinstance(value, type):
        raise NotJson("it holds the class %s" % value.__name__)
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(kind, "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in sys.modules["dataclasses"].fields(value)}
    if isinstance(value, (set, frozenset)):
        try:
            return sorted(value)
        except Exception:
            return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return binascii.b2a_base64(value, newline=False).decode("ascii")
    if isinstance(value, (known_class("datetime", "date"), known_class("datetime", "time"))):
        return value.isoformat()
    if isinstance(value, known_class("datetime", "timedelta")):
        return value.total_seconds()
    texts = (known_class("decimal", "Decimal"), known_class("uuid", "UUID"), known_class("pathlib", "PurePath"))
    if isinstance(value, texts + (known_class("collections", "UserString"),)):
        return str(value)
    if callable(getattr(kind, "model_dump", None)):
        return ask(value, lambda: value.model_dump(mode="json"))
    if callable(getattr(kind, "dict", None)) and hasattr(kind, "__fields__"):
        return ask(value, value.dict)
    for method in ("tolist", "item"):
        if callable(getattr(kind, method, None)):
            return ask(value, getattr(value, method))
    if isinstance(value, collections.abc.Mapping):
        return ask(value, lambda: dict(value.items()))
    if isinstance(value, (collections.abc.Sequence, collections.abc.Set, collections.abc.ValuesView)):
        return ask(value, lambda: list(value))
    raise NotJson("it holds a value of type %s" % kind.__name__)


ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=convert)
encode_string = json.encoder.encode_basestring_ascii
digits_lock = threading.Lock()


def to_json(value: Any, max_bytes: int) -> str:
    """The JSON text of a value, in ASCII. Raises NotJson, TooLarge."""
    try:
        if type(value) is str:
            text = encode_string(value)
        else:
            text = ENCODER.encode(value)
            if text.count("[") + text.count("{") > MAX_DEPTH and is_too_deep(text):
                raise NotJson("it nests deeper than %d levels" % MAX_DEPTH)
    except NotJson:
        raise
    except RecursionError:
        raise NotJson("it nests deeper than %d levels" % MAX_DEPTH) from None
    except Exception as error:
        text = encode_again(value, error)
    if len(text) > max_bytes:
        raise TooLarge()
    return text


def encode_again(value: Any, error: Exception) -> str:
    """The JSON text of a value that the json module refused, where its reason was no good one. Raises NotJson with the reason else."""
    reason = str(error)
    if isinstance(error, ValueError) and "integer string conversion" in reason:
        # Python limits the digits to protect those who parse what others send; these were made by the agent.
        with digits_lock:
            limit = sys.get_int_max_str_digits()
            sys.set_int_max_str_digits(0)
            try:
                return ENCODER.encode(value)
            except NotJson:
                raise
            except Exception as another:
                error, reason = another, str(another)
            finally:
                sys.set_int_max_str_digits(limit)
    if isinstance(error, ValueError) and reason.startswith("Circular"):
        raise NotJson("it holds itself")
    if isinstance(error, ValueError) and reason.startswith("Out of range"):
        raise NotJson("it holds %s" % find_number(value))
    if isinstance(error, TypeError) and reason.startswith("keys must be"):
        raise NotJson("it holds a key of type %s" % reason.rsplit(" ", 1)[-1])
    raise NotJson("it cannot be written (%s)" % describe(error)) from error


def find_number(value: Any) -> str:
    """Names the number that is none in JSON: the encoder written in Python tells it, the one in C not always."""
    try:
        for _ in ENCODER.iterencode(value):
            pass
    except Exception as error:
        reason = str(error)
        for sign, name in (("nan", "NaN"), ("-inf", "-Infinity"), ("inf", "Infinity")):
            if sign in reason:
                return name
    return "NaN or an infinite number"


def is_too_deep(text: str) -> bool:
    """True when the JSON text has more levels than clients read."""
    brackets = re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}"]+', "", text).replace("{", "[").replace("}", "]")
    for _ in range(MAX_DEPTH):
        if brackets == "":
            return False
        # Takes off the innermost level.
        brackets = brackets.replace("[]", "")
    return brackets != ""
