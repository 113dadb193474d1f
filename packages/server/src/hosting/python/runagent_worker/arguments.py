"""The arguments of a call, as its function takes them."""

import difflib
import inspect
from typing import Any, Dict, List

from .entrypoint import Entrypoint
from .errors import Failure


def complete_arguments(entrypoint: Entrypoint, command: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """
    The named arguments of a call: those of the request, and whose memory it uses, and its context, where the function asks for them. Raises
    Failure when the function does not take them.
    """
    args, kwargs = command["args"], dict(command["kwargs"])
    parameters = entrypoint.parameters
    if parameters is None:
        return kwargs
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    given = {one.name for one in positional[: len(args)]}
    for one in parameters:
        if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) or one.name in kwargs or one.name in given:
            continue
        if one.name == "user_id" and command["user_id"] is not None:
            kwargs["user_id"] = command["user_id"]
        # A request that says nothing of it leaves it to the function's default.
        if one.name == "persistent_memory" and (command["persistent_memory"] or one.default is one.empty):
            kwargs["persistent_memory"] = command["persistent_memory"]
        if one.name == entrypoint.context_name:
            kwargs[one.name] = context
    check_arguments(entrypoint, parameters, positional, args, kwargs)
    return kwargs


def check_arguments(
    entrypoint: Entrypoint, parameters: List[inspect.Parameter], positional: List[inspect.Parameter], args: List[Any], kwargs: Dict[str, Any]
) -> None:
    takes = "it takes %s." % list_parameters([one for one in parameters if one.name != entrypoint.context_name])
    if len(args) > len(positional) and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        text = "%s takes at most %d positional arguments, and input_args has %d; %s" % (entrypoint.name, len(positional), len(args), takes)
        raise Failure("VALIDATION_ERROR", text, "input_args")
    by_position = {one.name for one in positional[: len(args)]}
    by_name = {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    is_open = any(one.kind is one.VAR_KEYWORD for one in parameters)
    for name in kwargs:
        if name in by_name and name in by_position:
            text = '%s is given the argument "%s" twice, in input_args and in input_kwargs; %s' % (entrypoint.name, name, takes)
            raise Failure("VALIDATION_ERROR", text, name)
        if name not in by_name and not is_open:
            raise unknown_argument(entrypoint, name, parameters, by_name, takes)
    for one in parameters:
        required = one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        if required and one.name not in by_position and not (one.name in kwargs and one.name in by_name):
            raise Failure("VALIDATION_ERROR", '%s needs the argument "%s"; %s' % (entrypoint.name, one.name, takes), one.name)


def unknown_argument(entrypoint: Entrypoint, name: str, parameters: List[inspect.Parameter], by_name: Any, takes: str) -> Failure:
    text = '%s has no argument "%s"; %s' % (entrypoint.name, name, takes)
    if any(one.name == name and one.kind is one.POSITIONAL_ONLY for one in parameters):
        text = '%s takes "%s" by position only; %s' % (entrypoint.name, name, takes)
        return Failure("VALIDATION_ERROR", text, name, "Pass it in input_args.")
    close = difflib.get_close_matches(name, sorted(by_name - {entrypoint.context_name}), 1)
    return Failure("VALIDATION_ERROR", text, name, 'Did you mean "%s"?' % close[0] if close else None)


def list_parameters(parameters: List[inspect.Parameter]) -> str:
    def show(one: inspect.Parameter) -> str:
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind)
        if stars is not None:
            return stars + one.name
        return one.name if one.default is one.empty else one.name + " (optional)"

    return ", ".join(show(one) for one in parameters) or "no arguments"
