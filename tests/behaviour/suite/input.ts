import { atMost, equal, fail, matches } from "./assert.ts";
import { AGENT_ID, type Area, type Context, type Options, overBoth } from "./case.ts";

const GIVEN = { node: "brings its own, from ws and undici" };

/** Runs `action` in a runtime that has lost one of its globals. */
async function without(name: "fetch" | "WebSocket", action: () => Promise<void>): Promise<void> {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name) ?? fail(`this runtime has no ${name} to take away`);
  Object.defineProperty(globalThis, name, { value: undefined, configurable: true, writable: true });
  try {
    await action();
  } finally {
    Object.defineProperty(globalThis, name, descriptor);
  }
}

/** What plain JavaScript may pass, by the option that the error names. */
const WRONG: Readonly<Record<string, unknown>> = {
  port: "8450",
  host: "a b",
  baseUrl: "ftp://example.com",
  apiKey: 5,
  getToken: "token",
  transport: "pigeon",
  timeoutSeconds: -1,
  connectTimeoutMs: "soon",
  idleTimeoutMs: -1,
  bufferBytes: 0,
  maxServerFrameBytes: 0,
  onDisconnect: "wait",
  fetch: {},
  WebSocket: "ws",
  userId: 7,
  persistentMemory: "yes",
  agentId: "../other",
  entrypointTag: "",
};

async function construct(context: Context, options: object): Promise<void> {
  // As plain JavaScript would.
  new context.runagent.RunAgentClient({ agentId: AGENT_ID, entrypointTag: "chat", allowApiKeyInBrowser: true, ...options } as never);
}

/** Calls that are wrong, and runtimes that lack something. */
export const input: Area = {
  title: "bad input, wrong addresses",
  cases: [
    {
      name: "options of the wrong type are VALIDATION_ERROR, and name the option",
      async run(context) {
        for (const [field, value] of Object.entries(WRONG)) {
          const error = await context.failure(construct(context, { [field]: value }), "VALIDATION_ERROR");
          equal(error.field, field, "field");
          equal(error.origin, "local", "origin");
        }
        await context.failure(construct(context, { apiKey: "a", getToken: () => "b" }), "VALIDATION_ERROR");
      },
    },
    {
      name: "a call that is wrong fails at the first read, and sends nothing",
      async run(context) {
        const tap = await context.tap("open");
        const client = context.client("count_stream", { to: tap.port });
        const calls = [{ timeoutMs: -1 }, { signal: {} }, { args: "a" }, { onReconnect: 1 }, { invocationId: "a b" }];
        for (const options of calls) {
          const error = await context.failure(client.runStream({}, options as never).collect(), "VALIDATION_ERROR");
          equal(error.field, Object.keys(options)[0], "field");
        }
        await context.failure(client.runStream(["positional"] as never).collect(), "VALIDATION_ERROR");
        await context.failure(client.resume("no position").collect(), "VALIDATION_ERROR");
        await context.failure(client.runStream({ big: 1n }).collect(), "VALIDATION_ERROR");
        equal((await context.ask("heard", { id: tap.id, text: "x" })).lines, [], "requests");
      },
    },
    ...overBoth("an agent or entrypoint that the server does not have", async (context, transport) => {
      await context.failure(context.stream("nothing_stream", {}, { transport }).collect(), "ENTRYPOINT_NOT_FOUND");
      const other = { transport, agentId: "somebody" };
      await context.failure(context.stream("count_stream", {}, other).collect(), "AGENT_NOT_FOUND");
      await context.failure(context.client("chat", other).run({}), "AGENT_NOT_FOUND");
    }),
    {
      name: "a tag of the wrong kind",
      async run(context) {
        const error = await context.failure(context.client("chat").runStream({}).collect(), "NON_STREAM_ENTRYPOINT");
        equal(error.origin, "local", "origin");
        equal(await (await context.client("count_stream").run({ count: 2 })).collect(), [1, 2]);
      },
    },
    ...(["auto", "websocket", "sse"] as const).map((transport) => ({
      name: `nothing listens at the port (${transport}): CONNECTION_ERROR in time`,
      async run(context: Context) {
        const { port } = await context.ask("closedPort", {});
        const began = performance.now();
        const error = await context.failure(context.stream("count_stream", {}, { to: port, transport }).collect(), "CONNECTION_ERROR");
        matches(error.message, new RegExp(`127\\.0\\.0\\.1:${port}`), "message");
        await context.failure(context.client("chat", { to: port }).run({}), "CONNECTION_ERROR");
        atMost(performance.now() - began, 5_000, "milliseconds");
      },
    })),
    ...overBoth("a frame larger than maxServerFrameBytes is PAYLOAD_TOO_LARGE, and names the limit", async (context, transport) => {
      const options: Options = { transport, maxServerFrameBytes: 10_000 };
      const error = await context.failure(
        context.stream("sized_stream", { count: 1, bytes: 20_000 }, options).collect(),
        "PAYLOAD_TOO_LARGE",
      );
      matches(error.message, /maxServerFrameBytes/, "message");
      equal(await context.stream("sized_stream", { count: 1, bytes: 5_000 }, options).text(), "x".repeat(5_000));
    }),
    {
      name: "a runtime without WebSocket: a typed error that says what to pass; auto and SSE go on",
      except: GIVEN,
      async run(context) {
        await without("WebSocket", async () => {
          const error = await context.failure(
            context.stream("count_stream", { count: 2 }, { transport: "websocket" }).collect(),
            "CONNECTION_ERROR",
          );
          matches(error.message, /no WebSocket/, "message");
          matches(error.suggestion, /WebSocket.*sse/, "suggestion");
          equal(await context.stream("count_stream", { count: 2 }, { transport: "sse" }).collect(), [1, 2]);
          equal(await context.stream("count_stream", { count: 2 }, { transport: "auto" }).collect(), [1, 2]);
        });
      },
    },
    {
      name: "a runtime without fetch: a typed error that says what to pass; a WebSocket goes on",
      except: GIVEN,
      async run(context) {
        await without("fetch", async () => {
          for (const call of [context.client("chat").run({}), context.stream("count_stream", {}, { transport: "sse" }).collect()]) {
            const error = await context.failure(call, "CONNECTION_ERROR");
            matches(error.message, /no fetch/, "message");
            matches(error.suggestion, /fetch/, "suggestion");
          }
          equal(await context.stream("count_stream", { count: 2 }, { transport: "websocket" }).collect(), [1, 2]);
        });
      },
    },
    {
      name: "fetch and WebSocket of the caller's are used",
      async run(context) {
        let calls = 0;
        const own: NonNullable<Options["fetch"]> = (url, init) => {
          calls++;
          return fetch(url, init);
        };
        equal(await context.client("echo", { fetch: own }).run({ value: 1 }), 1);
        equal(await context.stream("count_stream", { count: 2 }, { fetch: own, transport: "sse" }).collect(), [1, 2]);
        equal(calls, 2, "calls of fetch");
        if (typeof globalThis.WebSocket !== "function") return; // Node 20 has none to pass.
        let opened = 0;
        class Own extends WebSocket {
          constructor(url: string) {
            super(url);
            opened++;
          }
        }
        equal(await context.stream("count_stream", { count: 2 }, { WebSocket: Own, transport: "websocket" }).collect(), [1, 2]);
        equal(opened, 1, "WebSockets of the caller's");
      },
    },
    {
      name: "errors say what to do, where, and are known across copies of the package",
      async run(context) {
        const error = await context.failure(context.stream("fail_stream", {}).collect(), "EXECUTION_ERROR");
        equal(context.start.OtherError === context.runagent.RunAgentError, false, "it is another copy");
        equal(context.start.OtherError.is(error), true, "is(), in another copy");
        equal(context.runagent.RunAgentError.is(new context.start.OtherError("TIMEOUT", "Late.")), true, "is(), of another copy");
        equal(context.runagent.RunAgentError.is(new Error("other")), false, "is(), of another class");
        const position = error.cursor ?? fail("the error carries no position");
        await context.failure(context.client("fail_stream").resume(position).collect(), "EXECUTION_ERROR");
        const json = JSON.parse(JSON.stringify(error));
        equal([json.code, json.origin, json.invocationId], ["EXECUTION_ERROR", "wire", error.invocationId]);
      },
    },
  ],
};
