"""What a function's annotations say of what it gives."""

import collections.abc
import enum
import re
import sys
import typing
from typing import Any

from .errors import attempt

CHUNK_NAMES = ("Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "AsyncIterable")
VALUE_NAMES = ("str", "bytes", "int", "float", "bool", "dict", "Dict", "Mapping", "None")


def evaluate(annotation: Any, function: Any) -> Any:
    """The annotation that a text stands for; a text that means nothing stays as it is."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(text, str):
        return annotation
    return attempt(lambda: eval(text, getattr(function, "__globals__", {})), text)


def kind_of(annotation: Any) -> str:
    """chunks, value or unknown, by what a function says it returns."""
    if isinstance(annotation, str):
        name = re.match(r"\s*(?:\w+\.)*(\w+)\s*(?:\[.*\])?\s*$", annotation)
        if name is None:
            return "unknown"
        return "chunks" if name.group(1) in CHUNK_NAMES else "value" if name.group(1) in VALUE_NAMES else "unknown"
    if annotation is None:
        return "value"
    if hasattr(annotation, "__supertype__"):
        return kind_of(annotation.__supertype__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return "value"
    if is_union(origin):
        kinds = {kind_of(argument) for argument in arguments}
        return kinds.pop() if len(kinds) == 1 else "unknown"
    if origin in (collections.abc.Awaitable, collections.abc.Coroutine):
        return kind_of(arguments[-1]) if arguments else "unknown"
    if hasattr(annotation, "__metadata__"):
        return kind_of(annotation.__origin__)
    kind = origin or annotation
    if not isinstance(kind, type):
        return "unknown"
    if issubclass(kind, (collections.abc.Iterator, collections.abc.AsyncIterable)):
        return "chunks"
    return "value" if is_value_class(kind) else "unknown"


def is_union(origin: Any) -> bool:
    return origin is typing.Union or origin is getattr(sys.modules.get("types"), "UnionType", typing.Union)


def is_value_class(kind: type) -> bool:
    """True for classes whose values are one value each, though some can be iterated."""
    if issubclass(kind, (str, bytes, bytearray, memoryview, int, float, complex, type(None), enum.Enum, collections.abc.Mapping)):
        return True
    if hasattr(kind, "model_dump") or hasattr(kind, "__fields__"):
        return True
    return hasattr(kind, "__dataclass_fields__") and not hasattr(kind, "__iter__")
