import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunAgentError } from "runagent";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { configOf, type Entries, folderOf, type Hosted, hostFolder } from "../support/hosted.ts";

// Python agents of a folder, from the worker process through the server to a client. What the worker alone does is tested with it.

const AGENT = `
import asyncio, ctypes, os, sys, time

def chat(message: str, user_id: str = "anonymous") -> str:
    """Answers."""
    print("asked", message)
    print("warned", file=sys.stderr)
    return "%s said %s" % (user_id, message)

async def later(n: int):
    await asyncio.sleep(0)
    return {"n": n}

async def hog():
    async def child():
        print("in", flush=True)
        while True:
            pass
    await asyncio.gather(child())

def many(count):
    for index in range(count):
        yield {"index": index}

def patient():
    yield "ready"
    time.sleep(60)

def forever():
    index = 0
    try:
        while True:
            yield index
            index += 1
    except GeneratorExit:
        print("closed")
        raise

async def forever_async():
    try:
        while True:
            yield "x"
    finally:
        print("closed async")

def numbers():
    yield 2 ** 70
    yield "\\ud800 \\u2028 é 🤖"

def big():
    return [2 ** 70, 1.0]

def bad():
    yield 1
    yield {"deep": [float("nan")]}

def fails():
    raise KeyError("missing")

def die():
    os.kill(os.getpid(), 9)

def leave():
    os._exit(5)

def leave_behind():
    import subprocess
    subprocess.Popen(["sleep", "60"])
    os._exit(6)

def segfault():
    ctypes.string_at(0)

def where():
    return [sys.executable, sys.prefix, os.getcwd(), os.environ.get("GREETING")]

def shutdown_output():
    os.write(1, b"no line end")
    sys.stdout = None
    return "fine"
`;

const NAMES = ["chat", "leave_behind", "later", "fails", "die", "leave", "segfault", "where", "shutdown_output", "big", "hog"];
const STREAMS = ["many", "patient", "forever", "forever_async", "numbers", "bad"];
const ENTRIES: Entries = {
  ...Object.fromEntries(NAMES.map((name) => [name, `main.py:${name}`])),
  ...Object.fromEntries(STREAMS.map((name) => [`${name}_stream`, `main.py:${name}`])),
};

async function host(): Promise<Hosted> {
  const config = configOf(ENTRIES, { env_vars: { GREETING: "hi" } });
  return hostFolder(await folderOf({ "main.py": AGENT, "runagent.config.json": config }));
}

async function failureOf(promise: Promise<unknown>): Promise<RunAgentError> {
  return promise.then(
    () => {
      throw new Error("It did not fail.");
    },
    (error) => error,
  );
}

describe("a Python agent", () => {
  it("answers, in its folder, with its variables; prints go to its log, and nowhere else", async () => {
    const { client, folder, logged } = await host();
    expect(await client("chat").run({ message: "hi" })).toBe("anonymous said hi");
    expect(await client("chat").run({}, { args: ["hi", "me"] })).toBe("me said hi");
    await logged(/^stdout: asked hi$/);
    await logged(/^stderr: warned$/);
    expect(await client("later").run({ n: 1 })).toEqual({ n: 1 });
    expect((await client("where").run()).slice(2)).toEqual([folder, "hi"]);
    expect(await client("shutdown_output").run()).toBe("fine");
    const { entrypoints } = await client("chat").architecture();
    expect(entrypoints[0]).toMatchObject({
      tag: "chat",
      description: "Answers.",
      input_schema: { properties: { message: { type: "string" } }, required: ["message"] },
    });
  });

  it("refuses arguments that its function does not have, by their name, and reports none of it as its own failure", async () => {
    const { client, log } = await host();
    expect(await failureOf(client("chat").run({ massage: "hi" }))).toMatchObject({
      code: "VALIDATION_ERROR",
      field: "massage",
      origin: "wire",
    });
    expect(await failureOf(client("chat").run())).toMatchObject({ code: "VALIDATION_ERROR", field: "message" });
    expect(await failureOf(client("many_stream").runStream({ count: 1, more: 2 }).collect())).toMatchObject({
      code: "VALIDATION_ERROR",
      field: "more",
    });
    expect(log).toEqual([]);
  });

  it("streams 100,000 chunks, each once and in order, and says what every digit of a number is", async () => {
    const { client, url } = await host();
    let next = 0;
    for await (const chunk of client("many_stream").runStream({ count: 100_000 })) {
      if (chunk.index !== next) break;
      next++;
    }
    expect(next).toBe(100_000);
    // JavaScript would round the number: what counts is the text of the frame.
    const socket = new WebSocket(`${url.replace("http", "ws")}/api/v1/agents/hosted/run-stream`);
    await once(socket, "open");
    socket.send(
      JSON.stringify({
        type: "start",
        protocol: 2,
        invocation_id: "digits",
        entrypoint_tag: "numbers_stream",
        input_args: [],
        input_kwargs: {},
      }),
    );
    const texts: string[] = [];
    socket.on("message", (data) => texts.push(String(data)));
    await expect.poll(() => texts.length, { timeout: 10_000 }).toBe(4);
    socket.close();
    // And of the answers to run, in both versions.
    const run = async (body: object): Promise<string> => {
      const answer = await fetch(`${url}/api/v1/agents/hosted/run`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ entrypoint_tag: "big", input_args: [], input_kwargs: {}, ...body }),
      });
      return answer.text();
    };
    expect(await run({})).toContain('"data":"{\\"type\\":\\"array\\",\\"payload\\":\\"[1180591620717411303424,1.0]\\"}"');
    expect(await run({ protocol: 2, invocation_id: "big" })).toContain('"data":[1180591620717411303424,1.0]');
    expect(texts[1]).toBe('{"type":"data","seq":1,"content":1180591620717411303424}');
    expect(JSON.parse(texts[2] ?? "").content).toBe("\ud800 \u2028 é 🤖");
  });

  it("is closed where it yields when the client cancels, however fast it is", async () => {
    const { client, logged } = await host();
    for (const [tag, line] of [
      ["forever_stream", /^stdout: closed$/],
      ["forever_async_stream", /^stdout: closed async$/],
    ] as const) {
      const stream = client(tag).runStream();
      const cursor = stream.cursor();
      for (let index = 0; index < 5000; index++) await cursor.next();
      expect(await stream.cancel()).toMatchObject({ outcome: "accepted" });
      await logged(line);
    }
  });

  it("tells a caller one line of what it threw, and the log all of it", async () => {
    const { client, logged } = await host();
    expect(await failureOf(client("fails").run())).toMatchObject({ code: "EXECUTION_ERROR", message: "KeyError: 'missing'" });
    await logged(/^stderr: Traceback/);
    await logged(/^stderr: +raise KeyError\("missing"\)$/);
    const stream = client("bad_stream").runStream();
    const cursor = stream.cursor();
    expect((await cursor.next()).data).toBe(1);
    expect(await failureOf(cursor.next())).toMatchObject({
      code: "EXECUTION_ERROR",
      message: "Chunk 2 of the agent is not JSON: it holds NaN.",
    });
  });

  it.each([
    ["die", "The Python process of the agent was ended by SIGKILL."],
    ["leave", "The Python process of the agent ended with exit code 5."],
    ["segfault", "The Python process of the agent was ended by SIGSEGV."],
  ])("%s: its invocations end with a typed error, and it is there again", async (tag, message) => {
    const { client, logged } = await host();
    const cursor = client("patient_stream").runStream().cursor();
    expect((await cursor.next()).data).toBe("ready");
    expect(await failureOf(client(tag).run())).toMatchObject({ code: "OWNER_LOST", message, origin: "wire" });
    expect(await failureOf(cursor.next())).toMatchObject({ code: "OWNER_LOST", message });
    await logged(/^host: The Python process of the agent .* It is started again/);
    expect(await client("chat").run({ message: "again" })).toBe("anonymous said again");
  });

  it("that dies takes what it started with it: a program that holds its output holds up nobody", async () => {
    const { client, logged } = await host();
    expect(await failureOf(client("leave_behind").run())).toMatchObject({ code: "OWNER_LOST" });
    await logged(/^host: The Python process of the agent ended with exit code 6/);
    expect(await client("chat").run({ message: "again" })).toBe("anonymous said again");
  });

  it("that keeps the event loop to itself, where no exception reaches it, is ended with its process", async () => {
    const { client, logged } = await host();
    const controller = new AbortController();
    const hog = failureOf(client("hog").run({}, { signal: controller.signal }));
    await logged(/^stdout: in$/);
    controller.abort();
    expect(await hog).toMatchObject({ code: "CANCELLED" });
    expect(await failureOf(client("later").run({ n: 1 }))).toMatchObject({ code: "OWNER_LOST" });
    await logged(/^host: The Python process of the agent does nothing else any more, and is ended\.$/);
    expect(await client("later").run({ n: 2 })).toEqual({ n: 2 });
  }, 30_000);

  it("waits for a client that takes nothing, and neighbours do not notice", async () => {
    const { client } = await host();
    const idle = client("forever_stream").runStream();
    await idle.started;
    for (let index = 0; index < 20; index++) expect(await client("later").run({ n: index })).toEqual({ n: index });
    const cursor = idle.cursor();
    for (let index = 0; index < 20_000; index++) expect((await cursor.next()).data).toBe(index);
    await idle.cancel();
  });
});

describe("which Python", () => {
  it("is that of the folder's virtual environment, with what is installed there", async () => {
    const folder = await folderOf({ "main.py": AGENT, "runagent.config.json": configOf({ where: "main.py:where" }) });
    execFileSync("python3", ["-m", "venv", "--without-pip", join(folder, ".venv")]);
    const { client } = await hostFolder(folder);
    const [executable, prefix] = await client("where").run();
    expect([executable, prefix]).toEqual([join(folder, ".venv/bin/python"), join(folder, ".venv")]);
  });

  it("is too old: said in its own words", async () => {
    const folder = await folderOf({ "main.py": AGENT, "runagent.config.json": configOf({ where: "main.py:where" }) });
    const old = join(folder, "old-python");
    await writeFile(old, '#!/bin/sh\necho "This agent needs Python 3.9 or newer." >&2\nexit 3\n', { mode: 0o755 });
    expect(await failureOf(hostFolder(folder, { python: old }))).toMatchObject({
      code: "VALIDATION_ERROR",
      message: "The Python process of the agent ended with exit code 3. It said: This agent needs Python 3.9 or newer.",
    });
  });
});
