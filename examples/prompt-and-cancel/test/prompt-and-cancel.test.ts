import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { type RunningServer, serve } from "@runagent/server";
import { Ajv2020 } from "ajv/dist/2020.js";
import OpenAI from "openai";
import { RunAgentClient, type RunAgentStream } from "runagent";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { bundlePrograms, foreignReadmeBlocks, start } from "../../../tests/support/program.ts";
import { createWriter } from "../src/agent.ts";
import { createMessage, type Message, MessageSchema } from "../src/message.ts";
import { fillPrompt, TEMPLATE } from "../src/prompt.ts";
import { showStream } from "../src/terminal.ts";
import { createEndpoint, type Endpoint } from "./endpoint.ts";

const EXAMPLE = new URL("../", import.meta.url);

const KEY = "sk-test-0123456789";
const PARAMETERS = { topic: "robots", style: "a haiku", words: 17 };
const PROMPT = "Write about robots in the style of a haiku. Use at most 17 words.";

const servers: RunningServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serveWriter(): Promise<{ endpoint: Endpoint; port: number }> {
  const endpoint = await createEndpoint();
  const openai = new OpenAI({ apiKey: KEY, baseURL: endpoint.baseURL });
  const server = await serve(createWriter(openai, "scripted"), { port: 0 });
  servers.push(server);
  return { endpoint, port: server.port };
}

function write(port: number, signal?: AbortSignal): RunAgentStream<Message> {
  const client = new RunAgentClient({ agentId: "writer", entrypointTag: "write_stream", port, output: MessageSchema });
  return client.runStream(PARAMETERS, { signal });
}

/** A person's terminal: what is shown can be waited for, and Enter can be pressed. */
function createTerminal(): {
  terminal: { stdin: PassThrough & { isTTY: boolean }; stdout: PassThrough };
  shows(text: string): Promise<void>;
} {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stdout = new PassThrough();
  let shown = "";
  stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  const shows = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (shown.includes(text)) resolve();
      };
      stdout.on("data", look);
      look();
    });
  return { terminal: { stdin, stdout }, shows };
}

describe("the prompt", () => {
  test("is filled from the parameters", () => {
    expect(fillPrompt(TEMPLATE, PARAMETERS)).toBe(PROMPT);
  });

  test("takes braces in a value as text", () => {
    expect(fillPrompt("{topic} {words}", { topic: "{words} $&", words: 3 })).toBe("{words} $& 3");
  });

  test("names a parameter that is missing", () => {
    expect(() => fillPrompt("{topic} {toString}", { topic: "robots" })).toThrow("a place for toString");
  });
});

describe("the writer", () => {
  test("sends the filled prompt, and yields messages of which the last is completed", async () => {
    const { endpoint, port } = await serveWriter();
    const stream = write(port);
    const model = await endpoint.next();
    expect(model.authorization).toBe(`Bearer ${KEY}`);
    expect(model.body).toMatchObject({ model: "scripted", stream: true, messages: [{ role: "user", content: PROMPT }] });

    // Each piece is sent only when the one before has arrived: nothing is held back on the way.
    const messages = stream.cursor();
    model.say("Steel ");
    expect((await messages.next()).data).toEqual(createMessage("Steel ", "in_progress"));
    model.say("hands");
    expect((await messages.next()).data).toEqual(createMessage("hands", "in_progress"));
    model.finish("stop");
    expect((await messages.next()).data).toEqual(createMessage("", "completed"));
    expect(await messages.next()).toEqual({ hasMore: false });
    expect(stream.summary).toMatchObject({ status: "completed", chunks: 3 });
  });

  test("yields what the protocol calls a message", async () => {
    const schema = new URL("../../../protocol/schemas/message.schema.json", import.meta.url);
    const validate = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(schema, "utf8")));
    const { endpoint, port } = await serveWriter();
    const stream = write(port);
    const model = await endpoint.next();
    model.say("Steel");
    model.finish("stop");
    for await (const message of stream) expect(validate(message)).toBe(true);
    expect(stream.summary?.chunks).toBe(2);
  });

  test.each(["length", undefined] as const)("is incomplete when the model ends with the reason %s", async (reason) => {
    const { endpoint, port } = await serveWriter();
    const stream = write(port);
    const model = await endpoint.next();
    model.say("Steel ha");
    model.finish(reason);
    expect(await stream.collect()).toEqual([createMessage("Steel ha", "in_progress"), createMessage("", "incomplete")]);
    expect(stream.summary?.status).toBe("completed");
  });

  test.each([
    [401, "Incorrect API key provided"],
    [500, "The model has a headache"],
  ])("fails with the message of an endpoint that answers %i, without the key", async (status, message) => {
    const { endpoint, port } = await serveWriter();
    const stream = write(port);
    (await endpoint.next()).refuse(status, `${message}: ${KEY}.`);
    const error = await stream.collect().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "EXECUTION_ERROR", origin: "wire", message: `${status} ${message}: [key].` });
    expect(JSON.stringify(error)).not.toContain(KEY);
  });

  test("refuses parameters that do not fit, and names them", async () => {
    const { port } = await serveWriter();
    const client = new RunAgentClient({ agentId: "writer", entrypointTag: "write_stream", port });
    await expect(client.runStream({ topic: "robots", words: "many" }).collect()).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      field: "words",
    });
  });
});

describe("cancel", () => {
  test("by Enter stops the model, and shows what was received", async () => {
    const { endpoint, port } = await serveWriter();
    const { terminal, shows } = createTerminal();
    const stream = write(port);
    const shown = showStream(stream, terminal);
    const model = await endpoint.next();
    model.say("Steel ");
    model.say("hands ");
    await shows("hands ");

    terminal.stdin.write("\n");
    await model.aborted;
    await shown;
    await shows("Cancelled: received 2 messages with 2 words.");
    expect(stream.summary).toMatchObject({ status: "cancelled", chunks: 2, totalChunks: 2 });
    expect(terminal.stdin.listenerCount("data")).toBe(0);
    expect(process.listenerCount("SIGINT")).toBe(0);
  });

  test("by an AbortSignal stops the model, and fails the stream", async () => {
    const { endpoint, port } = await serveWriter();
    const controller = new AbortController();
    const messages = write(port, controller.signal).cursor();
    const model = await endpoint.next();
    model.say("Steel ");
    expect((await messages.next()).hasMore).toBe(true);

    controller.abort();
    await model.aborted;
    await expect(messages.next()).rejects.toMatchObject({ code: "CANCELLED", origin: "local" });
  });

  test("comes in time when the model has not said a word yet", async () => {
    const { endpoint, port } = await serveWriter();
    const stream = write(port);
    const model = await endpoint.next();
    expect(await stream.cancel()).toMatchObject({ outcome: "accepted" });
    await model.aborted;
    expect(await stream.collect()).toEqual([]);
    expect(stream.summary?.status).toBe("cancelled");
  });
});

describe("the programs", () => {
  let fileOf: (name: "server" | "client") => string;
  const args = ["--topic", "robots", "--style", "a haiku", "--words", "17"];

  beforeAll(async () => {
    fileOf = await bundlePrograms(EXAMPLE, "server", "client");
  });

  /** Starts server and client; the client's standard input is at its end from the beginning. */
  async function startBoth() {
    const endpoint = await createEndpoint();
    const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: endpoint.baseURL, OPENAI_MODEL: "scripted", PORT: "0" };
    const server = start(fileOf("server"), env);
    const [, port = ""] = await server.prints(/http:\/\/127\.0\.0\.1:(\d+)\n/);
    const client = start(fileOf("client"), { RUNAGENT_PORT: port }, args);
    return { server, client, model: await endpoint.next() };
  }

  test("write to the end, although nobody is at the keyboard", async () => {
    const { server, client, model } = await startBoth();
    expect(model.body).toMatchObject({ model: "scripted", messages: [{ content: PROMPT }] });
    model.say("Steel ");
    await client.prints(/Steel /);
    model.say("hands");
    model.finish("stop");
    expect(await client.ended).toEqual({
      exitCode: 0,
      stdout: "Steel hands\n\nCompleted: received 3 messages with 2 words.\n",
      stderr: "",
    });

    server.signal("SIGTERM");
    expect(await server.ended).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("cancel on SIGINT, and end without an error", async () => {
    const { client, model } = await startBoth();
    model.say("Steel ");
    await client.prints(/Steel /);
    client.signal("SIGINT");
    await model.aborted;
    expect(await client.ended).toEqual({ exitCode: 0, stdout: "Steel \n\nCancelled: received 1 message with 1 word.\n", stderr: "" });
  });

  test("say what is missing or wrong, and end with exit code 1", async () => {
    const ends = [
      [start(fileOf("server"), { OPENAI_API_KEY: KEY }), "OPENAI_MODEL is not set."],
      [start(fileOf("server"), { OPENAI_MODEL: "scripted" }), "OPENAI_API_KEY"],
      [start(fileOf("client"), {}, ["--subject", "robots"]), "--subject"],
    ] as const;
    for (const [program, message] of ends) {
      expect(await program.ended).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringContaining(message) });
    }
  });
});

test("the README shows code that is in the sources", () => {
  expect(foreignReadmeBlocks(EXAMPLE)).toEqual([]);
});
