import { createFaultProxy, type FaultRule } from "@runagent/conformance";
import { ApprovalRequiredError, type RunAgentClient } from "runagent";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Asking, serveAsking } from "../support/asking-server.ts";

// client.decide over a line that loses its request or the answer to it: whoever has decided learns so, and whoever was too late, too.

const approve = { decision: "approve" } as const;
const reject = { decision: "reject", reason: "no money" } as const;

const lose = (event: "request" | "answer"): FaultRule => ({
  on: { event, method: "POST", path: "/approvals" },
  do: { action: "reset" },
  times: 1,
});

interface Waiting extends Asking {
  readonly invocationId: string;
  readonly approvalId: string;
  /** Its line breaks as the rules say. */
  readonly far: RunAgentClient<"pay_stream">;
  readonly drops: () => number;
  /** What the agent has said in the end. */
  rest(): Promise<string>;
}

/** An invocation that waits for a decision. */
async function ask(...rules: FaultRule[]): Promise<Waiting> {
  const asking = await serveAsking();
  const { server, client } = asking;
  const proxy = await createFaultProxy({ target: { host: server.host, port: server.port }, seed: 1, rules });
  onTestFinished(() => proxy.close());
  const error = await client()
    .runStream<string>({})
    .text()
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof ApprovalRequiredError)) throw error;
  const { invocationId = "", position, requests } = error;
  return {
    ...asking,
    invocationId,
    approvalId: requests[0]?.approvalId ?? "none",
    far: client({ port: proxy.port }),
    drops: () => proxy.stats.drops,
    rest: () => client().resume<string>(position).text(),
  };
}

describe("client.decide", () => {
  it.each(["request", "answer"] as const)("resolves when its first %s is lost; the tool runs once", async (event) => {
    const { far, invocationId, approvalId, drops, runs, rest } = await ask(lose(event));
    await far.decide(invocationId, { approvalId, ...approve });
    expect(await rest()).toBe("1: approve by anybody. ");
    expect([drops(), runs.get(invocationId)]).toEqual([1, 1]);
  });

  it.each<[string, FaultRule[]]>([
    ["on a line that holds", []],
    ["whose first request was lost", [lose("request")]],
    ["whose first answer was lost", [lose("answer")]],
  ])("of a loser %s throws ALREADY_DECIDED with what stands", async (_name, rules) => {
    const { client, far, invocationId, approvalId, drops, runs, rest } = await ask(...rules);
    await client().decide(invocationId, { approvalId, ...reject });
    await expect(far.decide(invocationId, { approvalId, ...approve })).rejects.toMatchObject({
      code: "ALREADY_DECIDED",
      details: { ...reject, decided_by: "anybody" },
    });
    expect(await rest()).toBe("1: reject by anybody. ");
    expect([drops(), runs.size]).toEqual([rules.length, 0]);
  });

  it("of one who says the same, later and on a line that holds, throws ALREADY_DECIDED", async () => {
    const { client, far, invocationId, approvalId } = await ask();
    await client().decide(invocationId, { approvalId, ...reject });
    await expect(far.decide(invocationId, { approvalId, ...reject })).rejects.toMatchObject({ code: "ALREADY_DECIDED", details: reject });
  });
});
