/** The process that runs Python agents: every kind of entrypoint, and those that do not fit their tags. */
import { beforeAll, describe, expect, test } from "vitest";
import { findPythons, type PythonPeer, startWorker } from "./python-peer.ts";

const KINDS = `
import asyncio, functools, threading
from typing import AsyncIterator, Dict, Iterator, Literal, Optional, Union

def generator():
    for number in range(3):
        yield number

async def async_generator():
    for number in range(3):
        await asyncio.sleep(0)
        yield number

def returns_list():
    return [0, 1, 2]

def returns_iterator() -> Iterator[int]:
    return iter(range(3))

def returns_generator():
    return generator()

def returns_async_generator():
    return async_generator()

async def coroutine_returns_list():
    return (0, 1, 2)

async def coroutine_returns_generator():
    return generator()

async def coroutine_returns_async_generator() -> "AsyncIterator[int]":
    return async_generator()

def count_to(end, start=0):
    for number in range(start, end):
        yield number

partial = functools.partial(count_to, end=3)

class Counter:
    end = 3
    def count(self):
        yield from range(self.end)
    async def count_async(self):
        for number in range(self.end):
            yield number
    def __call__(self):
        yield from range(self.end)
    @staticmethod
    def static():
        yield from range(3)

class AsyncCallable:
    async def __call__(self):
        for number in range(3):
            yield number

counter = Counter()
async_callable = AsyncCallable()

def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

decorated = logged(generator)
decorated_async = logged(async_generator)
decorated_iterator = logged(returns_iterator)

def passing_on(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        yield from function(*args, **kwargs)
    return wrapper

passed_on = passing_on(returns_list)

def collecting(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return {"reply": "".join(function(*args, **kwargs))}
    return wrapper

@collecting
def letters() -> Iterator[str]:
    yield from "hello"

def collecting_async(function):
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        return {"reply": "".join([letter async for letter in function(*args, **kwargs)])}
    return wrapper

@collecting_async
async def letters_async() -> AsyncIterator[str]:
    for letter in "hello":
        yield letter

letters_partial = functools.partial(letters)

class Items:
    def __getitem__(self, index):
        if index > 2:
            raise IndexError
        return index

def returns_items():
    return Items()

class Nexts:
    number = -1
    def __next__(self):
        self.number += 1
        if self.number > 2:
            raise StopIteration
        return self.number

def returns_nexts():
    return Nexts()

class AsyncNexts:
    number = -1
    async def __anext__(self):
        self.number += 1
        if self.number > 2:
            raise StopAsyncIteration
        return self.number

def returns_async_nexts():
    return AsyncNexts()

def returns_set():
    return {0}

def value():
    return {"reply": "hello"}

async def coroutine():
    await asyncio.sleep(0)
    return {"reply": "hello"}

class Model:
    def answer(self) -> Dict[str, str]:
        return {"reply": "hello"}
    async def __call__(self):
        return {"reply": "hello"}

model = Model()
decorated_coroutine = logged(coroutine)

class Later:
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return {"reply": "hello"}

def returns_awaitable():
    return Later()

def runs_a_loop():
    return asyncio.run(coroutine())

def text() -> str:
    return "hello"

async def nothing() -> None:
    pass

def number() -> "Optional[int]":
    return 1

decorated_text = logged(text)
`;

const STREAMS = [
  ...["generator", "async_generator", "returns_list", "returns_iterator", "returns_generator", "returns_async_generator"],
  ...["coroutine_returns_list", "coroutine_returns_generator", "coroutine_returns_async_generator", "partial", "counter.count"],
  ...["counter.count_async", "counter", "Counter.static", "async_callable", "decorated", "decorated_async"],
  ...["decorated_iterator", "passed_on", "returns_items", "returns_nexts", "returns_async_nexts"],
];
const VALUES = [
  "value",
  "coroutine",
  "model.answer",
  "model",
  "decorated_coroutine",
  "returns_awaitable",
  "runs_a_loop",
  "letters",
  "letters_async",
  "letters_partial",
];
const MIXED = ["text", "decorated_text", "nothing", "number", "returns_set"];

const entries = (names: readonly string[], suffix: string): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`${name}${suffix}`, `main.py:${name}`]));

describe.each(findPythons())("Python $version", (python) => {
  describe("kinds of entrypoints", () => {
    let worker: PythonPeer;
    beforeAll(async () => {
      const tags = { ...entries([...STREAMS, ...MIXED], "_stream"), ...entries([...STREAMS, ...VALUES, ...MIXED], "") };
      worker = startWorker(python, { "main.py": KINDS }, { ...tags, value_stream: "main.py:value", model_stream: "main.py:model" });
      await worker.ready();
    });

    test("says which Python it is, and what each yields so far as it shows", async () => {
      const entrypoints = await worker.ready();
      expect(worker.messages[0]?.value).toMatchObject({ language: "python", version: python.version });
      const yields = (name: string): unknown => entrypoints[name]?.yields;
      for (const name of ["generator", "async_generator", "returns_iterator", "coroutine_returns_async_generator", "partial"]) {
        expect([name, yields(name)]).toEqual([name, "chunks"]);
      }
      for (const name of ["counter.count", "counter", "Counter.static", "async_callable", "passed_on"]) {
        expect([name, yields(name)]).toEqual([name, "chunks"]);
      }
      for (const name of ["text", "nothing", "number", "model.answer"]) expect([name, yields(name)]).toEqual([name, "value"]);
      for (const name of ["value", "coroutine", "returns_list", "model"]) expect([name, yields(name)]).toEqual([name, "unknown"]);
      // A decorator may do anything with what the function gives.
      for (const name of [
        "decorated",
        "decorated_async",
        "decorated_iterator",
        "letters",
        "letters_async",
        "letters_partial",
        "decorated_text",
      ]) {
        expect([name, yields(name)]).toEqual([name, "unknown"]);
      }
    });

    test.each(STREAMS)("%s streams", async (name) => {
      const { chunks, end } = await worker.stream(`${name}_stream`);
      expect({ chunks, end: end.kind }).toEqual({ chunks: [0, 1, 2], end: "done" });
    });

    test.each(VALUES)("%s gives a result", async (name) => {
      expect(await worker.result(name)).toEqual({ reply: "hello" });
    });

    test("null, text and numbers are results", async () => {
      expect([await worker.result("text"), await worker.result("nothing"), await worker.result("number")]).toEqual(["hello", null, 1]);
      expect(await worker.result("returns_list")).toEqual([0, 1, 2]);
    });

    test.each(["text", "nothing", "number", "value", "model"])("%s does not stream, and the message says what to do", async (name) => {
      const { end } = await worker.stream(`${name}_stream`);
      const what = { text: "a value of type str", nothing: "nothing", number: "a value of type int" }[name] ?? "a value of type dict";
      expect(end).toMatchObject({
        kind: "failed",
        value: {
          code: "EXECUTION_ERROR",
          message: `The entrypoint "${name}_stream" must yield chunks or return an iterable, and returned ${what}.`,
          suggestion: "Write it as a generator that yields its chunks, or give it a tag that does not end in _stream.",
        },
      });
    });

    test.each([
      ["generator", "generator"],
      ["async_generator", "async_generator"],
      ["returns_async_generator", "async_generator"],
      ["coroutine_returns_generator", "generator"],
      ["returns_nexts", "Nexts"],
      ["returns_async_nexts", "AsyncNexts"],
    ])("%s under a tag that does not stream fails, and the message says what to do", async (name, type) => {
      expect((await worker.call(name)).value).toEqual({
        code: "EXECUTION_ERROR",
        message: `The entrypoint "${name}" returned a value of type ${type}, and its tag does not end in _stream.`,
        suggestion: `Name it "${name}_stream" to stream its chunks, or return the whole result.`,
      });
    });

    test("a tag that nobody has, and commands that are none", async () => {
      expect((await worker.call("other")).value).toMatchObject({
        code: "EXECUTION_ERROR",
        message: 'The agent has no entrypoint "other".',
      });
      worker.write('{"op":\n"nonsense"\n{"op":"cancel","id":12345}\n{"op":"ack","id":12345,"bytes":1}\n{"op":"start","id":77}\n');
      expect(await worker.result("text")).toBe("hello");
      await worker.printed("The server sent a command that cannot be obeyed");
      expect(worker.stderr).not.toContain("Traceback");
    });
  });
});
