"""The file descriptors that are ours, out of the way of code that closes or writes to low numbers it did not open."""

import contextlib
import os
from typing import Iterator, List, Tuple

# The server's end of them is given by these numbers.
COMMANDS_FD = 3
MESSAGES_FD = 4
# Beyond those that a program without many files has.
FIRST_FD = 100


@contextlib.contextmanager
def high_descriptors() -> Iterator[None]:
    """What is opened within it gets numbers from FIRST_FD on: the lower ones are taken meanwhile."""
    taken: List[int] = []
    try:
        try:
            taken.append(os.open(os.devnull, os.O_RDWR))
            while taken[-1] < FIRST_FD:
                taken.append(os.dup(taken[-1]))
            os.close(taken.pop())
        except OSError:
            # The system allows this process few: the low ones have to do.
            close_all(taken)
        yield
    finally:
        close_all(taken)


def close_all(descriptors: List[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())


def take_channels() -> Tuple[int, int]:
    """The descriptors of commands and messages, behind others than the server has opened. Raises OSError when it has opened none."""
    for fd in (COMMANDS_FD, MESSAGES_FD):
        os.set_blocking(fd, True)
    with high_descriptors():
        channels = (os.dup(COMMANDS_FD), os.dup(MESSAGES_FD))
    silence(COMMANDS_FD, MESSAGES_FD)
    return channels


def silence(*descriptors: int) -> None:
    """Nothing can be read from them, and what is written to them goes nowhere. Programs that the agent starts do not get them."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in descriptors:
        os.dup2(null, fd, inheritable=False)
    os.close(null)
