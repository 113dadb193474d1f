"""The process: the server's commands to it, its messages to the server, and its end."""

import asyncio
import atexit
import contextvars
import errno
import faulthandler
import io
import json
import os
import queue
import selectors
import signal
import sys
import threading
import time
import traceback
from typing import Any, Dict, List, NoReturn

from .descriptors import high_descriptors, silence, take_channels
from .entrypoint import Entrypoint
from .errors import Failure, LoadError, attempt
from .invocation import CANCELLED, Invocation
from .loading import Loader
from .log import describe, is_ours, log_traceback, say
from .threads import ignore_signal, start_daemon

# What the end of the server leaves for finally blocks and exit functions.
LEAVE_SECONDS = 2
# The code of an event loop.
LOOP_FILES = (os.path.dirname(asyncio.__file__) + os.sep, selectors.__file__)


class Writer:
    """Sends messages to the server. Whatever has gathered while one write was under way goes out with the next."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lock = threading.Condition(threading.Lock())
        self.lines: List[str] = []
        self.idle = False
        self.busy = False

    def put(self, line: str) -> None:
        with self.lock:
            self.lines.append(line)
            if self.idle:
                self.idle = False
                self.lock.notify_all()

    def run(self) -> None:
        while True:
            with self.lock:
                self.busy = False
                while not self.lines:
                    self.idle = True
                    self.lock.wait()
                self.busy = True
                lines, self.lines = self.lines, []
            rest = memoryview("".join(lines).encode("ascii"))
            try:
                while rest:
                    rest = rest[os.write(self.fd, rest) :]
            except OSError as error:
                if error.errno == errno.EBADF:
                    fail(error)
                # The server is gone: the reader sees it too, and ends the process.

    def flush(self, deadline: float) -> None:
        while (self.lines or self.busy) and time.monotonic() < deadline:
            time.sleep(0.001)


class Worker:
    """The agent, its invocations, and the server's commands to them."""

    def __init__(self, commands_fd: int, messages_fd: int) -> None:
        self.pid = os.getpid()
        self.commands_fd = commands_fd
        self.writer = Writer(messages_fd)
        self.loop = new_event_loop()
        self.calls: Dict[int, Invocation] = {}
        self.max_chunk_bytes = 0
        self.loader: Any = None
        # By tag: the entrypoint, or why it cannot be called.
        self.entrypoints: Dict[str, Any] = {}
        # What the agent's modules set at their import is what every invocation begins with.
        self.context = contextvars.copy_context()
        self.loads: "queue.SimpleQueue[Dict[str, Any]]" = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.loaded = False
        # Starts that came before the agent was loaded.
        self.early: List[Invocation] = []
        self.leaving = False
        self.left = threading.Event()

    # In the main thread.

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        start_daemon(self.writer.run)
        start_daemon(self.read)
        self.load(self.loads.get())
        while not self.leaving:
            try:
                self.loop.run_forever()
            except BaseException as error:
                if is_of_loop(error):
                    fail(error)
                log_traceback(error)  # A task that the agent made has raised SystemExit or KeyboardInterrupt.
        attempt(getattr(atexit, "_run_exitfuncs", lambda: None), None)
        self.left.set()
        # The reader ends the process.
        threading.Event().wait()

    def load(self, command: Dict[str, Any]) -> None:
        self.max_chunk_bytes = command["max_chunk_bytes"]
        self.loader = Loader(command["folder"], command.get("fresh", False))
        told = [self.load_entrypoint(entry) for entry in command["entrypoints"]]
        # The modules may have run a loop of their own.
        if self.loop.is_closed():
            self.loop = new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.context = contextvars.copy_context()
        version = "%d.%d.%d" % sys.version_info[:3]
        self.writer.put("ready 0 %s\n" % json.dumps({"language": "python", "version": version, "entrypoints": told}))
        with self.lock:
            self.loaded = True
            early, self.early = self.early, []
        for invocation in early:
            invocation.launch()

    def load_entrypoint(self, entry: Dict[str, Any]) -> Dict[str, Any]:
        tag = entry["tag"]
        try:
            entrypoint = Entrypoint(tag, entry["module"], self.loader.find(entry["file"], entry["module"]))
        except LoadError as error:
            self.entrypoints[tag] = error
            return {"tag": tag, "error": str(error)}
        self.entrypoints[tag] = entrypoint
        return entrypoint.describe()

    # In the reader thread.

    def find(self, tag: str) -> Entrypoint:
        entrypoint = self.entrypoints.get(tag)
        if isinstance(entrypoint, Entrypoint):
            return entrypoint
        if entrypoint is None:
            raise Failure("EXECUTION_ERROR", 'The agent has no entrypoint "%s".' % tag)
        raise Failure("EXECUTION_ERROR", "The agent cannot be loaded: %s" % entrypoint, suggestion="Look at the agent's log.")

    def read(self) -> None:
        parts: List[bytes] = []
        while True:
            try:
                data = os.read(self.commands_fd, 262144)
            except OSError as error:
                if error.errno == errno.EBADF:
                    fail(error)
                data = b""
            if not data:
                return self.leave()
            parts.append(data)
            # A line of megabytes comes in many parts, and is put together once.
            if b"\n" not in data:
                continue
            *lines, rest = b"".join(parts).split(b"\n")
            parts = [rest]
            starts: List[Invocation] = []
            for line in lines:
                try:
                    self.obey(json.loads(line), starts)
                except Exception as error:
                    say("The server sent a command that cannot be obeyed (%s)." % describe(error))
            # Last, so that one whose cancel comes with its start never runs.
            for invocation in starts:
                invocation.launch()

    def obey(self, command: Dict[str, Any], starts: List[Invocation]) -> None:
        op = command["op"]
        if op == "load":
            return self.loads.put(command)
        if op == "ping":
            # From the event loop: whether that still turns is the question.
            self.loop.call_soon_threadsafe(self.writer.put, "pong 0 null\n")
            return
        if op == "start":
            invocation = self.calls[command["id"]] = Invocation(self, command)
            with self.lock:
                (starts if self.loaded else self.early).append(invocation)
            return
        call = self.calls.get(command["id"])
        if call is not None and op == "ack":
            call.ack(command["bytes"])
        elif call is not None and op == "answer":
            call.waits.answer(command)
        elif call is not None and op == "cancel" and self.withdraw(call, starts):
            call.end(CANCELLED)
        elif call is not None and op == "cancel":
            call.cancel()

    def withdraw(self, call: Invocation, starts: List[Invocation]) -> bool:
        """True when the invocation was not launched yet, and now never is."""
        with self.lock:
            for waiting in (starts, self.early):
                if call in waiting:
                    waiting.remove(call)
                    return True
        return False

    def leave(self) -> None:
        """Ends the process, because nobody is there any more."""
        deadline = time.monotonic() + LEAVE_SECONDS
        if self.loaded:
            calls = list(self.calls.values())
            for call in calls:
                call.cancel()
            for call in calls:
                call.over.wait(max(0, deadline - time.monotonic()))
            self.leaving = True
            attempt(lambda: self.loop.call_soon_threadsafe(self.loop.stop), None)
            self.left.wait(max(0, deadline - time.monotonic()))
            self.writer.flush(deadline)
        for stream in (sys.stdout, sys.stderr):
            attempt(lambda: stream.flush(), None)
        os._exit(0)


def is_of_loop(error: BaseException) -> bool:
    """True when the event loop itself cannot go on. What a task, a callback or a signal handler of the agent raises leaves it as it was."""
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        return False
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    return all(is_ours(file) or file.startswith(LOOP_FILES) for file in files)


failing = threading.Lock()


def fail(error: BaseException) -> NoReturn:
    """Ends the process, which cannot go on, with one line in the log. Several threads may find it out at the same time."""
    failing.acquire()
    why = ": the agent has closed file descriptors that it did not open" if isinstance(error, (OSError, ValueError)) else ""
    say("The process of the agent cannot go on (%s)%s." % (describe(error), why))
    os._exit(1)


def new_event_loop() -> asyncio.AbstractEventLoop:
    with high_descriptors():
        return asyncio.new_event_loop()


def main() -> None:
    try:
        channels = take_channels()
    except OSError:
        say("This program is started by `runagent serve`, and not by hand.")
        sys.exit(2)
    if hasattr(os, "register_at_fork"):
        # In a process that the agent forks they are ours, too.
        os.register_at_fork(after_in_child=lambda: silence(*channels))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    # A crash in native code names the line of the agent that led there.
    attempt(faulthandler.enable, None)
    signal.signal(signal.SIGINT, ignore_signal)
    try:
        Worker(*channels).run()
    except BaseException as error:
        say("The process that runs the agent has failed (%s)." % describe(error))
        os._exit(1)
