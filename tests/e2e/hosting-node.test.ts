import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hostAgent } from "@runagent/server/hosting";
import type { RunAgentError } from "runagent";
import { describe, expect, it, vi } from "vitest";
import { configOf, type Entries, folderOf, type Hosted, hostFolder } from "../support/hosted.ts";

// TypeScript and JavaScript agents of a folder, in the process that runs them.

const AGENT = `
import { setTimeout } from "node:timers/promises";
import { shout } from "./helper.ts";
enum Mood { Good = "good" }
interface Input { readonly message: string }

export async function chat({ message }: Input, ctx: { userId?: string; args: unknown[]; invocationId: string }) {
  console.log("asked", message);
  return { reply: shout(message), mood: Mood.Good, args: ctx.args, id: ctx.invocationId.length };
}
export async function* story(_: unknown, ctx: { emit(event: unknown): void }) {
  yield "once ";
  ctx.emit({ type: "turn_completed", turn: 1 });
  yield "upon";
}
export function* forever() {
  try {
    for (let index = 0; ; index++) yield "x".repeat(1000) + index;
  } finally {
    console.log("closed");
  }
}
export async function* patient(_: unknown, { signal }: { signal: AbortSignal }) {
  yield 1;
  await setTimeout(60_000, undefined, { signal }).catch(() => console.log("told to stop"));
}
export const list = () => [1, { two: 2 }, null];
export const text = () => "not an iterable";
export const bot = { name: "bot", async ask() { return this.name; } };
export const checked = {
  description: "Has a schema.",
  input: { "~standard": { version: 1, vendor: "test", validate: (value: any) => typeof value.n === "number" ? { value } : { issues: [{ message: "must be a number", path: ["n"] }] } } },
  run: ({ n }: { n: number }) => n + 1,
};
export function fails() { throw new RangeError("out of luck"); }
export function nan() { return { deep: [Number.NaN] }; }
export function* badChunk() { yield 1; yield 10n; }
export function crash() { process.exit(7); }
export function environment() { return [process.env.FROM_CONFIG, process.env.FROM_DOTENV, process.env.HOME !== undefined]; }
`;

const ENTRIES: Entries = {
  chat: "agent.ts:chat",
  story_stream: "agent.ts:story",
  forever_stream: "agent.ts:forever",
  patient_stream: "agent.ts:patient",
  list_stream: "agent.ts:list",
  text_stream: "agent.ts:text",
  ask: "agent.ts:bot.ask",
  checked: "agent.ts:checked",
  fails: "agent.ts:fails",
  nan: "agent.ts:nan",
  bad_stream: "agent.ts:badChunk",
  crash: "agent.ts:crash",
  environment: "agent.ts:environment",
  plain: "plain.js:default",
  old: "old.cjs:run",
  part: { at: "agent.ts:chat", extractor: { text: "$.reply", mood: "mood", first: "$.args[0]", none: "$.no.such" } },
  part_stream: { at: "agent.ts:list", extractor: { two: "$.two" } },
};

async function host(): Promise<Hosted> {
  const folder = await folderOf({
    "agent.ts": AGENT,
    "helper.ts": "export const shout = (text: string): string => text.toUpperCase();",
    "plain.js": "export default ({ n }) => n * 2;",
    "old.cjs": "exports.run = () => 'old';",
    "package.json": '{ "type": "module" }',
    ".env": "FROM_DOTENV=dot\nFROM_CONFIG=dot\n",
    "runagent.config.json": configOf(ENTRIES, {
      agent_name: "Tester",
      version: "2.1.0",
      env_vars: { FROM_CONFIG: "config", NOTHING: null },
    }),
  });
  return hostFolder(folder);
}

async function failureOf(promise: Promise<unknown>): Promise<RunAgentError> {
  return promise.then(
    () => {
      throw new Error("It did not fail.");
    },
    (error) => error,
  );
}

describe("functions in TypeScript and JavaScript", () => {
  it("are called by name and path, with arguments, context, environment and prints of their own", async () => {
    const { client, log, logged } = await host();
    expect(await client("chat").run({ message: "hi" }, { args: [1, "two"] })).toEqual({
      reply: "HI",
      mood: "good",
      args: [1, "two"],
      id: 32,
    });
    await logged(/^stdout: asked hi$/);
    expect(await client("ask").run()).toBe("bot");
    expect(await client("plain").run({ n: 21 })).toBe(42);
    expect(await client("old").run()).toBe("old");
    expect(await client("environment").run()).toEqual(["config", "dot", true]);
    expect(log.filter((line) => line.startsWith("host"))).toEqual([]);
  });

  it("stream chunks and events in their order; what is returned as an iterable streams too", async () => {
    const { client } = await host();
    const seen = [];
    for await (const record of client("story_stream").runStream().events()) {
      seen.push(record.type === "data" ? record.content : record.type === "event" ? record.event.type : record.status);
    }
    expect(seen).toEqual(["once ", "turn_completed", "upon", "stream_completed"]);
    expect(await client("list_stream").runStream().collect()).toEqual([1, { two: 2 }, null]);
    expect(await failureOf(client("text_stream").runStream().collect())).toMatchObject({ code: "EXECUTION_ERROR" });
  });

  it("give the parts that an extractor names", async () => {
    const { client } = await host();
    expect(await client("part").run({ message: "a" }, { args: ["first"] })).toEqual({
      text: "A",
      mood: "good",
      first: "first",
      none: null,
    });
    expect(await client("part_stream").runStream().collect()).toEqual([{ two: null }, { two: 2 }, { two: null }]);
  });

  it("are described by what they say of themselves", async () => {
    const { client } = await host();
    const { agent_name, version, entrypoints } = await client("chat").architecture();
    expect([agent_name, version, entrypoints.length]).toEqual(["Tester", "2.1.0", Object.keys(ENTRIES).length]);
    expect(entrypoints.find(({ tag }) => tag === "checked")).toMatchObject({ description: "Has a schema.", streaming: false });
  });

  it("tell the caller in one line what they threw, and the log all of it", async () => {
    const { client, logged } = await host();
    expect(await failureOf(client("fails").run())).toMatchObject({ code: "EXECUTION_ERROR", message: "out of luck" });
    await logged(/^stderr: RangeError: out of luck$/);
    await logged(/^stderr: +at .*fails.*agent\.ts/);
    expect(await failureOf(client("nan").run())).toMatchObject({
      code: "EXECUTION_ERROR",
      message: "The result of the agent is not JSON: it holds NaN or an infinite number.",
    });
    const stream = client("bad_stream").runStream();
    const chunks: unknown[] = [];
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream) chunks.push(chunk);
      })(),
    );
    expect(chunks).toEqual([1]);
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", message: expect.stringMatching(/^Chunk 2 of the agent is not JSON/) });
    expect(await failureOf(client("checked").run({ n: "x" }))).toMatchObject({ code: "VALIDATION_ERROR", field: "n" });
    expect(await client("checked").run({ n: 1 })).toBe(2);
  });

  it("are slowed down by a client that does not read, and closed when it cancels", async () => {
    const { client, logged, log } = await host();
    const stream = client("forever_stream").runStream();
    const cursor = stream.cursor();
    for (let index = 0; index < 3000; index++) expect((await cursor.next()).data).toBe("x".repeat(1000) + index);
    expect(log).toEqual([]);
    expect(await stream.cancel()).toMatchObject({ outcome: "accepted" });
    await logged(/^stdout: closed$/);
    const patient = client("patient_stream").runStream();
    await patient.cursor().next();
    await patient.cancel();
    await logged(/^stdout: told to stop$/);
  });

  it("a process that ends takes its invocations with it, says so, and is started again", async () => {
    const { client, logged } = await host();
    const stream = client("patient_stream").runStream();
    const cursor = stream.cursor();
    await cursor.next();
    expect(await failureOf(client("crash").run())).toMatchObject({
      code: "OWNER_LOST",
      message: "The Node process of the agent ended with exit code 7.",
      origin: "wire",
    });
    expect(await failureOf(cursor.next())).toMatchObject({ code: "OWNER_LOST" });
    await logged(/^host: The Node process of the agent ended with exit code 7\. It is started again/);
    expect(await client("plain").run({ n: 1 })).toBe(2);
  });
});

describe("reload", () => {
  it("lets calls that run finish with the code they began with, and gives new ones the new", async () => {
    const agent = (word: string): string => `
      export async function* words() { yield "${word}"; yield await new Promise((resolve) => process.once("go", resolve)); }
      export const go = () => process.emit("go", "${word} again");
      export const say = () => "${word}";`;
    const folder = await folderOf({
      "agent.mjs": agent("old"),
      "runagent.config.json": configOf({ words_stream: "agent.mjs:words", go: "agent.mjs:go", say: "agent.mjs:say" }),
    });
    const { client, hosted } = await hostFolder(folder, { lenient: true });
    const before = client("words_stream").runStream().cursor();
    expect((await before.next()).data).toBe("old");
    await writeFile(join(folder, "agent.mjs"), agent("new"));
    await hosted.reload();
    expect(await client("say").run()).toBe("new");
    const after = client("words_stream").runStream().cursor();
    expect((await after.next()).data).toBe("new");
    await client("go").run();
    expect((await after.next()).data).toBe("new again");

    await writeFile(join(folder, "agent.mjs"), "export const say = (;");
    await hosted.reload();
    expect(hosted.problems).toEqual([expect.stringMatching(/agent\.mjs: SyntaxError/)]);
    expect(await failureOf(client("say").run())).toMatchObject({
      code: "EXECUTION_ERROR",
      message: expect.stringMatching(/^The agent cannot be loaded: agent\.mjs: SyntaxError: .*$/),
    });
    await writeFile(join(folder, "runagent.config.json"), "{");
    await expect(hosted.reload()).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    await writeFile(join(folder, "agent.mjs"), agent("newest"));
    await writeFile(join(folder, "runagent.config.json"), configOf({ say: "agent.mjs:say" }));
    await hosted.reload();
    expect(hosted.problems).toEqual([]);
    expect(await client("say").run()).toBe("newest");
    expect(await failureOf(client("go").run())).toMatchObject({ code: "ENTRYPOINT_NOT_FOUND" });
  });
});

describe("what cannot be served is told at the start, with what to do", () => {
  const files = {
    "agent.ts": AGENT,
    "helper.ts": "export const shout = String;",
    "bad.ts": "export const a = 1;\nexport function (",
    "throws.js": "throw new Error('at import');",
  };

  it.each<[string, Entries, RegExp]>([
    ["no such file", { chat: "missing.ts:chat" }, /^runagent\.config\.json:7:\d+: There is no file missing\.ts in /],
    ["no such function", { chat: "agent.ts:chatt" }, /agent\.ts exports no "chatt"\. It has: badChunk, chat, crash, /],
    ["no such part", { chat: "agent.ts:bot.tell" }, /exports no "tell" \(of "bot\.tell"\)\. It has: ask\./],
    ["no function", { chat: "agent.ts:bot.name" }, /bot\.name in agent\.ts is no function/],
    ["a syntax error", { chat: "bad.ts:a" }, /: bad\.ts: .*Unexpected token \(bad\.ts line 2\)$/],
    ["an error of its own", { chat: "throws.js:a" }, /: throws\.js: Error: at import \(throws\.js line 1\)$/],
    [
      "a generator for a tag that does not stream",
      { chat: "agent.ts:story" },
      /yields chunks, and the tag chat does not stream: name it chat_stream/,
    ],
  ])("%s", async (_, entries, message) => {
    const folder = await folderOf({ ...files, "runagent.config.json": configOf(entries) });
    const error = await failureOf(hostAgent(folder));
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", details: { problems: [error.message] } });
    expect(error.message).toMatch(message);
  });

  it("every mistake, each on a line", async () => {
    const folder = await folderOf({
      ...files,
      "runagent.config.json": configOf({ a: "agent.ts:a", b: "agent.ts:b", chat: "agent.ts:chat" }),
    });
    const error = await failureOf(hostAgent(folder));
    expect(error.message.split("\n")).toEqual([expect.stringMatching(/exports no "a"/), expect.stringMatching(/exports no "b"/)]);
  });
});

describe("a process that does not behave", () => {
  const AGENT_MJS = `
import { writeSync } from "node:fs";
export const pid = () => process.pid;
export async function stubborn() { console.log("in"); await new Promise((resolve) => setTimeout(resolve, 3_600_000)); }
export async function hog() { console.log("in"); for (;;); }
export function noise() { writeSync(4, "ready 0 no JSON\\n"); return new Promise(() => {}); }
`;
  const entries = { pid: "agent.mjs:pid", stubborn: "agent.mjs:stubborn", hog: "agent.mjs:hog", noise: "agent.mjs:noise" };
  const hostMisbehaving = async (): Promise<Hosted> => {
    return hostFolder(await folderOf({ "agent.mjs": AGENT_MJS, "runagent.config.json": configOf(entries) }), { lenient: true });
  };

  it("is ended when a cancelled call keeps it from everything else, and another takes its place", async () => {
    const { client, logged } = await hostMisbehaving();
    const controller = new AbortController();
    const hog = failureOf(client("hog").run({}, { signal: controller.signal }));
    await logged(/^stdout: in$/);
    controller.abort();
    expect(await hog).toMatchObject({ code: "CANCELLED" });
    // It waits for its turn, which never comes.
    expect(await failureOf(client("pid").run())).toMatchObject({ code: "OWNER_LOST" });
    await logged(/^host: The Node process of the agent does nothing else any more, and is ended\.$/);
    expect(await client("pid").run()).toEqual(expect.any(Number));
  }, 30_000);

  it("that was replaced ends, though a cancelled call goes on in it", async () => {
    const { client, logged, hosted } = await hostMisbehaving();
    const before = await client("pid").run();
    const controller = new AbortController();
    const stubborn = failureOf(client("stubborn").run({}, { signal: controller.signal }));
    await logged(/^stdout: in$/);
    controller.abort();
    await stubborn;
    expect(await hosted.reload()).toBe(true);
    expect(await client("pid").run()).not.toBe(before);
    await vi.waitFor(() => expect(() => process.kill(before, 0)).toThrow("ESRCH"), { timeout: 15_000 });
  }, 30_000);

  it("that writes what is no message loses its calls, and nothing else", async () => {
    const { client, logged } = await hostMisbehaving();
    expect(await failureOf(client("noise").run())).toMatchObject({ code: "OWNER_LOST" });
    await logged(/^host: The Node process of the agent sent what is no message, and is ended\.$/);
    expect(await client("pid").run()).toEqual(expect.any(Number));
  });

  it("that ends while it loads is told to callers, until it is mended", async () => {
    const { client, hosted, folder } = await hostMisbehaving();
    await writeFile(join(folder, "agent.mjs"), "console.error('no key'); process.exit(4);");
    expect(await hosted.reload()).toBe(true);
    expect(hosted.problems).toEqual([expect.stringMatching(/The Node process of the agent ended with exit code 4\. It said: no key$/)]);
    expect(await failureOf(client("pid").run())).toMatchObject({
      code: "EXECUTION_ERROR",
      message: "The agent cannot be loaded: The Node process of the agent ended with exit code 4. It said: no key",
    });
    await writeFile(join(folder, "agent.mjs"), AGENT_MJS);
    await hosted.reload();
    expect(await client("pid").run()).toEqual(expect.any(Number));
  });
});

it("CommonJS: names that Node sees only when the file has run", async () => {
  const files = {
    "bot.cjs": "class Bot { async ask() { return this.name; } name = 'bot'; }\nmodule.exports = new Bot();",
    "all.cjs": "module.exports = { chat: async (input) => input.n, deep: { run: () => 'deep' } };",
  };
  const entries = { ask: "bot.cjs:ask", chat: "all.cjs:chat", deep: "all.cjs:deep.run" };
  const { client } = await hostFolder(await folderOf({ ...files, "runagent.config.json": configOf(entries) }));
  expect(await client("chat").run({ n: 1 })).toBe(1);
  expect(await client("deep").run()).toBe("deep");
  expect(await client("ask").run()).toBe("bot");
});
