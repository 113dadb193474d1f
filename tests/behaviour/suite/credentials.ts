import { atLeast, equal, fail, upTo } from "./assert.ts";
import { type Area, type Context, type Options, overBoth } from "./case.ts";
import type { Issued } from "./verbs.ts";

/** Passes for an API key: a web page may use one only when it says so. */
const KEY = { allowApiKeyInBrowser: true };

/** Gives these credentials one after the other, then the last again and again. */
function inTurn(...tokens: readonly Issued[]): { getToken: () => Issued; calls(): number } {
  let calls = 0;
  const getToken = (): Issued => tokens[Math.min(calls++, tokens.length - 1)] ?? fail("there is no token");
  return { getToken, calls: () => calls };
}

async function issue(context: Context, ttlMs?: number): Promise<Issued> {
  return context.ask("token", { user: context.id, ...(ttlMs !== undefined && { ttlMs }) });
}

/** A token that the server knows no more. */
async function revoked(context: Context): Promise<Issued> {
  const { token } = await issue(context);
  await context.ask("revoke", { token });
  return { token };
}

/** Keys and tokens. */
export const credentials: Area = {
  title: "keys and tokens",
  cases: [
    ...overBoth("a key travels in a header or the first frame, never in a URL", async (context, transport) => {
      const { token: apiKey } = await issue(context);
      const tap = await context.tap("keyed");
      const client = context.client("count_stream", { to: tap.port, transport, apiKey, ...KEY });
      equal(await client.runStream({ count: 3 }).collect(), [1, 2, 3]);
      equal(await client.withEntrypoint("echo").run({ value: 1 }), 1);
      const { inLines, elsewhere, lines } = await context.ask("heard", { id: tap.id, text: apiKey });
      equal(inLines, 0, "request lines with the key");
      atLeast(elsewhere, 1, "headers with the key");
      atLeast(lines.filter((line) => !line.startsWith("OPTIONS")).length, 2, "requests");
      equal(JSON.stringify(client).includes(apiKey), false, "JSON of the client shows the key");
    }),
    ...overBoth("a key that is missing or wrong is AUTHENTICATION_ERROR, and never shown", async (context, transport) => {
      const { token: apiKey } = await revoked(context);
      for (const options of [{}, { apiKey, ...KEY }]) {
        const client = context.client("count_stream", { to: "keyed", transport, ...options });
        const errors = [
          await context.failure(client.runStream({ count: 1 }).collect(), "AUTHENTICATION_ERROR"),
          await context.failure(client.withEntrypoint("echo").run({ value: 1 }), "AUTHENTICATION_ERROR"),
        ];
        for (const error of errors)
          equal(`${error.message}${error.stack}${JSON.stringify(error)}`.includes(apiKey), false, "the key is shown");
      }
    }),
    ...overBoth("getToken is asked when a credential is needed, and what it gives is used again", async (context, transport) => {
      const { getToken, calls } = inTurn(await issue(context, 60_000));
      const client = context.client("count_stream", { to: "keyed", transport, getToken: async () => getToken() });
      equal(calls(), 0, "calls before the first request");
      equal(await client.runStream({ count: 2 }).collect(), [1, 2]);
      equal(await client.withEntrypoint("echo").run({ value: 1 }), 1);
      equal(calls(), 1, "calls");
    }),
    ...overBoth("getToken is asked again when the server refuses what it gave", async (context, transport) => {
      const first = inTurn(await revoked(context), await issue(context));
      const client = context.client("count_stream", { to: "keyed", transport, getToken: first.getToken });
      equal(await client.runStream({ count: 2 }).collect(), [1, 2]);
      equal(first.calls(), 2, "calls for the stream");
      const second = inTurn(await revoked(context), await issue(context));
      equal(await context.client("echo", { to: "keyed", transport, getToken: second.getToken }).run({ value: 1 }), 1);
      equal(second.calls(), 2, "calls for the run");
      const never = inTurn(await revoked(context));
      const refused = context.client("count_stream", { to: "keyed", transport, getToken: never.getToken });
      await context.failure(refused.runStream({ count: 1 }).collect(), "AUTHENTICATION_ERROR");
      equal(never.calls(), 2, "calls that give nothing better");
    }),
    {
      name: "getToken that fails or gives no token is a typed error",
      async run(context) {
        const cause = new Error("Offline.");
        const fails = (): never => {
          throw cause;
        };
        const error = await context.failure(
          context.client("echo", { to: "keyed", getToken: fails }).run({}, { timeoutMs: 500 }),
          "CONNECTION_ERROR",
        );
        equal(error.cause === cause, true, "the cause is kept");
        // What plain JavaScript may do.
        const options = { to: "keyed", getToken: () => "two words" } as const;
        await context.failure(context.stream("count_stream", { count: 1 }, options).collect(), "VALIDATION_ERROR");
      },
    },
    {
      name: "a token is renewed in time on the open WebSocket, without a reconnect",
      async run(context) {
        const gate = context.id;
        const first = await issue(context, 8_000);
        // The client thinks that it ends sooner, and renews it early: a busy machine has six seconds for that.
        const told = { ...first, expiresAt: (first.expiresAt ?? 0) - 6_000 };
        const second = await issue(context, 60_000);
        const { getToken, calls } = inTurn(told, second);
        const proxy = await context.proxy("keyed");
        const stream = context.stream("gated_stream", { gate, count: 4 }, { to: proxy.port, transport: "websocket", getToken });
        const chunks = stream.collect();
        await context.ask("open", { gate, to: 2 });
        await context.ask("checked", { token: second.token, times: 1 });
        await context.ask("expired", { token: first.token });
        await context.ask("open", { gate, to: 4 });
        equal(await chunks, upTo(4));
        equal(calls(), 2, "calls");
        equal(stream.summary?.reconnects, 0, "reconnects");
        equal((await context.ask("stats", { id: proxy.id })).connections, 1, "connections");
      },
    },
    {
      name: "a token that expires over SSE: the stream goes on with another",
      async run(context) {
        const gate = context.id;
        const first = await issue(context, 800);
        const { getToken } = inTurn(first, await issue(context, 60_000));
        const stream = context.stream("gated_stream", { gate, count: 4 }, { to: "keyed", transport: "sse", getToken });
        const chunks = stream.collect();
        await context.ask("open", { gate, to: 2 });
        await context.ask("expired", { token: first.token });
        await context.ask("open", { gate, to: 4 });
        equal(await chunks, upTo(4));
      },
    },
    ...overBoth("a refresh that is refused is AUTHENTICATION_ERROR; another token goes on from its cursor", async (context, transport) => {
      const gate = context.id;
      const { getToken } = inTurn(await issue(context, 600), await revoked(context));
      const options: Options = { transport, getToken };
      const stream = context.stream("gated_stream", { gate, count: 4 }, { to: "keyed", ...options });
      await context.ask("open", { gate, to: 2 });
      const cursor = stream.cursor();
      equal(
        [await cursor.next(), await cursor.next()].map((step) => step.hasMore && step.data),
        [1, 2],
      );
      const error = await context.failure(cursor.next(), "AUTHENTICATION_ERROR");
      const { token } = await issue(context);
      const other = context.client("gated_stream", { to: "keyed", transport, getToken: () => token });
      const rest = other.resume(error.cursor ?? fail("the error carries no position")).collect();
      await context.ask("open", { gate, to: 4 });
      equal(await rest, [3, 4]);
      equal((await context.ask("invocation", { id: stream.invocationId })).runs, 1, "runs");
    }),
  ],
};
