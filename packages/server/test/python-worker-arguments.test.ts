/** Arguments of Python entrypoints: how they are held against the function, and how it is described. */
import { beforeAll, describe, expect, test } from "vitest";
import { findPythons, type PythonPeer, startWorker } from "./python-peer.ts";

const AGENT = `
from __future__ import annotations
import functools
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Literal, NewType, Optional, Tuple, TypedDict, Union
if TYPE_CHECKING:
    from nowhere import Secret

def chat(message, user_id="anonymous"):
    return [message, user_id]

def chat_stream(message: str, user_id: str = "anonymous") -> Iterator[str]:
    yield message
    yield user_id

def many(*args, **kwargs):
    return [args, kwargs]

def strict(a, b=2, *, c, d=4):
    return [a, b, c, d]

def by_position(a, b=2, /):
    return [a, b]

def positional_and_open(a, /, **kwargs):
    return [a, kwargs]

def none():
    return "none"

def remembers(user_id, persistent_memory):
    return [user_id, persistent_memory]

def remembers_by_default(user_id=None, persistent_memory=True):
    return [user_id, persistent_memory]

def keywords_only(**kwargs):
    return kwargs

class Bot:
    """A bot."""
    def chat(self, message):
        return message
    def __call__(self, question):
        """Answers."""
        return question

bot = Bot()
half = functools.partial(strict, 1, c=3)
builtin = dict.fromkeys
no_signature = type("NoSignature", (), {"__call__": lambda *args: list(args[1:]), "__signature__": "broken"})()

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

class Place(TypedDict, total=False):
    city: str
    point: Tuple[float, float]

@dataclass
class Options:
    size: int

Name = NewType("Name", str)

def typed(
    text: str, count: int, ratio: float, flag: bool, names: List[str], scores: Dict[str, float], maybe: Optional[int],
    either: Union[int, str], choice: Literal["a", "b"], anything: Any, colour: Colour, place: Place, name: Name, items: list,
    options: Options, secret: Secret, deep: List[List[List[Dict[str, List[int]]]]], pair: Tuple[int, ...] = (), default=1.5, nothing: None = None,
    odd: 1 / 0 = None, unlike=object(), infinite=float("inf"),
) -> Secret:
    """Says what   it is
    told.

    And more that nobody reads.
    """

def untold(message: Secret, other: nonsense.Thing = 1) -> Iterator[Secret]:
    yield message
`;

const NAMES = [
  ...["chat", "chat_stream", "many", "strict", "by_position", "positional_and_open", "none", "remembers", "remembers_by_default"],
  ...["keywords_only", "bot.chat", "bot", "half", "builtin", "no_signature", "typed"],
];

describe.each(findPythons())("Python $version", (python) => {
  let worker: PythonPeer;
  beforeAll(async () => {
    const tags = Object.fromEntries(NAMES.map((name) => [name, `main.py:${name}`]));
    worker = startWorker(python, { "main.py": AGENT }, { ...tags, untold_stream: "main.py:untold" });
    await worker.ready();
  });

  test.each([
    ["chat", { args: ["a", "b"] }, ["a", "b"]],
    ["chat", { kwargs: { user_id: "b", message: "a" } }, ["a", "b"]],
    ["chat", { args: ["a"] }, ["a", "anonymous"]],
    ["chat", { args: ["a"], user_id: "u1" }, ["a", "u1"]],
    ["chat", { args: ["a", "b"], user_id: "u1" }, ["a", "b"]],
    ["chat", { kwargs: { message: "a", user_id: "b" }, user_id: "u1" }, ["a", "b"]],
    ["many", { args: [1, [2]], kwargs: { self: 3, ünï: 4 }, user_id: "u1" }, [[1, [2]], { self: 3, ünï: 4 }]],
    ["strict", { args: [1], kwargs: { c: 3 } }, [1, 2, 3, 4]],
    ["by_position", { args: [1] }, [1, 2]],
    ["positional_and_open", { args: [1], kwargs: { a: 2 } }, [1, { a: 2 }]],
    ["remembers", { user_id: "u1", persistent_memory: true }, ["u1", true]],
    ["remembers", { user_id: "u1" }, ["u1", false]],
    ["remembers_by_default", {}, [null, true]],
    ["remembers_by_default", { persistent_memory: true, user_id: "u1" }, ["u1", true]],
    ["keywords_only", { user_id: "u1", persistent_memory: true }, {}],
    ["bot.chat", { kwargs: { message: "a" } }, "a"],
    ["bot", { kwargs: { question: "a" } }, "a"],
    ["half", { kwargs: { d: 5 } }, [1, 2, 3, 5]],
    ["builtin", { args: [["a"]] }, { a: null }],
    ["no_signature", { args: [1, 2] }, [1, 2]],
  ])("%s takes %j", async (tag, call, result) => {
    expect(await worker.result(tag, call)).toEqual(result);
  });

  test.each([
    [
      "chat",
      { kwargs: { massage: "a" } },
      "massage",
      'chat has no argument "massage"; it takes message, user_id (optional).',
      'Did you mean "message"?',
    ],
    ["chat", { args: ["a"], kwargs: { zzz: 1 } }, "zzz", 'chat has no argument "zzz"; it takes message, user_id (optional).', undefined],
    ["chat", {}, "message", 'chat needs the argument "message"; it takes message, user_id (optional).', undefined],
    [
      "chat",
      { args: [1, 2, 3] },
      "input_args",
      "chat takes at most 2 positional arguments, and input_args has 3; it takes message, user_id (optional).",
      undefined,
    ],
    [
      "chat",
      { args: [1], kwargs: { message: 1 } },
      "message",
      'chat is given the argument "message" twice, in input_args and in input_kwargs; it takes message, user_id (optional).',
      undefined,
    ],
    ["none", { kwargs: { a: 1 } }, "a", 'none has no argument "a"; it takes no arguments.', undefined],
    ["strict", { args: [1, 2] }, "c", 'strict needs the argument "c"; it takes a, b (optional), c, d (optional).', undefined],
    [
      "by_position",
      { kwargs: { a: 1 } },
      "a",
      'by_position takes "a" by position only; it takes a, b (optional).',
      "Pass it in input_args.",
    ],
    ["positional_and_open", { kwargs: { a: 1 } }, "a", 'positional_and_open needs the argument "a"; it takes a, **kwargs.', undefined],
    ["remembers", {}, "user_id", 'remembers needs the argument "user_id"; it takes user_id, persistent_memory.', undefined],
    ["bot.chat", { kwargs: { self: 1 } }, "self", 'bot.chat has no argument "self"; it takes message.', undefined],
  ])("%s does not take %j", async (tag, call, field, message, suggestion) => {
    const { kind, value } = await worker.call(tag, call);
    expect({ kind, value }).toEqual({
      kind: "failed",
      value: { code: "VALIDATION_ERROR", message, field, ...(suggestion === undefined ? {} : { suggestion }) },
    });
    expect(worker.stderr).toBe("");
  });

  test("a stream checks its arguments before it begins", async () => {
    const { chunks, end } = await worker.stream("chat_stream", { kwargs: { mesage: "a" } });
    expect([chunks, end.kind]).toEqual([[], "failed"]);
    expect((await worker.stream("chat_stream", { args: ["a"], user_id: "u1" })).chunks).toEqual(["a", "u1"]);
  });

  test("describes functions by their docstring and annotations", async () => {
    const { typed, chat_stream, untold_stream, many, no_signature, by_position, bot, half, ...rest } = await worker.ready();
    expect(typed).toMatchObject({ yields: "unknown", description: "Says what it is told." });
    const text = { type: "string" };
    const integers = { type: "array", items: { type: "integer" } };
    expect(typed?.input_schema).toEqual({
      type: "object",
      properties: {
        text,
        count: { type: "integer" },
        ratio: { type: "number" },
        flag: { type: "boolean" },
        names: { type: "array", items: text },
        scores: { type: "object", additionalProperties: { type: "number" } },
        maybe: { anyOf: [{ type: "integer" }, { type: "null" }] },
        either: { anyOf: [{ type: "integer" }, text] },
        choice: { enum: ["a", "b"] },
        anything: {},
        colour: { enum: ["red", "blue"] },
        place: {
          type: "object",
          properties: {
            city: text,
            point: { type: "array", prefixItems: [{ type: "number" }, { type: "number" }], minItems: 2, maxItems: 2 },
          },
          required: [],
        },
        name: text,
        items: { type: "array" },
        options: {},
        secret: {},
        deep: {
          type: "array",
          items: { type: "array", items: { type: "array", items: { type: "object", additionalProperties: integers } } },
        },
        pair: { ...integers, default: [] },
        default: { default: 1.5 },
        nothing: { type: "null", default: null },
        odd: { default: null },
        unlike: {},
        infinite: {},
      },
      required: [
        ...["text", "count", "ratio", "flag", "names", "scores", "maybe", "either", "choice", "anything", "colour", "place", "name"],
        ...["items", "options", "secret", "deep"],
      ],
      additionalProperties: false,
    });
    expect(chat_stream).toMatchObject({
      yields: "chunks",
      description: null,
      input_schema: { properties: { message: text, user_id: { ...text, default: "anonymous" } }, required: ["message"] },
    });
    expect(untold_stream).toMatchObject({ yields: "chunks", input_schema: { properties: { message: {}, other: { default: 1 } } } });
    expect(many?.input_schema).toEqual({ type: "object", properties: {}, required: [], additionalProperties: true });
    expect(no_signature).toMatchObject({ input_schema: null, yields: "unknown" });
    expect(by_position?.input_schema).toMatchObject({ properties: {}, required: [] });
    expect(bot).toMatchObject({ description: "Answers.", input_schema: { required: ["question"] } });
    expect(half?.input_schema).toMatchObject({ properties: { c: { default: 3 } }, required: [] });
    expect(Object.values(rest).filter((entry) => "error" in entry)).toEqual([]);
  });
});
