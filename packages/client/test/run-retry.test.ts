import { getEventListeners } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { ARCHITECTURE, deferred, failureOf, runClient, serveScript } from "./harness.ts";
import type { ScriptedServer, SeenRequest } from "./scripted-server.ts";

const FAST = { maxReconnectDelayMs: 1 };

type Answer = (response: ServerResponse, request: SeenRequest) => unknown;
const send = (body: unknown, status = 200, headers: Record<string, string> = {}): Answer => {
  return (response) =>
    response
      .writeHead(status, { "content-type": "application/json", ...headers })
      .end(typeof body === "string" ? body : JSON.stringify(body));
};
const done = send({ success: true, protocol: 2, data: "done" });
const lose: Answer = (response) => response.destroy();
const failWith = (status: number, code: string, headers: Record<string, string> = {}): Answer =>
  send({ success: false, error: { code, message: "No." } }, status, headers);

/** Answers runs in turn, the last for ever; and questions for the architecture. */
async function serveRuns(architecture: Answer, ...answers: Answer[]): Promise<ScriptedServer> {
  return serveScript({
    http(request, response) {
      if (request.url.endsWith("/architecture")) architecture(response, request);
      else if (request.url.endsWith("/run")) (answers.length > 1 ? answers.shift() : answers[0])?.(response, request);
      else response.end('{"success":true,"data":{}}');
    },
  });
}

const version2 = send(ARCHITECTURE);
const version1 = send({ agent_id: "a1", entrypoints: [] });
const runs = ({ requests }: ScriptedServer): Record<string, unknown>[] =>
  requests.filter(({ url }) => url.endsWith("/run")).map(({ body }) => JSON.parse(body));
const questions = ({ requests }: ScriptedServer): number => requests.filter(({ url }) => url.endsWith("/architecture")).length;

describe("a run whose answer is lost", () => {
  it("is repeated with the same id and input when the server says that it speaks version 2", async () => {
    const server = await serveRuns(version2, lose, lose, done);
    const input = { list: [1] };
    const call = runClient(server, FAST).run(input);
    input.list.push(2);
    expect(await call).toBe("done");
    const [first, second, third] = runs(server);
    expect(first).toMatchObject({ input_kwargs: { list: [1] } });
    expect([second, third]).toEqual([first, first]);
    // Asked once: then it is known.
    expect(questions(server)).toBe(1);
  });

  it("is repeated without a question when an earlier answer told the version", async () => {
    const server = await serveRuns(lose, done, lose, done);
    const client = runClient(server, FAST);
    expect([await client.run(), await client.run()]).toEqual(["done", "done"]);
    expect([runs(server).length, questions(server)]).toEqual([3, 0]);
  });

  it.each([
    ["version 1", version1],
    ["a server that cannot be asked", lose],
    ["a page", send("<html></html>")],
    ["an unknown route", failWith(404, "AGENT_NOT_FOUND")],
  ])("is never repeated with %s: it may have run", async (_, architecture) => {
    const server = await serveRuns(architecture, lose, done);
    const error = await failureOf(runClient(server, FAST).run({}, { invocationId: "inv-1" }));
    expect(error).toMatchObject({ code: "CONNECTION_ERROR", retryable: false, invocationId: "inv-1" });
    expect(runs(server)).toHaveLength(1);
  });

  it("in the middle of the body is lost, too", async () => {
    const half: Answer = (response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
      response.write('{"success":', () => response.destroy());
    };
    const server = await serveRuns(version2, half, done);
    expect(await runClient(server, FAST).run()).toBe("done");
    const old = await serveRuns(version1, half, done);
    expect(await failureOf(runClient(old, FAST).run())).toMatchObject({ code: "CONNECTION_ERROR", retryable: false });
    expect(runs(old)).toHaveLength(1);
  });
});

describe("an answer that says to come back", () => {
  it.each([
    ["429", 429, {}],
    ["429 with seconds", 429, { "retry-after": "0" }],
    ["429 with a negative", 429, { "retry-after": "-7" }],
    ["429 with nonsense", 429, { "retry-after": "soon" }],
    ["503 with seconds", 503, { "retry-after": "0" }],
    ["503 with a date", 503, { "retry-after": new Date(Date.now() + 300).toUTCString() }],
  ])("%s: the run is repeated, whatever the version, with the same id", async (name, status, headers) => {
    // A date has whole seconds, and this one may have passed: then the server is asked.
    const server = await serveRuns(name.includes("date") ? version2 : version1, failWith(status, codeOf(status), headers), done);
    expect(await runClient(server, FAST).run()).toBe("done");
    const [first, second, ...more] = runs(server);
    expect(second).toEqual(first);
    expect(more).toEqual([]);
  });

  it("is waited for as long as it says", async () => {
    const server = await serveRuns(version1, failWith(503, "SERVER_ERROR", { "retry-after": "1" }), done);
    const began = performance.now();
    expect(await runClient(server, FAST).run()).toBe("done");
    expect(performance.now() - began).toBeGreaterThan(950);
  });

  it.each(["1000000000", "3600", new Date(Date.now() + 1e9).toUTCString()])(
    "%s: longer than the call may take, so that it fails at once, with what the server said",
    async (wait) => {
      const server = await serveRuns(version2, failWith(429, "RATE_LIMITED", { "retry-after": wait }), done);
      const began = performance.now();
      const error = await failureOf(runClient(server, FAST).run({}, { timeoutMs: 20_000 }));
      expect(error).toMatchObject({ code: "RATE_LIMITED", retryable: true, origin: "wire" });
      expect(Number(Object(error.details).retry_after_seconds)).toBeGreaterThan(3000);
      expect(performance.now() - began).toBeLessThan(5000);
      expect(runs(server)).toHaveLength(1);
    },
  );

  it("again and again is given up after five", async () => {
    const server = await serveRuns(version2, failWith(429, "RATE_LIMITED", { "retry-after": "0" }));
    expect((await failureOf(runClient(server, FAST).run())).code).toBe("RATE_LIMITED");
    expect(runs(server)).toHaveLength(5);
  });
});

describe("an answer that says that the server failed", () => {
  const failures: [number, Answer][] = [500, 502, 503, 504].map((status) => [status, failWith(status, "SERVER_ERROR")]);

  it.each([...failures, ...failures.map(([status]): [number, Answer] => [status, send("oops", status, { "retry-after": "x" })])])(
    "%i: repeated with version 2, never with version 1",
    async (_, fail) => {
      const server = await serveRuns(version2, fail, done);
      expect(await runClient(server, FAST).run()).toBe("done");
      expect(runs(server)).toHaveLength(2);
      const old = await serveRuns(version1, fail, done);
      expect(await failureOf(runClient(old, FAST).run())).toMatchObject({ code: "SERVER_ERROR", origin: "wire", retryable: false });
      expect(runs(old)).toHaveLength(1);
    },
  );

  it.each([500, 502, 504])("%i with Retry-After says nothing of what was done", async (status) => {
    const old = await serveRuns(version1, failWith(status, "SERVER_ERROR", { "retry-after": "0" }), done);
    expect((await failureOf(runClient(old, FAST).run())).code).toBe("SERVER_ERROR");
    expect(runs(old)).toHaveLength(1);
  });

  it.each([
    [500, "EXECUTION_ERROR"],
    [504, "TIMEOUT"],
    [503, "OWNER_LOST"],
    [400, "VALIDATION_ERROR"],
    [401, "AUTHENTICATION_ERROR"],
    [403, "PERMISSION_ERROR"],
    [404, "AGENT_NOT_FOUND"],
    [409, "INVOCATION_CONFLICT"],
    [409, "CANCELLED"],
    [410, "CURSOR_EXPIRED"],
    [413, "PAYLOAD_TOO_LARGE"],
    [418, "PROTOCOL_ERROR"],
  ])("%i %s is final", async (status, code) => {
    const server = await serveRuns(version2, failWith(status, code, { "retry-after": "0" }), done);
    expect((await failureOf(runClient(server, FAST).run())).code).toBe(code);
    expect(server.requests).toHaveLength(1);
  });

  it("a GET is repeated, whatever the version", async () => {
    let count = 0;
    const server = await serveRuns((response, request) => (++count < 4 ? lose : version1)(response, request));
    expect((await runClient(server, FAST).architecture()).entrypoints).toEqual([]);
    expect(count).toBe(4);
  });
});

describe("the deadline and the signal", () => {
  it("bound all attempts together", async () => {
    const server = await serveRuns(version2, done, lose);
    const client = runClient(server, { maxReconnectDelayMs: 20 });
    await client.run();
    const began = performance.now();
    const error = await failureOf(client.run({}, { timeoutMs: 200 }));
    expect(error.code).toMatch(/TIMEOUT|CONNECTION_ERROR/);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(runs(server).length).toBeGreaterThan(3);
  });

  it("bound an attempt that is never answered", async () => {
    const server = await serveRuns(version2, done, lose, () => {});
    const client = runClient(server, FAST);
    await client.run();
    const error = await failureOf(client.run({}, { timeoutMs: 150, invocationId: "inv-1" }));
    expect(error).toMatchObject({ code: "TIMEOUT", invocationId: "inv-1" });
    while (server.requests.at(-1)?.url !== "/api/v1/invocations/inv-1/cancel") await new Promise(setImmediate);
  });

  it.each(["deadline", "signal"])("bound the question for the version, too, and end it: %s", async (what) => {
    const asked = deferred();
    const ended = deferred();
    const stall: Answer = (response) => {
      response.on("close", ended.resolve);
      asked.resolve();
    };
    const server = await serveRuns(stall, lose, done);
    const controller = new AbortController();
    const began = performance.now();
    const call = failureOf(runClient(server, FAST).run({}, { signal: controller.signal, timeoutMs: what === "deadline" ? 200 : 0 }));
    await asked.promise;
    if (what === "signal") controller.abort();
    expect((await call).code).toMatch(what === "signal" ? /CANCELLED/ : /TIMEOUT|CONNECTION_ERROR/);
    await ended.promise;
    expect(performance.now() - began).toBeLessThan(5000);
    expect(runs(server)).toHaveLength(1);
  });

  it("an abort ends the wait at once, and leaves no listener", async () => {
    const waiting = deferred();
    const server = await serveRuns(version2, (response, request) => {
      failWith(503, "SERVER_ERROR", { "retry-after": "20" })(response, request);
      waiting.resolve();
    });
    const controller = new AbortController();
    const call = failureOf(runClient(server, FAST).run({}, { signal: controller.signal }));
    await waiting.promise;
    const began = performance.now();
    controller.abort(new Error("enough"));
    expect(await call).toMatchObject({ code: "CANCELLED", cause: new Error("enough") });
    expect(performance.now() - began).toBeLessThan(5000);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    expect(runs(server)).toHaveLength(1);
  });
});

it.each([500, 503])("%i again and again says nothing of what was done: the caller's repeat may run the agent twice", async (status) => {
  const server = await serveRuns(version2, failWith(status, "SERVER_ERROR"));
  const error = await failureOf(runClient(server, FAST).run());
  expect([runs(server).length, error.code, error.retryable]).toEqual([5, "SERVER_ERROR", false]);
});

function codeOf(status: number): string {
  return status === 429 ? "RATE_LIMITED" : "SERVER_ERROR";
}
