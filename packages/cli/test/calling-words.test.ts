import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAgentArguments } from "../src/calling/agent-arguments.ts";
import { type AgentWord, splitWords } from "../src/calling/agent-words.ts";
import { findJsonError } from "../src/calling/json-error.ts";
import { findUnsendable } from "../src/calling/unsendable.ts";
import { UsageError } from "../src/exit-codes.ts";

const KINDS: Readonly<Record<string, "value" | "flag">> = { "--id": "value", "--tag": "value", "--local": "flag", "--help": "flag" };
const split = (...words: string[]): { own: readonly string[]; agent: readonly AgentWord[] } =>
  splitWords(words, (flag) => (Object.hasOwn(KINDS, flag) ? KINDS[flag] : undefined));
const read = (...words: string[]): Record<string, unknown> => Object.fromEntries(readAgentArguments(split(...words).agent));
const mistake = (...words: string[]): string => {
  try {
    read(...words);
  } catch (error) {
    if (error instanceof UsageError) return `${error.message} ${error.hint}`;
    throw error;
  }
  throw new Error("It was read.");
};

describe("the words of a command line", () => {
  it("are the command's own where it knows them, and the agent's where not", () => {
    const { own, agent } = split("--id", "a1", "--message=hi", "--tag=chat", "--local", "--n:=5");
    expect(own).toEqual(["--id", "a1", "--tag=chat", "--local"]);
    expect(agent.map(({ word }) => word)).toEqual(["--message=hi", "--n:=5"]);
  });

  it("stay beside each other: what follows an option of the command is no value of a flag before it", () => {
    expect(read("--verbose", "--tag", "chat", "--n", "5")).toEqual({ verbose: true, n: "5" });
    expect(mistake("--verbose", "--local", "loud")).toContain('"loud" is no argument');
  });

  it("are all the agent's after --, whatever they are called", () => {
    expect(read("--a=1", "--", "--id=7", "--tag", "x", "--help")).toEqual({ a: "1", id: "7", tag: "x", help: true });
    expect(split("--", "--id=7").own).toEqual([]);
  });

  it("leave a flag that was given a value to the library, which refuses it", () => {
    expect(split("--local=yes").own).toEqual(["--local=yes"]);
    expect(read("--local:=true")).toEqual({ local: true });
  });
});

describe("arguments of the agent", () => {
  it.each<[string, string[], Record<string, unknown>]>([
    ["--name=value", ["--message=Hello"], { message: "Hello" }],
    ["--name value", ["--message", "Hello there"], { message: "Hello there" }],
    ["--name", ["--verbose"], { verbose: true }],
    ["--name before another", ["--verbose", "--n=1"], { verbose: true, n: "1" }],
    ["an empty value", ["--message="], { message: "" }],
    ["an empty word as value", ["--message", ""], { message: "" }],
    ["values that begin with a dash", ["--n=-5", "--m", "-5", "--o", "-1.5e3", "--p", "-"], { n: "-5", m: "-5", o: "-1.5e3", p: "-" }],
    ["= in a value", ["--eq=a=b", "--url=http://x/?a=b"], { eq: "a=b", url: "http://x/?a=b" }],
    [":= in a value", ["--eq=a:=b"], { eq: "a:=b" }],
    [": in a name", ["--a:b=c"], { "a:b": "c" }],
    [
      "JSON",
      ["--n:=-5", '--list:=["a=b"]', "--none:=null", '--o:={"a":{"b":1}}'],
      { n: -5, list: ["a=b"], none: null, o: { a: { b: 1 } } },
    ],
    ["JSON in the next word", ["--n:=", "-5", "--list:=", "[]"], { n: -5, list: [] }],
    ["other scripts", ["--名前=世界 🌍"], { 名前: "世界 🌍" }],
    ["several lines", ["--text=a\nb"], { text: "a\nb" }],
    ["a name with dashes", ["--user-name=x"], { "user-name": "x" }],
  ])("are read: %s", (_, words, expected) => {
    expect(read(...words)).toEqual(expected);
  });

  it("may have the names of what every object has", () => {
    const named = read("--__proto__=p", "--constructor:=1", "--toString=t");
    expect(Object.entries(named)).toEqual([
      ["__proto__", "p"],
      ["constructor", 1],
      ["toString", "t"],
    ]);
    expect(Object.getPrototypeOf(named)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).p).toBeUndefined();
  });

  it.each<[string, string[], RegExp]>([
    ["a word without dashes", ["hello"], /"hello" is no argument: write --name=value\. For example --message=hello/],
    ["a text of several words", ["hello you"], /--message="hello you"/],
    ["one dash", ["-n=5"], /"-n=5" is no argument/],
    ["a negative number", ["-5"], /"-5" is no argument.* --message=-5$/],
    ["a value with a dash", ["--text", "-hello"], /"-hello" is no argument.* --text=-hello$/],
    ["a value with a dash after another", ["--a=1", "-5x"], /"-5x" is no argument.* --message=-5x$/],
    ["a word with a dash after an option of the command", ["--text", "--local", "-x"], /"-x" is no argument.* --message=x$/],
    ["no name", ["--=5"], /"--=5" is no argument/],
    ["the same name twice", ["--a=1", "--a=2"], /The argument a is given twice\. .*'--a:=\["one","two"\]'/],
    ["what is no JSON", ["--limit:=five"], /The argument limit is not valid JSON: .* --limit=/],
    ["no JSON at all", ["--limit:="], /The argument limit is not valid JSON/],
    [
      "a number that loses digits",
      ["--id:=12345678901234567890"],
      /The argument id holds 12345678901234567890, a number that would lose digits on its way\. .*without the colon: --id=/,
    ],
    [
      "one inside",
      ['--o:={"ids":[1,9007199254740993]}'],
      /The argument o holds 9007199254740993, .* Send it as a text: "9007199254740993"/,
    ],
    ["a number that is too large", ["--n:=-1e999"], /The argument n holds -1e999, a number that would become null/],
    ["depth", [`--n:=${"[".repeat(100_000)}${"]".repeat(100_000)}`], /The argument n nests deeper than 1000 levels/],
  ])("are refused: %s", (_, words, expected) => {
    expect(mistake(...words)).toMatch(expected);
  });

  it("come back as they were written, whatever they hold", () => {
    const seed = Number(process.env.TEST_SEED ?? 20261);
    const name = fc
      .string({ minLength: 1 })
      .filter((text) => !/[=:]/.test(text) && !text.startsWith("-") && !Object.hasOwn(KINDS, `--${text}`));
    const entries = fc.dictionary(name, fc.oneof(fc.string(), fc.jsonValue()), { maxKeys: 5, noNullPrototype: true });
    fc.assert(
      fc.property(entries, (given) => {
        const words = Object.entries(given).map(([key, value]) =>
          typeof value === "string" ? `--${key}=${value}` : `--${key}:=${JSON.stringify(value)}`,
        );
        // JSON has no -0.
        expect(read(...words)).toEqual(JSON.parse(JSON.stringify(given)));
      }),
      { seed },
    );
  });
});

describe("what would not be sent as it is written", () => {
  it.each([
    "9007199254740991",
    "-9007199254740992",
    "1e300",
    "12345678901234567890.5",
    '"12345678901234567890"',
    '{"1e999": "\\"12345678901234567890"}',
    "[".repeat(1_000) + "]".repeat(1_000),
  ])("is not %s", (text) => {
    expect(findUnsendable(text)).toBeUndefined();
  });

  it.each<[string, number]>([
    ['["\\\\", 12345678901234567890]', 7],
    ['{"12345678901234567890": 12345678901234567890}', 25],
    [`["${"\\n".repeat(3_000_000)}",1e400]`, 6_000_004],
  ])("is found where it stands", (text, at) => {
    expect(findUnsendable(text)).toMatchObject({ at });
  });

  it("is every whole number that would be another one", () => {
    const seed = Number(process.env.TEST_SEED ?? 20261);
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (number) => {
        const arrives = JSON.stringify(JSON.parse(String(number))) === String(number);
        expect(findUnsendable(`{"a":[${number}]}`) === undefined).toBe(arrives);
      }),
      { seed },
    );
  });
});

describe("where a text stops being JSON", () => {
  it.each<[string, string, { line: number; column: number }]>([
    ["nothing", "", { line: 1, column: 1 }],
    ["a word", "hello", { line: 1, column: 1 }],
    ["a comma too many", '{\n  "a": 1,\n}', { line: 3, column: 1 }],
    ["a comma too few", '{\n  "a": 1\n  "b": 2\n}', { line: 3, column: 3 }],
    ["an end that is missing", '{"a": [1, 2', { line: 1, column: 12 }],
    ["a single quote", "{'a': 1}", { line: 1, column: 2 }],
    ["a colon that is missing", '{"a" 1}', { line: 1, column: 6 }],
    ["a text that does not end", '["abc\n"]', { line: 1, column: 6 }],
    ["an unknown escape", '["a\\x"]', { line: 1, column: 4 }],
    ["something after the end", "{} x", { line: 1, column: 4 }],
    ["a number as JSON has none", "[01]", { line: 1, column: 3 }],
    ["NaN", '{"a": NaN}', { line: 1, column: 7 }],
    ["the wrong bracket", '{"a": [1}}', { line: 1, column: 9 }],
    ["depth", `${"[".repeat(100_000)}x`, { line: 1, column: 100_001 }],
  ])("%s", (_, text, place) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(findJsonError(text)).toEqual(place);
  });

  it("is the end of what is JSON", () => {
    const seed = Number(process.env.TEST_SEED ?? 20261);
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(findJsonError(text)).toEqual({ line: 1, column: text.length + 1 });
      }),
      { seed },
    );
  });
});
