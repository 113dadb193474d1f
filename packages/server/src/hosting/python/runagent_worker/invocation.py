"""One call of a function, from its start to its end."""

import asyncio
import contextvars
import inspect
import json
import threading
import time
import typing
from typing import Any, Awaitable, Callable, Dict, Optional, Tuple

from .arguments import complete_arguments
from .context import Context
from .conversion import to_json
from .errors import Failure, NotJson, Stopped, TooLarge
from .log import describe, log_traceback
from .own_loops import allow_loop, close_loop
from .returned import dispose, is_async_iterable, is_iterable, not_streaming, to_async_iterator, to_iterator
from .threads import disarm, run_steps, start_daemon, watch
from .waits import Waits

if typing.TYPE_CHECKING:
    from .process import Worker

# An async agent that never waits gives the others a turn after this many chunks, or seconds.
CHUNKS_PER_TURN = 64
TURN_SECONDS = 0.004

# How one ends: the kind of the message, and its JSON.
End = Tuple[str, str]
DONE: End = ("done", "null")
CANCELLED: End = ("cancelled", "null")
# Another thread, or the event loop, goes on with what is left.
HANDED_OVER: End = ("", "")
NOTHING = object()


class Invocation:
    """
    One call of a function. It moves between two places: a thread of its own, for code that may block, and a task of the event loop.

        launch ─▶ thread: call the function ──▶ pull its iterator ──▶ end
                       │ it returned something async      ▲ it returned something plain
                       ▼                                  │
        launch ─▶ task: call or await the function ──▶ pull its async iterator ──▶ end
    """

    def __init__(self, worker: "Worker", command: Dict[str, Any]) -> None:
        self.worker = worker
        self.id: int = command["id"]
        self.command = command
        self.entrypoint: Any = None
        self.kwargs: Dict[str, Any] = {}
        self.window: int = command["window"]
        # Several threads of the agent may send; acked is written by the reader alone.
        self.lock = threading.Lock()
        self.sent = 0
        self.acked = 0
        self.chunks = 0
        self.cancelled = False
        self.over = threading.Event()
        # What the agent's code waits for.
        self.waits = Waits(self)
        # What pulls in a thread waits for this one, in a task for the other.
        self.room = threading.Event()
        self.waiter: Optional["asyncio.Future[None]"] = None
        self.thread_id = 0
        # True while the thread runs code of the agent that an exception may stop.
        self.inside = False
        # True when an exception has told the agent's code of the cancel.
        self.told = False
        self.raising = False
        self.raised = False
        self.task: Optional["asyncio.Task[None]"] = None
        self.coroutine: Any = None
        # True while a cancel is to reach the task: not before its first step, nor while its iterator is closed because of that cancel.
        self.cancellable = False
        self.iterator: Any = None
        # What the function returned, for the other place to go on with.
        self.left: Any = None

    # Called by the reader thread.

    def launch(self) -> None:
        if self.cancelled:
            return self.end(CANCELLED)
        try:
            self.entrypoint = self.worker.find(self.command["tag"])
            self.kwargs = complete_arguments(self.entrypoint, self.command, Context(self))
            context = self.worker.context.copy()
            if self.entrypoint.is_async:
                self.worker.loop.call_soon_threadsafe(self.start_task, NOTHING, context=context)
            else:
                start_daemon(context.run, self.run_thread, NOTHING)
        except Failure as failure:
            self.end(failed(failure))
        except Exception as error:
            self.end(cannot_call(error))

    def ack(self, count: int) -> None:
        self.acked += count
        self.wake()
        self.waits.look()

    def cancel(self) -> None:
        if self.cancelled:
            return
        self.cancelled = True
        self.wake()
        self.worker.loop.call_soon_threadsafe(self.cancel_task)
        self.waits.look()
        start_daemon(watch, self)

    def wake(self) -> None:
        self.room.set()
        if self.waiter is not None:
            self.worker.loop.call_soon_threadsafe(self.wake_task)

    # Chunks and ends.

    def has_room(self, size: int) -> bool:
        waiting = self.sent - self.acked
        return waiting <= 0 or waiting + size <= self.window

    def encode(self, value: Any, what: str) -> str:
        try:
            return to_json(value, self.worker.max_chunk_bytes)
        except NotJson as error:
            if error.__cause__ is not None:
                log_traceback(error.__cause__)
            suggestion = "Yield and return only strings, finite numbers, booleans, None, and lists and dicts of those, or what converts to them."
            raise Failure("EXECUTION_ERROR", "%s of the agent is not JSON: %s." % (what, error), suggestion=suggestion) from None
        except TooLarge:
            message = "%s of the agent is larger than %d bytes." % (what, self.worker.max_chunk_bytes)
            raise Failure("EXECUTION_ERROR", message, suggestion="Give it in several chunks.") from None

    def encode_chunk(self, value: Any) -> str:
        self.chunks += 1
        return self.encode(value, "Chunk %d" % self.chunks)

    def tell(self, kind: str, text: str) -> None:
        """Sends a message of the call; the server acknowledges each by its length. After the end nobody listens."""
        if self.cancelled or self.over.is_set():
            return
        with self.lock:
            self.sent += len(text)
        self.worker.writer.put("%s %d %s\n" % (kind, self.id, text))

    def to_result(self, value: Any) -> End:
        if hasattr(value, "__next__") or hasattr(value, "__anext__"):
            dispose(value)
            raise not_streaming(self.entrypoint, value)
        return ("result", self.encode(value, "The result"))

    def to_end(self, error: BaseException) -> End:
        """How an invocation ends whose code raised this."""
        if isinstance(error, Failure) and not self.cancelled:
            return failed(error)
        expected = self.cancelled and isinstance(error, (Stopped, asyncio.CancelledError, GeneratorExit, Failure))
        if not expected:
            log_traceback(error)
        return CANCELLED if self.cancelled else failed(Failure("EXECUTION_ERROR", describe(error)))

    def end(self, end: End) -> None:
        kind, text = end
        self.iterator = self.task = self.coroutine = None
        self.worker.calls.pop(self.id, None)
        self.over.set()
        self.waits.look()
        self.worker.writer.put("%s %d %s\n" % (kind, self.id, text))

    def conclude(self, end: End, go_on: Callable[[Any], None]) -> None:
        """The last thing that happens in a place."""
        if end is not HANDED_OVER:
            return self.end(end)
        left, self.left = self.left, None
        try:
            go_on(left)
        except Exception as error:
            self.end(cannot_call(error))

    # In a thread.

    def run_thread(self, iterator: Any) -> None:
        self.thread_id = threading.get_ident()
        allow_loop()
        end = CANCELLED
        # Stopped comes once at most, but it may come anywhere: also just behind the agent's code.
        try:
            try:
                end = self.call() if iterator is NOTHING else self.pull(iterator)
            except BaseException as error:
                end = self.to_end(error)
            disarm(self)
        except Stopped:
            disarm(self)
        close_loop()
        self.conclude(end, self.go_on_in_task)

    def go_on_in_task(self, left: Any) -> None:
        self.worker.loop.call_soon_threadsafe(self.start_task, left, context=contextvars.copy_context())

    def call(self) -> End:
        entrypoint = self.entrypoint
        if self.cancelled:
            return CANCELLED
        self.inside = True
        returned = entrypoint.function(*self.command["args"], **self.kwargs)
        self.inside = False
        if self.cancelled:
            dispose(returned)
            return CANCELLED
        if inspect.isawaitable(returned) or (entrypoint.streaming and is_async_iterable(returned) and not is_iterable(returned)):
            self.left = returned
            return HANDED_OVER
        if entrypoint.streaming:
            return self.pull(to_iterator(entrypoint, returned))
        self.inside = True
        return self.to_result(returned)

    def pull(self, iterator: Any) -> End:
        self.iterator = iterator
        try:
            while not self.cancelled:
                if not self.has_room(1) and not self.await_room(1):
                    break
                self.inside = True
                try:
                    chunk = iterator.__next__()
                except BaseException as error:
                    self.iterator = None
                    if isinstance(error, StopIteration):
                        return CANCELLED if self.cancelled else DONE
                    raise
                if self.cancelled:
                    break
                text = self.encode_chunk(chunk)
                self.inside = False
                if not self.has_room(len(text)) and not self.await_room(len(text)):
                    break
                self.tell("chunk", text)
        finally:
            self.close()
        return CANCELLED

    def await_room(self, size: int) -> bool:
        """False when the invocation was cancelled meanwhile."""
        while True:
            self.room.clear()
            if self.cancelled:
                return False
            if self.has_room(size):
                return True
            self.room.wait()

    def close(self) -> None:
        """Lets the finally blocks of the agent's generator run."""
        # GeneratorExit tells it to stop: an exception because of the same cancel would cut its finally blocks short.
        self.inside = not self.cancelled
        close = getattr(self.iterator, "close", None)
        if not callable(close):
            return
        try:
            close()
        except BaseException as error:
            if not isinstance(error, Stopped):
                log_traceback(error)

    # In a task of the event loop.

    def start_task(self, returned: Any) -> None:
        if self.cancelled:
            dispose(returned)
            return self.end(CANCELLED)
        self.thread_id = threading.get_ident()
        self.coroutine = self.end_async(returned)
        self.task = self.worker.loop.create_task(self.run_task())

    def cancel_task(self) -> None:
        if self.task is not None and self.cancellable and not self.told:
            self.told = True
            self.task.cancel()

    def wake_task(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def run_task(self) -> None:
        self.cancellable = True
        end = await run_steps(self, self.coroutine)
        self.cancellable = False
        self.task = self.coroutine = None
        self.conclude(CANCELLED if end is None else end, self.go_on_in_thread)

    async def end_async(self, returned: Any) -> End:
        try:
            return await self.call_async(returned)
        except BaseException as error:
            return self.to_end(error)

    def go_on_in_thread(self, left: Any) -> None:
        start_daemon(contextvars.copy_context().run, self.run_thread, left)

    async def call_async(self, returned: Any) -> End:
        entrypoint = self.entrypoint
        if self.cancelled:
            dispose(returned)
            return CANCELLED
        self.inside = True
        if returned is NOTHING:
            returned = entrypoint.function(*self.command["args"], **self.kwargs)
        if inspect.isawaitable(returned):
            returned = await typing.cast(Awaitable[Any], returned)
        self.inside = False
        if self.cancelled:
            dispose(returned)
            return CANCELLED
        if not entrypoint.streaming:
            self.inside = True
            return self.to_result(returned)
        if is_async_iterable(returned):
            return await self.pull_async(to_async_iterator(returned))
        # What is not async may block, and must not block the others.
        self.left = to_iterator(entrypoint, returned)
        return HANDED_OVER

    async def pull_async(self, iterator: Any) -> End:
        self.iterator = iterator
        turn_end = time.monotonic() + TURN_SECONDS
        try:
            while not self.cancelled:
                if not self.has_room(1):
                    await self.await_room_async(1)
                    if self.cancelled:
                        break
                self.inside = True
                try:
                    chunk = await iterator.__anext__()
                except BaseException as error:
                    self.iterator = None
                    if isinstance(error, StopAsyncIteration):
                        return CANCELLED if self.cancelled else DONE
                    raise
                if self.cancelled:
                    break
                text = self.encode_chunk(chunk)
                self.inside = False
                if not self.has_room(len(text)):
                    await self.await_room_async(len(text))
                    if self.cancelled:
                        break
                self.tell("chunk", text)
                if self.chunks % CHUNKS_PER_TURN == 0 or time.monotonic() > turn_end:
                    await asyncio.sleep(0)
                    turn_end = time.monotonic() + TURN_SECONDS
        finally:
            await self.close_async()
        return CANCELLED

    async def await_room_async(self, size: int) -> None:
        while True:
            self.waiter = self.worker.loop.create_future()
            try:
                # An ack that came before the waiter was there has woken nobody.
                if self.cancelled or self.has_room(size):
                    return
                await self.waiter
            finally:
                self.waiter = None

    async def close_async(self) -> None:
        self.inside = self.cancellable = not self.cancelled
        close = getattr(self.iterator, "aclose", None)
        if not callable(close):
            return
        try:
            await close()
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                log_traceback(error)


def cannot_call(error: Exception) -> End:
    """No thread is left, or the agent has broken the event loop."""
    return failed(Failure("EXECUTION_ERROR", "The call cannot be made (%s)." % describe(error)))


def failed(failure: Failure) -> End:
    return ("failed", json.dumps(failure.told))
