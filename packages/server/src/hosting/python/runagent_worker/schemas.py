"""The named arguments of a function as JSON Schema, for those who want to know before they call it."""

import collections.abc
import enum
import inspect
import json
import typing
from typing import Any, Callable, Dict, List, Optional, Tuple

from .annotations import evaluate, is_union
from .errors import attempt

MAX_DEFAULT_LENGTH = 1000
MAX_SCHEMA_DEPTH = 6
SIMPLE_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object", type(None): "null"}


def describe_parameters(core: Callable[..., Any], parameters: Optional[List[inspect.Parameter]]) -> Optional[Dict[str, Any]]:
    """JSON Schema of the named arguments."""
    if parameters is None:
        return None
    function = inspect.unwrap(core)
    properties: Dict[str, Any] = {}
    required = []
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        annotation = parameter.annotation
        schema = {} if annotation is parameter.empty else attempt(lambda: schema_of(annotation, function, 0), {})
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        elif is_json(parameter.default):
            schema = dict(schema, default=parameter.default)
        properties[parameter.name] = schema
    is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": is_open}


def is_json(value: Any) -> bool:
    return attempt(lambda: len(json.dumps(value, allow_nan=False)) <= MAX_DEFAULT_LENGTH, False)


def schema_of(annotation: Any, function: Any, depth: int) -> Dict[str, Any]:
    """JSON Schema of an annotation; the empty one, which takes everything, where it says nothing about JSON."""
    annotation = evaluate(annotation, function)
    if depth > MAX_SCHEMA_DEPTH:
        return {}
    if hasattr(annotation, "__supertype__"):
        return schema_of(annotation.__supertype__, function, depth + 1)
    if hasattr(annotation, "__metadata__"):
        return schema_of(annotation.__origin__, function, depth + 1)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if is_union(origin):
        members = [schema_of(argument, function, depth + 1) for argument in arguments]
        return {} if {} in members else {"anyOf": members}
    if origin is typing.Literal:
        return {"enum": list(arguments)} if is_json(list(arguments)) else {}
    kind = type(None) if annotation is None else origin or annotation
    if not isinstance(kind, type):
        return {}
    if kind in SIMPLE_TYPES and not arguments:
        return {"type": SIMPLE_TYPES[kind]}
    if issubclass(kind, enum.Enum):
        values = [member.value for member in kind]
        return {"enum": values} if is_json(values) else {}
    if hasattr(kind, "__total__") and hasattr(kind, "__required_keys__"):
        members = {name: schema_of(member, function, depth + 1) for name, member in kind.__annotations__.items()}
        return {"type": "object", "properties": members, "required": sorted(kind.__required_keys__)}
    return schema_of_container(kind, arguments, function, depth)


def schema_of_container(kind: type, arguments: Tuple[Any, ...], function: Any, depth: int) -> Dict[str, Any]:
    if issubclass(kind, tuple):
        if not arguments or arguments[-1] is Ellipsis:
            return with_members({"type": "array"}, "items", arguments[:1], function, depth)
        members = [schema_of(argument, function, depth + 1) for argument in arguments]
        return {"type": "array", "prefixItems": members, "minItems": len(members), "maxItems": len(members)}
    if issubclass(kind, collections.abc.Mapping):
        return with_members({"type": "object"}, "additionalProperties", arguments[1:2], function, depth)
    if issubclass(kind, (str, bytes)):
        return {"type": "string"}
    array_likes = (collections.abc.Sequence, collections.abc.Set, collections.abc.Iterable, collections.abc.Collection)
    if kind in array_likes or issubclass(kind, (list, set, frozenset)) or kind is collections.abc.MutableSequence:
        return with_members({"type": "array"}, "items", arguments[:1], function, depth)
    return {}


def with_members(schema: Dict[str, Any], keyword: str, arguments: Tuple[Any, ...], function: Any, depth: int) -> Dict[str, Any]:
    members = schema_of(arguments[0], function, depth + 1) if arguments else {}
    return dict(schema, **{keyword: members}) if members else schema
