import { readdirSync, readFileSync } from "node:fs";
import { defineAgent, type RunningServer, serve } from "@runagent/server";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";

// What the reference server sends is held against the protocol's schemas, not against the code that was generated from them.

const folder = new URL("../../protocol/schemas/", import.meta.url);
const ajv = new Ajv2020({ strict: false, validateFormats: false });
for (const name of readdirSync(folder)) ajv.addSchema(JSON.parse(readFileSync(new URL(name, folder), "utf8")), name);

function expectValid(schema: string, value: unknown): void {
  const validate = ajv.getSchema(`${schema}.schema.json`);
  if (validate === undefined) throw new Error(`no schema ${schema}`);
  expect(validate(value) ? [] : [schema, validate.errors, value]).toEqual([]);
}

let server: RunningServer;

beforeAll(async () => {
  const agent = defineAgent({
    id: "agent",
    entrypoints: {
      add: { input: z.object({ a: z.number() }), output: z.number(), run: ({ a }) => a + 1 },
      fail: () => {
        throw new Error("no");
      },
      *all_stream(_, ctx) {
        yield { a: [1] };
        ctx.emit({ type: "turn_completed", turn: 1 });
      },
      *fail_stream() {
        yield 1;
        throw new Error("no");
      },
      *forever_stream() {
        for (;;) yield 1;
      },
    },
  });
  server = await serve(agent, { port: 0 });
});

afterAll(() => server.close());

async function call(path: string, body?: unknown): Promise<{ status: number; envelope: { data?: unknown } }> {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(`${server.url}/api/v1${path}`, init);
  const envelope = (await response.json()) as { data?: unknown };
  expectValid("envelope", envelope);
  return { status: response.status, envelope };
}

const run = (tag: string, id: string, kwargs: object = {}) => ({
  protocol: 2,
  invocation_id: id,
  entrypoint_tag: tag,
  input_args: [],
  input_kwargs: kwargs,
});

/** The frames of one stream, each checked as `schemaOf` says. */
function frames(
  first: object,
  onFrame: (frame: Record<string, unknown>, socket: WebSocket) => void = () => {},
): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const seen: Record<string, unknown>[] = [];
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/agents/agent/run-stream`);
    socket.on("open", () => socket.send(JSON.stringify(first)));
    socket.on("message", (data) => {
      const frame = JSON.parse(data.toString());
      seen.push(frame);
      onFrame(frame, socket);
      if (frame.type === "error" || /completed|cancelled/.test(frame.status)) socket.close();
    });
    socket.on("close", () => resolve(seen));
    socket.on("error", reject);
  });
}

function schemaOf(frame: Record<string, unknown>): string {
  if (frame.type !== "status") return String(frame.type);
  return String(frame.status).replace("stream_resumed", "stream_started").replaceAll("_", "-");
}

describe("the reference server's answers fit the schemas", () => {
  it.each([
    ["server-info", ""],
    ["health", "/health"],
    ["architecture", "/agents/agent/architecture"],
  ])("%s", async (schema, path) => {
    expectValid(schema, (await call(path)).envelope.data);
  });

  it("runs, invocations, lists, statistics and cancels", async () => {
    expect((await call("/agents/agent/run", run("add", "ok", { a: 1 }))).envelope.data).toBe(2);
    expect((await call("/agents/agent/run", run("fail", "bad"))).status).toBe(500);
    expect((await call("/agents/agent/run", { ...run("add", "later", { a: 1 }), async_execution: true })).status).toBe(202);
    expect((await call("/agents/agent/run", { entrypoint_tag: "add", input_kwargs: { a: 1 } })).status).toBe(200);
    for (const id of ["ok", "bad", "later"]) expectValid("invocation", (await call(`/invocations/${id}`)).envelope.data);
    expectValid("invocation-list", (await call("/agents/agent/invocations?limit=2")).envelope.data);
    expectValid("invocation-stats", (await call("/agents/agent/invocations/stats")).envelope.data);
    expectValid("cancel-result", (await call("/invocations/ok/cancel", { mode: "immediate" })).envelope.data);
  });

  it.each(["/nowhere", "/agents/nobody/architecture", "/invocations/nobody", "/agents/agent/invocations?limit=0", "/agents/agent/run"])(
    "a refusal at %s",
    async (path) => {
      expect((await call(path)).status).toBeGreaterThanOrEqual(400);
    },
  );

  it.each(["all_stream", "fail_stream", "no_stream", "add"])("frames of version 2: %s", async (tag) => {
    const seen = await frames({ type: "start", ...run(tag, `v2-${tag}`) });
    expect(seen.length).toBeGreaterThan(0);
    for (const frame of seen) expectValid(schemaOf(frame), frame);
  });

  it("frames of a cancelled stream", async () => {
    const seen = await frames({ type: "start", ...run("forever_stream", "v2-cancel") }, (frame, socket) => {
      if (frame.seq === 1) socket.send('{"type":"cancel","mode":"immediate"}');
    });
    for (const frame of seen) expectValid(schemaOf(frame), frame);
    expect(seen.map(schemaOf)).toEqual(expect.arrayContaining(["cancel-acknowledged", "stream-cancelled"]));
  });

  it.each(["all_stream", "fail_stream", "no_stream"])("frames of version 1: %s", async (tag) => {
    const seen = await frames({ entrypoint_tag: tag, input_args: [], input_kwargs: {}, timeout_seconds: 600, async_execution: false });
    expect(seen.length).toBeGreaterThan(0);
    for (const frame of seen) expectValid(`v1-${String(frame.type)}`, frame);
    for (const { content } of seen.filter(({ type }) => type === "data")) expectValid("v1-value", JSON.parse(String(content)));
  });
});
