"""A function of the agent, and what is known of it before it is called."""

import functools
import inspect
import re
import sys
from typing import Any, Callable, Dict, List, Optional

from .annotations import evaluate, kind_of
from .errors import attempt
from .schemas import describe_parameters, schema_of

if sys.version_info >= (3, 14):
    import annotationlib

MAX_DESCRIPTION_LENGTH = 1000
CONTEXT_NAME = "ctx"


class Entrypoint:
    """A function of the agent, and what is known of it before it is called."""

    def __init__(self, tag: str, name: str, function: Callable[..., Any]) -> None:
        self.tag = tag
        self.name = name
        self.function = function
        self.streaming = tag.endswith("_stream")
        self.core = find_core(function)
        self.is_async = any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in (function, self.core))
        self.parameters = read_parameters(function)
        self.context_name = find_context_name(self.core, self.parameters)

    def describe(self) -> Dict[str, Any]:
        yields = attempt(lambda: find_yields(self), "unknown")
        inputs = None if self.parameters is None else [one for one in self.parameters if one.name != self.context_name]
        schema = attempt(lambda: describe_parameters(self.core, inputs), None)
        return {"tag": self.tag, "yields": yields, "description": attempt(lambda: read_description(self), None), "input_schema": schema}


def find_core(function: Any) -> Any:
    """The function that runs in the end: behind partials, methods and callable objects."""
    for _ in range(20):
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif inspect.isroutine(function) or isinstance(function, type):
            return function
        else:
            function = getattr(type(function), "__call__", None)
    return function


def read_parameters(function: Any) -> Optional[List[inspect.Parameter]]:
    """The parameters, or None when nobody knows them."""
    options: Dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        # Annotations may name what is imported for type checkers only.
        options["annotation_format"] = annotationlib.Format.FORWARDREF
    signature = attempt(lambda: inspect.signature(function, **options), None)
    return None if signature is None else list(signature.parameters.values())


def find_context_name(core: Callable[..., Any], parameters: Optional[List[inspect.Parameter]]) -> Optional[str]:
    """The parameter that gets the context: the one called ctx, unless its type or default says that it is an input."""
    for one in parameters or []:
        if one.name != CONTEXT_NAME or one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
            continue
        says_nothing = one.annotation is one.empty or attempt(lambda: schema_of(one.annotation, inspect.unwrap(core), 0), {}) == {}
        return one.name if says_nothing and (one.default is one.empty or one.default is None) else None
    return None


def read_description(entrypoint: Entrypoint) -> Optional[str]:
    text = inspect.getdoc(entrypoint.core)
    if not text and not inspect.isroutine(entrypoint.function) and not isinstance(entrypoint.function, functools.partial):
        text = inspect.getdoc(type(entrypoint.function))
    first = re.split(r"\n[ \t]*\n", (text or "").strip(), maxsplit=1)[0]
    return " ".join(first.split())[:MAX_DESCRIPTION_LENGTH] or None


def find_yields(entrypoint: Entrypoint) -> str:
    """Whether it gives chunks or one value, so far as it shows without a call."""
    core = entrypoint.core
    if inspect.isgeneratorfunction(core) or inspect.isasyncgenfunction(core):
        return "chunks"
    # A decorator may collect chunks, or make some; the annotations that functools.wraps gives it are those of the function that it wraps.
    if hasattr(core, "__wrapped__"):
        return "unknown"
    if isinstance(core, type):
        return kind_of(core)
    annotations = getattr(core, "__annotations__", {})
    return kind_of(evaluate(annotations["return"], core)) if "return" in annotations else "unknown"
