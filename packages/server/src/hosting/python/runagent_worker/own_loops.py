"""The event loop of a thread: a plain function may ask for one, as it may in a program of its own, whose functions run in the main thread."""

import asyncio
import sys
import threading
from typing import Optional

from .errors import attempt


class Local(threading.local):
    """Of each thread."""

    # True in one that runs a function of the agent.
    may_ask = False
    loop: Optional[asyncio.AbstractEventLoop] = None


local = Local()


def allow_loop() -> None:
    """From here on, asyncio.get_event_loop() makes a loop in this thread when there is none."""
    local.may_ask = True


def close_loop() -> None:
    """The function has ended."""
    loop = local.loop
    if loop is not None:
        attempt(loop.close, None)


# From 3.14 on, the main thread gets none unasked either.
if sys.version_info < (3, 14):

    class Policy(asyncio.DefaultEventLoopPolicy):
        """Makes loops in the threads of plain functions, too."""

        def get_event_loop(self) -> asyncio.AbstractEventLoop:
            try:
                return super().get_event_loop()
            except RuntimeError:
                if not local.may_ask:
                    raise
            # asyncio.run() sets aside the one that there was.
            if local.loop is None or local.loop.is_closed():
                local.loop = self.new_event_loop()
            self.set_event_loop(local.loop)
            return local.loop

    asyncio.set_event_loop_policy(Policy())
