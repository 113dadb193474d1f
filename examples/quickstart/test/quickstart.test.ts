import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { type RunningServer, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { afterEach, describe, expect, test } from "vitest";
import { bundlePrograms, foreignReadmeBlocks, start } from "../../../tests/support/program.ts";
import { createStoryteller, type Pace } from "../src/agent.ts";
import { replyTo } from "../src/eliza.ts";
import { splitWords, tellStory } from "../src/story.ts";
import { talk } from "../src/talk.ts";

const EXAMPLE = new URL("../", import.meta.url);

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const atOnce: Pace = async () => {};

async function serveStoryteller(pace: Pace = atOnce): Promise<RunningServer> {
  const server = await serve(createStoryteller(pace), { port: 0 });
  open.push(server);
  return server;
}

async function connect(pace?: Pace): Promise<RunAgentClient<"chat">> {
  const { host, port } = await serveStoryteller(pace);
  const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", host, port });
  open.push(client);
  return client;
}

/** A pace that lets the story wait after each word, until it is released. */
function createHeldPace(): { pace: Pace; waiting: Promise<AbortSignal>; release(): void } {
  let arrive: (signal: AbortSignal) => void = () => {};
  let release: () => void = () => {};
  const waiting = new Promise<AbortSignal>((resolve) => {
    arrive = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const pace: Pace = (signal) => {
    arrive(signal);
    return released;
  };
  return { pace, waiting, release };
}

describe("chat", () => {
  test("turns the words of the speaker round", async () => {
    const client = await connect();
    expect(await client.run({ message: "I am afraid of my own robots." })).toEqual({
      reply: expect.stringContaining("afraid of your own robots"),
    });
  });

  test("gives the same reply to the same message", async () => {
    const client = await connect();
    const message = "I want you to remember me.";
    expect(await client.run({ message })).toEqual(await client.run({ message }));
  });

  test.each([{}, { message: "" }, { message: 7 }, { message: "x".repeat(2001) }])(
    "refuses bad input %#, and names the field",
    async (input) => {
      const client = await connect();
      await expect(client.run(input)).rejects.toMatchObject({ code: "VALIDATION_ERROR", field: "message", origin: "wire" });
    },
  );

  test.each(["i need ", "i am ", "? ", "my ", "because i'm ", " \t"])("has a short answer to a long message of %j", (piece) => {
    const reply = replyTo(piece.repeat(2000 / piece.length));
    expect(reply.length).toBeGreaterThan(0);
    expect(reply.length).toBeLessThan(5000);
  });
});

describe("story_stream", () => {
  test("delivers the first word while the story is still being told", async () => {
    const { pace, waiting, release } = createHeldPace();
    const client = await connect(pace);
    const stream = client.withEntrypoint("story_stream").runStream<string>({ topic: "robots" });
    const words = stream.cursor();

    const first = await words.next();
    await waiting; // The agent is held after its first word: it cannot have told the second one.
    expect(first.data).toBe(splitWords(tellStory("robots"))[0]);
    expect(stream.summary).toBeUndefined();

    release();
    let story = first.data ?? "";
    for (let next = await words.next(); next.hasMore; next = await words.next()) story += next.data;
    expect(story).toBe(tellStory("robots"));
  });

  test("arrives in one chunk for each word", async () => {
    const client = await connect();
    const stream = client.withEntrypoint("story_stream").runStream<string>({ topic: "the sea" });
    const words = await stream.collect();
    expect(words).toEqual(splitWords(tellStory("the sea")));
    expect(words.length).toBeGreaterThan(40);
    expect(stream.summary).toMatchObject({ status: "completed", chunks: words.length, totalChunks: words.length });
  });

  test("has one story for each topic, without a symbol left in it", () => {
    for (const topic of ["robots", "the sea", "{hero}", "{unknown}", "$&"]) {
      expect(tellStory(topic)).toBe(tellStory(topic));
      expect(tellStory(topic)).toContain(topic);
      expect(tellStory(topic).replaceAll(topic, "")).not.toMatch(/[{}]/);
    }
    expect(tellStory("robots")).not.toBe(tellStory("the sea"));
  });

  test("stops when it is cancelled", async () => {
    const { pace, waiting } = createHeldPace();
    const client = await connect(pace);
    const stream = client.withEntrypoint("story_stream").runStream<string>({ topic: "robots" });
    const signal = await waiting;

    expect(await stream.cancel()).toMatchObject({ outcome: "accepted" });
    expect(signal.aborted).toBe(true);
    expect(await stream.collect()).toHaveLength(1);
    expect(stream.summary).toMatchObject({ status: "cancelled", totalChunks: 1 });
  });

  test("refuses a topic that is missing", async () => {
    const client = await connect();
    const story = client.withEntrypoint("story_stream").runStream({});
    await expect(story.collect()).rejects.toMatchObject({ code: "VALIDATION_ERROR", field: "topic", origin: "wire" });
  });
});

describe("the programs", () => {
  test("talk shows the question, the reply, the story and a summary", async () => {
    const client = await connect();
    const out = new PassThrough();
    await talk(client, { message: "Hello", topic: "robots" }, out);
    out.end();
    const shown = await text(out);
    expect(shown).toContain(`you: Hello\nstoryteller: ${replyTo("Hello")}\n\n${tellStory("robots")}\n\ndone: `);
    const words = splitWords(tellStory("robots")).length;
    expect(shown).toMatch(new RegExp(`done: ${words} chunks in \\d+\\.\\d seconds\\n$`));
  });

  test("the server serves the client, and both end by themselves", async () => {
    const fileOf = await bundlePrograms(EXAMPLE, "server", "client");
    const server = start(fileOf("server"), { PORT: "0", PACE_MS: "1" });
    const [, port = ""] = await server.prints(/http:\/\/127\.0\.0\.1:(\d+)\n/);

    const client = await start(fileOf("client"), { RUNAGENT_PORT: port }).ended;
    expect(client).toMatchObject({ exitCode: 0, stderr: "" });
    expect(client.stdout).toContain(tellStory("robots"));

    server.signal("SIGTERM");
    expect(await server.ended).toMatchObject({ exitCode: 0, stderr: "" });

    const alone = await start(fileOf("client"), { RUNAGENT_PORT: port }).ended;
    expect(alone).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("CONNECTION_ERROR") });
  });

  test("the demo shows a chat and a story, and ends by itself", async () => {
    const fileOf = await bundlePrograms(EXAMPLE, "demo");
    const demo = await start(fileOf("demo"), { PACE_MS: "1" }).ended;
    expect(demo).toMatchObject({ exitCode: 0, stderr: "" });
    expect(demo.stdout).toContain(tellStory("robots"));
    expect(demo.stdout).toMatch(/done: \d+ chunks in \d\.\d seconds\n$/);
    expect(demo.stdout).not.toContain("\u001b"); // No colour when not on a terminal.
  });
});

test("the README shows code that is in the sources", () => {
  expect(foreignReadmeBlocks(EXAMPLE)).toEqual([]);
});
