import { createFaultProxy, createRandom, type FaultRule, type Random } from "@runagent/conformance";
import { defineAgent, events, serve } from "@runagent/server";
import { type ApprovalDecision, ApprovalRequiredError, RunAgentClient, type RunAgentStream } from "runagent";
import { describe, expect, it, onTestFinished } from "vitest";

// Agents that ask, over connections that are lost at random: between question and decision, between decision and answer, while all wait.

const seed = Number(process.env.TEST_SEED ?? 20_270);
const ROUNDS = 3;
const QUESTIONS = 2;
const DELTAS = 10;

const on = (type: string, probability: number, more: object = {}): FaultRule => ({
  on: { event: "frame", type, where: "before", ...more },
  do: { action: "reset" },
  probability,
});

const LOSSES: FaultRule[] = [
  on("event", 0.04, { where: "middle" }),
  on("skipped", 0.04),
  on("status", 0.2, { status: "approval_acknowledged" }),
  on("approval", 0.15, { direction: "to_server" }),
  on("approval", 0.15, { direction: "to_server", where: "after" }),
  on("heartbeat", 0.2),
  { on: { event: "request", method: "POST", path: "/approvals" }, do: { action: "reset" }, probability: 0.2 },
  { on: { event: "answer", method: "POST", path: "/approvals" }, do: { action: "reset" }, probability: 0.2 },
  { on: { event: "frame", type: "data" }, do: { action: "drop" }, probability: 0.02 },
  { on: { event: "frame", type: "data" }, do: { action: "duplicate" }, probability: 0.02 },
];

/** A server behind a line that breaks, and how often each tool call of its agents ran. */
async function start(): Promise<{ port: number; runs: Map<string, number>; drops: () => number }> {
  const runs = new Map<string, number>();
  const agent = defineAgent({
    id: "busy",
    entrypoints: {
      work_stream: async function* (_input, ctx) {
        for (let round = 1; round <= ROUNDS; round++) {
          for (let n = 0; n < DELTAS; n++) {
            await ctx.emit(events.rawResponse("delta", { round, n }));
            yield `${round}.${n}`;
          }
          const asked = Array.from({ length: QUESTIONS }, async (_, question) => {
            const { decision, approvalId } = await ctx.requireApproval({ tool_name: "pay", arguments: { round, question } });
            const call = `${ctx.invocationId} ${approvalId}`;
            if (decision === "approve") runs.set(call, (runs.get(call) ?? 0) + 1);
          });
          await Promise.all(asked);
          await ctx.turn();
        }
      },
    },
  });
  const server = await serve(agent, { port: 0, limits: { heartbeatSeconds: 0.3 } });
  const proxy = await createFaultProxy({ target: { host: server.host, port: server.port }, seed, rules: LOSSES });
  onTestFinished(async () => {
    await proxy.close();
    await server.close({ timeoutMs: 100 });
  });
  return { port: proxy.port, runs, drops: () => proxy.stats.drops };
}

/** What was read of one invocation, over as many streams as it took. */
interface Read {
  readonly chunks: string[];
  readonly turns: number[];
}

const WHOLE: Read = {
  chunks: Array.from({ length: ROUNDS * DELTAS }, (_, index) => `${Math.floor(index / DELTAS) + 1}.${index % DELTAS}`),
  turns: Array.from({ length: ROUNDS }, (_, index) => index + 1),
};

async function read(stream: RunAgentStream<string>, filtered: boolean, into: Read): Promise<void> {
  const records = filtered ? stream.events({ only: ["data", "turn_completed"] }) : stream.events();
  for await (const record of records) {
    if (record.type === "data") into.chunks.push(record.content);
    else if (record.type === "event" && record.event.type === "turn_completed") into.turns.push(record.event.turn);
  }
}

const decide = (random: Random): ApprovalDecision => (random.chance(0.5) ? "approve" : "reject");

describe.each(["websocket", "sse"] as const)("over %s", (transport) => {
  const clientOf = (port: number): RunAgentClient<"work_stream"> => {
    const client = new RunAgentClient({ agentId: "busy", entrypointTag: "work_stream", port, transport });
    onTestFinished(() => client.close());
    return client;
  };

  it(`in-line: each question is asked once, each tool runs at most once, and nothing is lost (seed ${seed})`, async () => {
    const { port, runs, drops } = await start();
    const random = createRandom(seed);
    const invocations = Array.from({ length: 8 }, async (_, number) => {
      const asked: string[] = [];
      const got: Read = { chunks: [], turns: [] };
      const stream = clientOf(port).runStream<string>(
        {},
        {
          invocationId: `in-line-${number}`,
          async onApproval({ approvalId }) {
            asked.push(approvalId);
            for (let turns = random.integer(0, 200); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
            return decide(random);
          },
        },
      );
      await read(stream, random.chance(0.5), got);
      expect(got).toEqual(WHOLE);
      expect([asked.length, new Set(asked).size]).toEqual([ROUNDS * QUESTIONS, ROUNDS * QUESTIONS]);
    });
    await Promise.all(invocations);
    expect([...runs.values()].filter((count) => count > 1)).toEqual([]);
    expect(drops()).toBeGreaterThan(10);
  });

  it(`ended and resumed, with some of the decisions each time: the same (seed ${seed})`, async () => {
    const { port, runs, drops } = await start();
    const random = createRandom(seed);
    const invocations = Array.from({ length: 6 }, async (_, number) => {
      const got: Read = { chunks: [], turns: [] };
      let stream = clientOf(port).runStream<string>({}, { invocationId: `resumed-${number}` });
      for (let hop = 0; hop < 50; hop++) {
        try {
          await read(stream, random.chance(0.5), got);
          break;
        } catch (error) {
          if (!(error instanceof ApprovalRequiredError)) throw error;
          const some = error.requests.filter(() => random.chance(0.7));
          const approvals = some.map(({ approvalId }) => ({ approvalId, decision: random.chance(0.5) ? "approve" : "reject" }) as const);
          stream = clientOf(port).resume<string>(error.position, { approvals });
        }
      }
      expect(got).toEqual(WHOLE);
    });
    await Promise.all(invocations);
    expect([...runs.values()].filter((count) => count > 1)).toEqual([]);
    expect(drops()).toBeGreaterThan(3);
  });
});
