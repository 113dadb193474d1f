"""An agent of plain functions, one of each kind that can be served. It needs nothing but Python."""

import asyncio
from typing import AsyncIterator, Dict, Iterator, List


def chat(message: str) -> str:
    """Answers in one piece."""
    print(f"chat was asked: {message}")
    return f"You said: {message}"


async def count(text: str) -> Dict[str, int]:
    """Counts words and letters, without keeping others waiting."""
    await asyncio.sleep(0)
    return {"words": len(text.split()), "letters": len(text)}


def chat_stream(message: str, user_id: str = "anonymous") -> Iterator[str]:
    """Answers word by word."""
    yield "Hello "
    yield f"{user_id}! "
    for word in f"You said: {message}".split():
        yield word + " "


async def explain_stream(topic: str, steps: int = 3) -> AsyncIterator[Dict[str, object]]:
    """Explains a topic step by step; each chunk is an object."""
    for step in range(1, steps + 1):
        await asyncio.sleep(0.01)
        yield {"step": step, "text": f"{topic}, part {step} of {steps}"}


def numbers(upto: int = 3) -> List[int]:
    """Returns an iterable: its members are the chunks."""
    return list(range(1, upto + 1))


class App:
    """As frameworks build them: an object whose methods are called."""

    def __init__(self, name: str) -> None:
        self.name = name

    def invoke(self, *args, **kwargs):
        return {"app": self.name, "args": list(args), "kwargs": kwargs}

    def stream(self, prompt: str):
        for letter in prompt:
            yield {"app": self.name, "delta": {"text": letter}}


app = App("echo")
