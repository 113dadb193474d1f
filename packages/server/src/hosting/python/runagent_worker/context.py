"""
What an entrypoint gets as `ctx`: who asks, what it tells its callers beside the chunks, and what it asks of them.

    ctx.emit(event)                  tells something: a dict with a "type"
    ctx.turn()                       marks the end of a turn; where a caller asked to stop after it, the invocation ends here
    ctx.require_approval(tool, args) asks people whether a tool may be called, and waits for the decision

In plain functions and generators they wait until it is done, and in async code they are awaited: `await ctx.turn()`. What decides is where
the call is made: a plain function that async code runs in a thread waits there, and holds up nobody else.
"""

import dataclasses
import json
import os
import typing
from typing import Any, Callable, Dict, Optional

from .conversion import to_json
from .errors import NotJson, TooLarge
from .waits import Wait

if typing.TYPE_CHECKING:
    from .invocation import Invocation

MAX_TYPE_LENGTH = 128
OWN_TYPES = ("approval_required", "approval_decided")
# An agent that tells more than this, in characters, while nobody takes it is stopped: it does not wait.
MAX_EVENTS = 8388608


@dataclasses.dataclass(frozen=True)
class Approval:
    """What was decided. It is true when that was to approve."""

    approval_id: str
    decision: str
    reason: Optional[str] = None
    decided_by: Optional[str] = None

    @property
    def approved(self) -> bool:
        return self.decision == "approve"

    def __bool__(self) -> bool:
        return self.approved


class Context:
    """What an entrypoint knows of its invocation, and can do in it."""

    def __init__(self, invocation: "Invocation") -> None:
        self._invocation = invocation
        command = invocation.command
        self.invocation_id: str = command["invocation_id"]
        self.user_id: Optional[str] = command["user_id"]
        self.persistent_memory: bool = command["persistent_memory"]

    @property
    def cancelled(self) -> bool:
        """True when nobody wants the outcome any more: the invocation was cancelled, timed out, or ended by the server."""
        return self._invocation.cancelled

    def emit(self, event: Any) -> Any:
        """
        Tells the callers something beside the chunks, in order with them: a dict with a "type". Wait for it, and a slow caller slows the agent
        down. After the end of the invocation it does nothing. Raises ValueError, at once, for what is no JSON object with a type.
        """
        invocation = self._invocation
        check_process(invocation)
        text = write(invocation, event, "The event")
        kind = event.get("type") if isinstance(event, dict) else None
        check_type(kind if type(kind) is str else read_type(text))
        if invocation.sent - invocation.acked > MAX_EVENTS and not invocation.cancelled:
            raise RuntimeError("No caller takes the events so fast: wait for each, in async code with `await ctx.emit(…)`.")
        invocation.tell("event", text)
        wait = Wait(invocation)
        invocation.waits.add_for_room(wait)
        return wait.begin()

    def turn(self) -> Any:
        """
        Marks the end of a turn: the model has answered, and the tools it called have run. Where a caller asked to stop after the turn, the
        invocation ends here, and the next turn does not begin.
        """
        return self._ask("turn", str, lambda answer: None)

    def require_approval(self, tool_name: str, arguments: Any = None, *, expires_in: Optional[float] = None, **more: Any) -> Any:
        """
        Asks the people at the other end whether a tool may be called, and waits for the decision: seconds or days. Gives the Approval, also when
        they reject. `expires_in` is in seconds; after them the server rejects. What else they should see goes into `more`. Raises ValueError
        for what cannot be asked.
        """
        request: Dict[str, Any] = dict(more, tool_name=tool_name, arguments=arguments)
        if expires_in is not None:
            request["expiresIn"] = expires_in
        text = write(self._invocation, request, "The request for approval")
        return self._ask("approval", lambda number: '{"number":%d,"request":%s}' % (number, text), read_approval)

    def _ask(self, kind: str, to_text: Callable[[int], str], read: Callable[[Any], Any]) -> Any:
        invocation = self._invocation
        check_process(invocation)
        wait = Wait(invocation)
        invocation.tell(kind, to_text(invocation.waits.add_asked(wait, read)))
        return wait.begin()

    def __repr__(self) -> str:
        return "<ctx of the invocation %s>" % self.invocation_id


def check_process(invocation: "Invocation") -> None:
    """In a process that the agent has forked nobody reads what is told, and an answer would be waited for without end."""
    if os.getpid() != invocation.worker.pid:
        raise RuntimeError("ctx works in the process of the agent only: give what this one has found out back to that, and tell or ask there.")


def write(invocation: "Invocation", value: Any, what: str) -> str:
    limit = invocation.worker.max_chunk_bytes
    try:
        return to_json(value, limit)
    except NotJson as error:
        raise ValueError("%s is not JSON: %s." % (what, error)) from error.__cause__
    except TooLarge:
        raise ValueError("%s is larger than %d bytes." % (what, limit)) from None


def read_type(text: str) -> Any:
    """The type of an event that is no plain dict, but becomes an object."""
    return json.loads(text).get("type") if text.startswith("{") else None


def check_type(kind: Any) -> None:
    if kind in OWN_TYPES:
        raise ValueError("An event of type %s cannot be emitted: call ctx.require_approval, which makes these events." % kind)
    # As the server counts.
    if isinstance(kind, str) and 1 <= len(kind.encode("utf-16-le", "surrogatepass")) // 2 <= MAX_TYPE_LENGTH:
        return
    raise ValueError('An event must be a dict with a "type" of 1 to %d characters, such as {"type": "progress", "done": 0.5}.' % MAX_TYPE_LENGTH)


def read_approval(answer: Dict[str, Any]) -> Approval:
    return Approval(answer["approvalId"], answer["decision"], answer.get("reason"), answer.get("decidedBy"))
