/** What Python agents may give: what is converted to JSON, and what is an error that names it. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { findPythons, type PythonPeer, startWorker } from "./python-peer.ts";

const seed = Number(process.env.TEST_SEED ?? 20_266);

const AGENT = `
import array, collections, dataclasses, datetime, decimal, enum, fractions, pathlib, socket, sys, types, uuid
from typing import Any

@dataclasses.dataclass
class Point:
    x: int
    y: Any = None

class Colour(enum.Enum):
    RED = "red"
    POINT = (1, 2)

class Text(str, enum.Enum):
    ONE = "one"

class Number(enum.IntEnum):
    TWO = 2

Named = collections.namedtuple("Named", "a b")

class Pydantic2:
    def __init__(self, **fields):
        self.fields = fields
    def model_dump(self, mode):
        assert mode == "json"
        return self.fields

class Pydantic1:
    __fields__ = {}
    def dict(self):
        return {"when": datetime.date(2024, 2, 29)}

class Array:
    def tolist(self):
        return [[1, 2], [3, 4]]

class Scalar:
    def item(self):
        return 1.5

class Failing:
    def tolist(self):
        raise ValueError("no list today")

class Stranger:
    def __repr__(self):
        raise RuntimeError("do not look")

def nested(levels, value=1):
    for _ in range(levels):
        value = [value]
    return value

cycle = []
cycle.append({"again": cycle})
point = Point(1)
point.y = point
utc = datetime.timezone.utc

VALUES = {
    "text": "ünï ☃ 𝄞 \\u2028 \\x00 \\x7f \\ud800 \\"\\\\\\n",
    "int": 12345678901234567890123456789,
    "huge": -(10 ** 5000),
    "float": 0.1,
    "negative zero": -0.0,
    "true": True,
    "none": None,
    "keys": {1: 1, 1.5: 2, True: 3, None: 4, Text.ONE: 5},
    "tuple": (1, (2,)),
    "named tuple": Named(1, [2]),
    "dataclass": Point(1, {"deep": Point(2)}),
    "enum": [Colour.RED, Colour.POINT, Text.ONE, Number.TWO],
    "datetime": datetime.datetime(2024, 2, 29, 12, 30, 1, 5, utc),
    "date": [datetime.date(2024, 2, 29), datetime.time(12, 30)],
    "timedelta": datetime.timedelta(days=1, milliseconds=500),
    "decimal": [decimal.Decimal("1.10"), decimal.Decimal("NaN")],
    "uuid": uuid.UUID(int=1),
    "path": [pathlib.Path("a") / "b", pathlib.PureWindowsPath("c:/d")],
    "user string": collections.UserString("text"),
    "set": [{3, 1, 2}, frozenset(["b", "a"]), {datetime.date(2024, 1, 2), datetime.date(2024, 1, 1)}, {("x",)}],
    "unsortable": {None},
    "bytes": [b"\\x00\\xff", bytearray(b"a"), memoryview(b"b"), b""],
    "pydantic": [Pydantic2(a=[1]), Pydantic1()],
    "numpy": [Array(), Scalar(), array.array("i", [1, 2])],
    "mapping": [types.MappingProxyType({"a": 1}), collections.UserDict(b=2), collections.OrderedDict(c=3), collections.ChainMap({"d": 4})],
    "sequence": [range(3), collections.deque([1]), collections.UserList([2])],
    "views": [{"k": "v"}.keys(), {"k": "v"}.values(), {"k": "v"}.items()],
    "levels": nested(62),
    "brackets in text": ["[" * 100],
    "long": "x" * 999_998,
    "nan": float("nan"),
    "inf": [1, {"a": float("inf")}],
    "minus inf": Point(-float("inf")),
    "nan from pydantic": Pydantic2(a=float("nan")),
    "nan key": {float("nan"): 1},
    "generator": [(number for number in range(3))],
    "socket": {"a": [socket.socket]},
    "open file": open(__file__),
    "stranger": {"a": (Stranger(),)},
    "exception": ValueError("x"),
    "function": print,
    "module": sys,
    "complex": 1j,
    "fraction": fractions.Fraction(1, 3),
    "key": {(1, 2): 3},
    "bytes key": [{b"a": 3}],
    "cycle": cycle,
    "dataclass cycle": point,
    "too deep": nested(63),
    "much too deep": nested(100_000),
    "failing": [Failing()],
    "too long": "x" * 999_999,
    "too long list": ["ü"] * 200_000,
}

def value(name):
    return VALUES[name]

async def value_async(name):
    return VALUES[name]

def third_stream(name):
    try:
        yield 1
        yield 2
        yield VALUES[name]
    finally:
        print("closed")

async def third_async_stream(name):
    try:
        yield 1
        yield 2
        yield VALUES[name]
    finally:
        print("closed")

def echo(value):
    return value
`;

const CONVERTED: Readonly<Record<string, unknown>> = {
  text: 'ünï ☃ 𝄞 \u2028 \0 \x7f \ud800 "\\\n',
  float: 0.1,
  "negative zero": -0,
  true: true,
  none: null,
  keys: { 1: 3, 1.5: 2, null: 4, one: 5 },
  tuple: [1, [2]],
  "named tuple": [1, [2]],
  dataclass: { x: 1, y: { deep: { x: 2, y: null } } },
  enum: ["red", [1, 2], "one", 2],
  datetime: "2024-02-29T12:30:01.000005+00:00",
  date: ["2024-02-29", "12:30:00"],
  timedelta: 86400.5,
  decimal: ["1.10", "NaN"],
  uuid: "00000000-0000-0000-0000-000000000001",
  path: ["a/b", "c:\\d"],
  "user string": "text",
  set: [[1, 2, 3], ["a", "b"], ["2024-01-01", "2024-01-02"], [["x"]]],
  unsortable: [null],
  bytes: ["AP8=", "YQ==", "Yg==", ""],
  pydantic: [{ a: [1] }, { when: "2024-02-29" }],
  numpy: [
    [
      [1, 2],
      [3, 4],
    ],
    1.5,
    [1, 2],
  ],
  mapping: [{ a: 1 }, { b: 2 }, { c: 3 }, { d: 4 }],
  sequence: [[0, 1, 2], [1], [2]],
  views: [["k"], ["v"], [["k", "v"]]],
  "brackets in text": ["[".repeat(100)],
  long: "x".repeat(999_998),
};

const REFUSED: Readonly<Record<string, string>> = {
  nan: "it holds NaN",
  inf: "it holds Infinity",
  "minus inf": "it holds -Infinity",
  "nan from pydantic": "it holds NaN",
  "nan key": "it holds NaN",
  generator: "it holds a value of type generator",
  socket: "it holds the class socket",
  "open file": "it holds a value of type TextIOWrapper",
  stranger: "it holds a value of type Stranger",
  exception: "it holds a value of type ValueError",
  function: "it holds a value of type builtin_function_or_method",
  module: "it holds a value of type module",
  complex: "it holds a value of type complex",
  fraction: "it holds a value of type Fraction",
  key: "it holds a key of type tuple",
  "bytes key": "it holds a key of type bytes",
  cycle: "it holds itself",
  "dataclass cycle": "it holds itself",
  "too deep": "it nests deeper than 62 levels",
  "much too deep": "it nests deeper than 62 levels",
  failing: "a value of type Failing in it cannot be converted (ValueError: no list today)",
};

// As results, these are refused for what they are, before anyone looks into them.
const ITERATORS = ["open file"];

describe.each(findPythons())("Python $version", (python) => {
  let worker: PythonPeer;
  beforeAll(async () => {
    const tags = Object.fromEntries(
      ["value", "value_async", "third_stream", "third_async_stream", "echo"].map((tag) => [tag, `main.py:${tag}`]),
    );
    worker = startWorker(python, { "main.py": AGENT }, tags);
    expect(Object.values(await worker.ready()).filter((entry) => "error" in entry)).toEqual([]);
  });

  test.each(Object.keys(CONVERTED))("%s is converted", async (name) => {
    expect(await worker.result("value", { args: [name] })).toEqual(CONVERTED[name]);
    expect((await worker.stream("third_stream", { args: [name] })).chunks).toEqual([1, 2, CONVERTED[name]]);
  });

  test("an int keeps all its digits, and 62 levels arrive", async () => {
    expect((await worker.call("value", { args: ["int"] })).text).toBe("12345678901234567890123456789");
    expect((await worker.call("value_async", { args: ["huge"] })).text).toBe(`-1${"0".repeat(5000)}`);
    const { text } = await worker.call("value", { args: ["levels"] });
    expect(text).toBe(`${"[".repeat(62)}1${"]".repeat(62)}`);
  });

  test.each(Object.keys(REFUSED))("%s is refused", async (name) => {
    const suggestion =
      "Yield and return only strings, finite numbers, booleans, None, and lists and dicts of those, or what converts to them.";
    for (const tag of ["third_stream", "third_async_stream"]) {
      const { chunks, end } = await worker.stream(tag, { args: [name] });
      expect(chunks).toEqual([1, 2]);
      expect([end.kind, end.value]).toEqual([
        "failed",
        { code: "EXECUTION_ERROR", message: `Chunk 3 of the agent is not JSON: ${REFUSED[name]}.`, suggestion },
      ]);
    }
    if (ITERATORS.includes(name)) return;
    for (const tag of ["value", "value_async"]) {
      expect((await worker.call(tag, { args: [name] })).value).toMatchObject({
        message: `The result of the agent is not JSON: ${REFUSED[name]}.`,
      });
    }
  });

  test.each(["too long", "too long list"])("%s is refused", async (name) => {
    expect((await worker.call("value", { args: [name] })).value).toEqual({
      code: "EXECUTION_ERROR",
      message: "The result of the agent is larger than 1000000 bytes.",
      suggestion: "Give it in several chunks.",
    });
    const { end } = await worker.stream("third_stream", { args: [name] });
    expect(end.value).toMatchObject({ message: "Chunk 3 of the agent is larger than 1000000 bytes." });
  });

  test("the generator of a refused chunk is closed, and the log says what failed in the agent, without our own code", async () => {
    const before = worker.stdout.length;
    await worker.stream("third_stream", { args: ["failing"] });
    await worker.printed("closed");
    await worker.printed("no list today");
    expect(worker.stdout.slice(before)).toBe("closed\n");
    expect(worker.stderr).toContain("in tolist");
    expect(worker.stderr).not.toContain("runagent_worker");
  });

  test(`any JSON value goes in and comes back (TEST_SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
        const sent: unknown = JSON.parse(JSON.stringify(value));
        expect(await worker.result("echo", { args: [value] })).toEqual(sent);
      }),
      { seed, numRuns: 100 },
    );
  });
});
