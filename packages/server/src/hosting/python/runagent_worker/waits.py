"""What code of the agent waits for: in a thread, which it blocks, or on an event loop, where it is awaited."""

import asyncio
import threading
import time
import typing
from typing import Any, Callable, Dict, Generator, List, Optional, Tuple

from .errors import Stopped, attempt

if typing.TYPE_CHECKING:
    from .invocation import Invocation

# Async code that never waits gives the others a turn after this many calls, or seconds.
CALLS_PER_TURN = 64
TURN_SECONDS = 0.004


class Wait:
    """One thing that is waited for. Whoever makes it waits for it; it is settled once, from any thread."""

    def __init__(self, invocation: "Invocation") -> None:
        self.invocation = invocation
        self.loop = find_loop()
        self.event = threading.Event()
        self.future: Any = None if self.loop is None else self.loop.create_future()
        self.settled = False
        self.give: Callable[[], Any] = nothing

    def settle(self, give: Callable[[], Any]) -> None:
        """What `give` returns or raises is the outcome."""
        self.give = give
        self.settled = True
        self.event.set()
        if self.loop is not None:
            # The loop may be closed: then nobody waits any more.
            attempt(lambda: self.loop.call_soon_threadsafe(self.settle_future), None)

    def settle_future(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def settle_at_once(self, give: Callable[[], Any]) -> None:
        """Before anybody waits, so that nobody need be woken."""
        self.give = give
        self.settled = True
        self.event.set()

    def begin(self) -> Any:
        """In a thread, waits and gives the outcome. On an event loop, gives what is to be awaited."""
        if self.loop is not None:
            return Awaited(self)
        self.event.wait()
        return self.give()

    async def run(self) -> Any:
        if not self.settled:
            await self.future
        elif self.invocation.waits.is_due():
            await asyncio.sleep(0)
        return self.give()

    def stop(self) -> None:
        """Raises what ends the agent's code after a cancel."""
        invocation = self.invocation
        if threading.get_ident() == invocation.thread_id and self.loop is not invocation.worker.loop:
            # Once is enough: a second exception would cut finally blocks short.
            invocation.told = True
        raise Stopped() if self.loop is None else asyncio.CancelledError()

    def stop_once(self) -> None:
        """Raises it where the agent's code does not know of the cancel, and nothing else would tell it at once."""
        invocation = self.invocation
        if self.loop is None and threading.get_ident() == invocation.thread_id and invocation.inside and not invocation.told:
            self.stop()


class Awaited:
    """What the methods of `ctx` give on an event loop."""

    def __init__(self, wait: Wait) -> None:
        self._wait = wait

    def __await__(self) -> Generator[Any, None, Any]:
        return self._wait.run().__await__()

    def __bool__(self) -> bool:
        """Nobody must take the question for its answer."""
        raise TypeError("This is not known yet: in async code, write `await` before the call.")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError("There is no %s yet: in async code, write `await` before the call." % name)


class Waits:
    """All that the agent's code of one invocation waits for."""

    def __init__(self, invocation: "Invocation") -> None:
        self.invocation = invocation
        self.lock = threading.Lock()
        # Those that wait until the server has taken what was sent.
        self.for_room: List[Wait] = []
        # Those that wait for an answer, by number, and how it is read.
        self.asked: Dict[int, Tuple[Wait, Callable[[Any], Any]]] = {}
        self.last_number = 0
        self.calls = 0
        self.turn_end = 0.0

    def add_for_room(self, wait: Wait) -> None:
        if self.invocation.has_room(1) or self.is_over():
            return wait.settle_at_once(wait.stop_once if self.invocation.cancelled else nothing)
        with self.lock:
            self.for_room.append(wait)
        # What came in between has woken nobody.
        self.look()

    def add_asked(self, wait: Wait, read: Callable[[Any], Any]) -> int:
        with self.lock:
            self.last_number += 1
            number = self.last_number
            self.asked[number] = (wait, read)
        self.look()
        return number

    def look(self) -> None:
        """Settles what need not wait any more."""
        invocation = self.invocation
        over = self.is_over()
        with self.lock:
            for_room: List[Wait] = []
            asked: List[Wait] = []
            if over or invocation.has_room(1):
                for_room, self.for_room = self.for_room, []
            if over:
                asked = [wait for wait, _ in self.asked.values()]
                self.asked = {}
        for wait in for_room:
            wait.settle(wait.stop_once if invocation.cancelled else nothing)
        for wait in asked:
            wait.settle(wait.stop if invocation.cancelled else raise_ended)

    def answer(self, command: Dict[str, Any]) -> None:
        """The server answers."""
        with self.lock:
            asked = self.asked.pop(command["number"], None)
        if asked is None:
            return
        wait, read = asked
        error, answer = command.get("error"), command["answer"]
        wait.settle((lambda: read(answer)) if error is None else (lambda: raise_refused(error)))

    def is_over(self) -> bool:
        return self.invocation.cancelled or self.invocation.over.is_set()

    def is_due(self) -> bool:
        """True when async code has gone on for long enough, or is to learn of its cancel."""
        self.calls += 1
        now = time.monotonic()
        if self.calls % CALLS_PER_TURN != 0 and now < self.turn_end and not self.invocation.cancelled:
            return False
        self.turn_end = now + TURN_SECONDS
        return True


def find_loop() -> Any:
    """The event loop that runs in this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def nothing() -> None:
    """The outcome of what has none."""


def raise_ended() -> None:
    raise RuntimeError("The invocation has ended.")


def raise_refused(error: Dict[str, Any]) -> None:
    # The names of the protocol are those of TypeScript.
    message = str(error["message"]).replace("expiresIn", "expires_in")
    raise ValueError(message) if error["code"] == "VALIDATION_ERROR" else RuntimeError(message)
