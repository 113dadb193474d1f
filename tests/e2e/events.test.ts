import { createFaultProxy, type FaultRule } from "@runagent/conformance";
import { type Agent, defineAgent, events, type RunningServer, serve } from "@runagent/server";
import { RunAgentClient, type RunAgentClientOptions } from "runagent";
import { describe, expect, it, onTestFinished } from "vitest";

// Events between the client and the reference server: over connections that are lost, with a filter, slow, and stopped after the turn.

const seed = Number(process.env.TEST_SEED ?? 20_268);

async function start(agent: Agent, rules: readonly FaultRule[] = []): Promise<{ server: RunningServer; client: typeof clientOf }> {
  const server = await serve(agent, { port: 0 });
  const proxy = await createFaultProxy({ target: { host: server.host, port: server.port }, seed, rules });
  const clients: RunAgentClient[] = [];
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await proxy.close();
    await server.close({ timeoutMs: 100 });
  });
  const clientOf = (entrypointTag: string, options: Partial<RunAgentClientOptions> = {}): RunAgentClient => {
    const client = new RunAgentClient({ agentId: agent.id, port: proxy.port, ...options, entrypointTag });
    clients.push(client);
    return client;
  };
  return { server, client: clientOf };
}

const COUNT = 300;

/** Emits for each chunk two raw events and an item; marks a turn after each ten. */
const busy = defineAgent({
  id: "busy",
  entrypoints: {
    work_stream: async function* (_input, ctx) {
      for (let n = 1; n <= COUNT; n++) {
        await ctx.emit(events.rawResponse("delta", { n, text: "x".repeat(40) }));
        yield n;
        await ctx.emit(events.rawResponse("delta", { n }));
        await ctx.emit(events.toolCalled({ call_id: `call-${n}`, tool_name: "work", arguments: { n } }));
        if (n % 10 === 0) await ctx.turn();
      }
    },
  },
});

const numbers = Array.from({ length: COUNT }, (_, index) => index + 1);

describe.each(["websocket", "sse"] as const)("over %s, with connections that are lost in the middle of frames", (transport) => {
  const lost = (type: string, every: number): FaultRule => ({
    on: { event: "frame", type, where: "middle", every },
    do: { action: "reset" },
  });

  it("every event and chunk arrives once, and in order", async () => {
    const { client } = await start(busy, [lost("event", 40)]);
    const stream = client("work_stream", { transport }).runStream<number>();
    const seqs: number[] = [];
    const found: Record<string, unknown[]> = { data: [], raw_response_event: [], run_item_event: [], turn_completed: [] };
    for await (const record of stream.events()) {
      seqs.push(record.seq);
      if (record.type === "data") found.data?.push(record.content);
      else if (record.type === "event") found[String(record.event.type)]?.push(record.event);
    }
    expect(seqs).toEqual(Array.from({ length: COUNT * 4 + COUNT / 10 + 1 }, (_, index) => index + 1));
    expect(found.data).toEqual(numbers);
    expect(found.run_item_event?.map((event) => Object(event).item.arguments.n)).toEqual(numbers);
    expect(found.turn_completed).toHaveLength(COUNT / 10);
    expect(stream.summary?.reconnects).toBeGreaterThan(10);
  });

  it("with a filter the same, of what was asked for", async () => {
    const { client } = await start(busy, [lost("event", 15), lost("skipped", 7)]);
    const stream = client("work_stream", { transport }).runStream<number>();
    const found: unknown[] = [];
    let last = 0;
    for await (const record of stream.events({ only: ["run_item_event", "data"] })) {
      expect(record.seq).toBeGreaterThan(last);
      last = record.seq;
      found.push(record.type === "data" ? record.content : record.event.name);
    }
    expect(found).toEqual(numbers.flatMap((n) => [n, "tool_called"]));
    expect(stream.summary?.reconnects).toBeGreaterThan(10);
    expect(stream.summary).toMatchObject({ status: "completed", chunks: COUNT, totalChunks: COUNT });
  });

  it("a plain loop gives the chunks alone, and its position goes on in another client that wants the events", async () => {
    const { client } = await start(busy);
    const stream = client("work_stream", { transport }).runStream<number>({});
    const chunks: number[] = [];
    let position: string | undefined;
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (chunk === 100) position = await stream.detach();
    }
    const rest: unknown[] = [];
    for await (const { event } of client("work_stream", { transport })
      .resume(position ?? "")
      .events({ only: ["run_item_event"] })) {
      if (event.name === "tool_called") rest.push(event.item.call_id);
    }
    expect(chunks).toEqual(numbers.slice(0, 100));
    expect(rest).toEqual(numbers.slice(99).map((n) => `call-${n}`));
  });
});

describe("cancel after_turn", () => {
  /** Each turn calls two tools and yields; the test lets it go on, step by step. */
  function createWorker() {
    const begun: number[] = [];
    let go = (): void => {};
    const agent = defineAgent({
      id: "worker",
      entrypoints: {
        work_stream: async function* (_input, ctx) {
          for (let turn = 1; turn <= 4; turn++) {
            begun.push(turn);
            for (const tool_name of ["a", "b"]) {
              await ctx.emit(events.toolCalled({ call_id: `${turn}${tool_name}`, tool_name, arguments: turn }));
              await new Promise<void>((resolve) => {
                go = resolve;
              });
              await ctx.emit(events.toolOutput({ call_id: `${turn}${tool_name}`, output: turn }));
            }
            yield turn;
            await ctx.turn();
          }
        },
      },
    });
    return { agent, begun, go: () => go() };
  }

  it.each(["websocket", "sse"] as const)("over %s: all of the turn in flight arrives, the next never begins", async (transport) => {
    const { agent, begun, go } = createWorker();
    // The answer to the cancel is lost with its connection, and so is the end, once.
    const rules: FaultRule[] = [{ on: { event: "frame", status: "stream_cancelled", where: "middle" }, do: { action: "reset" }, times: 1 }];
    const { client } = await start(agent, rules);
    const stream = client("work_stream", { transport }).runStream<number>();
    const seen: string[] = [];
    let answer: unknown;
    for await (const record of stream.events()) {
      if (record.type === "data") seen.push(`data ${record.content}`);
      else if (record.type === "status") seen.push(record.status);
      else if (record.event.type === "turn_completed") seen.push(`turn ${record.event.turn}`);
      else if (record.event.type === "run_item_event") {
        const { item, name } = record.event;
        seen.push(`${name} ${"call_id" in item ? item.call_id : ""}`);
        if (name !== "tool_called") continue;
        if (Object(item).call_id === "2a") answer = await stream.cancel("after_turn");
        go();
      }
    }
    const turn = (n: number): string[] => [
      `tool_called ${n}a`,
      `tool_output ${n}a`,
      `tool_called ${n}b`,
      `tool_output ${n}b`,
      `data ${n}`,
      `turn ${n}`,
    ];
    expect(seen).toEqual([...turn(1), ...turn(2), "stream_cancelled"]);
    expect(answer).toMatchObject({ mode: "after_turn", outcome: "accepted" });
    expect(stream.summary).toMatchObject({ status: "cancelled", chunks: 2, reconnects: 1 });
    expect(begun).toEqual([1, 2]);
  });

  it("an agent without turns runs to its end, and the stream says why it was not stopped", async () => {
    let go = (): void => {};
    const cancelled = new Promise<void>((resolve) => {
      go = resolve;
    });
    const agent = defineAgent({
      id: "plain",
      entrypoints: {
        async *work_stream() {
          yield 1;
          await cancelled;
          yield 2;
        },
      },
    });
    const { client } = await start(agent);
    const stream = client("work_stream").runStream<number>();
    await stream.started;
    const { outcome } = await stream.cancel("after_turn");
    go();
    let reason: string | undefined;
    for await (const record of stream.events()) if (record.type === "status") ({ reason } = record);
    expect(outcome).toBe("accepted");
    expect(stream.summary).toMatchObject({ status: "completed", chunks: 2 });
    expect(reason).toContain("marks none");
  });
});

it("a slow consumer of 10,000 events gets them all, in order, and the agent waits for it", async () => {
  let emitted = 0;
  const agent = defineAgent({
    id: "fast",
    entrypoints: {
      work_stream: async function* (_input, ctx) {
        for (emitted = 0; emitted < 10_000; emitted++) await ctx.emit({ type: "step", n: emitted, text: "x".repeat(100) });
        yield "done";
      },
    },
  });
  const { client } = await start(agent);
  const stream = client("work_stream", { bufferBytes: 20_000 }).runStream();
  let expected = 0;
  let ahead = 0;
  for await (const { event } of stream.events({ only: ["step"] })) {
    if (event.n !== expected++) throw new Error(`event ${String(event.n)} came in place of ${expected - 1}`);
    ahead = Math.max(ahead, emitted - expected);
    if (expected % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(expected).toBe(10_000);
  // What fits into the window, at 150 bytes each.
  expect(ahead).toBeLessThan(300);
});
