/** The answer that is lost: whatever the client sends again, the agent runs once. */
import { request } from "node:http";
import { expect, test } from "vitest";
import { z } from "zod";
import { defineAgent, type RunningServer } from "../src/index.ts";
import { openSse } from "./sse-peer.ts";
import { connect, contents, deferred, get, post, serveAgents, serveEntrypoints, startFrame } from "./support.ts";

const RUN = "/api/v1/agents/agent/run";
const STREAM = "/api/v1/agents/agent/run-stream";

/** Sends a request whose answer nobody will read. */
function send(server: RunningServer, path: string, body: object): { cut(): Promise<void> } {
  const asked = request(server.url + path, { method: "POST", agent: false, headers: { Accept: "text/event-stream" } });
  asked.on("error", () => {});
  asked.end(JSON.stringify(body));
  return {
    cut: async () => {
      const closed = new Promise((resolve) => asked.once("close", resolve));
      asked.destroy();
      await closed;
    },
  };
}

test("a run that is cut while the agent works goes on, and its repetition gets the first result", async () => {
  let runs = 0;
  const started = deferred();
  const go = deferred();
  const server = await serveEntrypoints({
    chat: async () => {
      runs++;
      started.resolve();
      await go.promise;
      return { run: runs };
    },
  });
  const { type: _type, ...body } = startFrame("chat", "inv-1");
  const first = send(server, RUN, body);
  await started.promise;
  await first.cut();
  const again = post(server.url + RUN, body);
  go.resolve();
  expect((await again).body).toMatchObject({ success: true, data: { run: 1 }, protocol: 2, invocation_id: "inv-1" });
  expect((await post(server.url + RUN, body)).body).toMatchObject({ data: { run: 1 } });
  expect(runs).toBe(1);
});

/** A server whose starts wait in the check of their input until the test lets them go on. */
async function serveGated(): Promise<{ server: RunningServer; arrived: Promise<void>; open: () => void; runs: () => number }> {
  let runs = 0;
  const arrived = deferred();
  const gate = deferred();
  const input = z.object({}).refine(async () => {
    arrived.resolve();
    await gate.promise;
    return true;
  });
  const run = (): unknown => {
    runs++;
    return [runs];
  };
  const server = await serveAgents(defineAgent({ id: "agent", entrypoints: { chat: { input, run }, a_stream: { input, run } } }));
  return { server, arrived: arrived.promise, open: () => gate.resolve(), runs: () => runs };
}

test("a run that is cut before the agent starts runs all the same, once", async () => {
  const { server, arrived, open, runs } = await serveGated();
  const { type: _type, ...body } = startFrame("chat", "inv-1");
  const first = send(server, RUN, body);
  await arrived;
  await first.cut();
  const again = post(server.url + RUN, body);
  open();
  expect((await again).body).toMatchObject({ data: [1] });
  expect(runs()).toBe(1);
});

test.each(["SSE", "WebSocket"])(
  "a start over %s that is cut before it is accepted is one invocation with its repetition",
  async (transport) => {
    const { server, arrived, open, runs } = await serveGated();
    const frame = startFrame("a_stream", "inv-1");
    if (transport === "SSE") {
      const first = send(server, STREAM, frame);
      await arrived;
      await first.cut();
    } else {
      const first = await connect(server);
      first.send(frame);
      await arrived;
      first.ws.terminate();
      await first.closed;
    }
    const again = openSse(server, { body: frame });
    open();
    const frames = await (await again).untilEnd();
    expect(frames[0]).toMatchObject({ status: "stream_started", seq: 0 });
    expect(contents(frames)).toEqual([1]);
    expect(runs()).toBe(1);
  },
);

test.each(["SSE", "WebSocket"])(
  "a start over %s that nobody waits for any more is cancelled where it was asked to be",
  async (transport) => {
    const stopped = deferred();
    const checked = deferred();
    const gate = deferred();
    const input = z.object({}).refine(async () => {
      checked.resolve();
      await gate.promise;
      return true;
    });
    const agent = defineAgent({
      id: "agent",
      entrypoints: {
        a_stream: {
          input,
          run: async function* (_input, ctx) {
            ctx.signal.addEventListener("abort", () => stopped.resolve());
            await new Promise(() => {});
            yield 1;
          },
        },
      },
    });
    const server = await serveAgents(agent, { limits: { disconnectGraceSeconds: 0.05 } });
    const frame = startFrame("a_stream", "inv-1", { on_disconnect: "cancel" });
    if (transport === "SSE") {
      const first = send(server, STREAM, frame);
      await checked.promise;
      await first.cut();
    } else {
      const first = await connect(server);
      first.send(frame);
      await checked.promise;
      first.ws.terminate();
      await first.closed;
    }
    gate.resolve();
    await stopped.promise;
    const { body } = await get(`${server.url}/api/v1/invocations/inv-1`);
    expect(body.data).toMatchObject({ status: "cancelled" });
  },
);
