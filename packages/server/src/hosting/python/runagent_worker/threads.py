"""How code of the agent is stopped that goes on after its cancel, in a thread or in the event loop, and where it is when it does not stop."""

import asyncio
import json
import signal
import sys
import threading
import time
import types
import typing
from typing import Any, Callable, Coroutine, Generator, List, Optional, Type

from .errors import Stopped, attempt
from .log import is_ours

try:
    import ctypes
except Exception:
    # Some builds of Python have none, some systems forbid what it does: a thread that goes on is told to the server instead.
    ctypes = None

if typing.TYPE_CHECKING:
    from .invocation import Invocation

# Code that still runs this long after the cancel, and that the cancel has not reached, gets an exception.
STOP_SECONDS = 1
# And this long after it, the server is told.
STUCK_SECONDS = 5


def start_daemon(target: Callable[..., None], *args: Any) -> None:
    threading.Thread(target=target, args=args, daemon=True).start()


def watch(invocation: "Invocation") -> None:
    """Runs in a thread of its own, from the cancel on."""
    for _ in range(STUCK_SECONDS // STOP_SECONDS):
        if invocation.over.wait(STOP_SECONDS):
            return
        stop(invocation)
    where = attempt(lambda: find_place(invocation), None)
    told = {"seconds": STUCK_SECONDS} if where is None else {"seconds": STUCK_SECONDS, "where": where}
    invocation.worker.writer.put("stuck %d %s\n" % (invocation.id, json.dumps(told)))


def stop(invocation: "Invocation") -> None:
    """Raises Stopped in the invocation's thread, if the agent's code runs there and does not know of the cancel."""
    invocation.raising = True
    if invocation.inside and not invocation.told:
        invocation.raised = set_async_exception(invocation.thread_id, stopped_for(invocation))
        attempt(lambda: wake(invocation.thread_id), None)
    invocation.raising = False


def stopped_for(invocation: "Invocation") -> Type[Stopped]:
    """A Stopped that tells when it is raised. Nobody else knows: it may be taken back before."""

    def init(self: Stopped) -> None:
        invocation.told = True

    return type(Stopped.__name__, (Stopped,), {"__init__": init})


def disarm(invocation: "Invocation") -> None:
    """After this, no Stopped comes into the thread any more, which is the one that calls."""
    invocation.inside = False
    while invocation.raising:
        time.sleep(0.001)
    if invocation.raised:
        set_async_exception(invocation.thread_id, None)


@types.coroutine
def run_steps(invocation: "Invocation", coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """
    Runs the coroutine of a task, and gives what it returns, or None when a Stopped has come just behind its end. Between two of its steps,
    where the event loop runs something else, no Stopped comes.
    """
    resume: Callable[[Any], Any] = coroutine.send
    value, inside = None, False
    while True:
        ended = False
        try:
            invocation.inside = inside
            try:
                value = resume(value)
            except StopIteration as end:
                value, ended = end.value, True
            inside = invocation.inside
            disarm(invocation)
        except Stopped as stopped:
            # It came just behind a step.
            disarm(invocation)
            if coroutine.cr_frame is None:
                return None
            resume, value = coroutine.throw, stopped
            continue
        if ended:
            return value
        try:
            value = yield value
            resume = coroutine.send
        except BaseException as error:
            resume, value = coroutine.throw, error


def set_async_exception(thread_id: int, exception: Any) -> bool:
    """Makes an exception be raised in another thread, when it next runs Python code; None takes it back."""
    if ctypes is None:
        return False
    raised = ctypes.py_object() if exception is None else ctypes.py_object(exception)
    return ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), raised) > 0


def wake(thread_id: int) -> None:
    """Code that sleeps in the system is reached by no exception."""
    main = threading.main_thread().ident
    if thread_id == main:
        # Python looks whether there is something to do when a signal comes. Ours does nothing.
        if signal.getsignal(signal.SIGINT) is ignore_signal:
            signal.pthread_kill(main, signal.SIGINT)
        return
    # A plain function may run an event loop of its own.
    for frame in list_frames(sys._current_frames().get(thread_id)):
        if frame.f_code is asyncio.BaseEventLoop.run_forever.__code__:
            frame.f_locals["self"].call_soon_threadsafe(lambda: None)


def ignore_signal(*_: Any) -> None:
    """Handles Ctrl-C in a terminal, which is for the server. Programs that the agent starts get the default back."""


def find_place(invocation: "Invocation") -> Optional[str]:
    """The innermost line of the agent's code that runs."""
    in_task = invocation.task is not None
    frames = list_task_frames(invocation) if in_task else list_frames(sys._current_frames().get(invocation.thread_id))
    loader = invocation.worker.loader
    theirs = [frame for frame in frames if not is_ours(frame.f_code.co_filename)]
    agents = [frame for frame in theirs if loader.is_agent_code(frame.f_code.co_filename)] or theirs
    if not agents:
        return None
    code = agents[0].f_code
    return "%s:%d in %s" % (loader.shown(code.co_filename), agents[0].f_lineno or 0, code.co_name)


def list_task_frames(invocation: "Invocation") -> List[Any]:
    """Innermost first."""
    frames: List[Any] = []
    for awaited in (invocation.coroutine, invocation.iterator):
        while awaited is not None and len(frames) < 1000:
            prefix = next((one for one in ("cr_", "ag_", "gi_") if hasattr(awaited, one + "frame")), None)
            frame = None if prefix is None else getattr(awaited, prefix + "frame")
            if prefix is None or frame is None:
                break
            frames.insert(0, frame)
            awaited = getattr(awaited, "gi_yieldfrom" if prefix == "gi_" else prefix + "await")
    running = list_frames(sys._current_frames().get(threading.main_thread().ident or 0))
    # One that does not wait, but keeps the event loop for itself, has called on from there.
    return running if any(frame in running for frame in frames) else frames


def list_frames(frame: Any) -> List[Any]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames
