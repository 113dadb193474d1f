/** A source that ends where people are asked: a far client is told all that it needs to go on. */
import { describe, expect, it } from "vitest";
import { toJSONLines, toSSE } from "../../src/patterns/index.ts";
import { serveStory } from "./served.ts";

/** The last object of a text of lines. */
function lastObject(text: string): { error?: unknown } {
  const line = text.trimEnd().split("\n").at(-1) ?? "";
  return JSON.parse(line.replace(/^data: ?/, ""));
}

describe.each<[string, (source: AsyncIterable<unknown>) => Promise<unknown>]>([
  ["toJSONLines", async (source) => lastObject(await new Response(toJSONLines(source)).text()).error],
  ["toSSE", async (source) => lastObject(await toSSE(source).text())],
])("%s", (_name, lastError) => {
  it("names the invocation and the position with what waits, so that whoever is far decides and goes on", async () => {
    const { client } = await serveStory(async function* (_input, ctx) {
      yield "before ";
      yield (await ctx.requireApproval({ tool_name: "pay", arguments: { amount: 480 } })).decision;
    });
    const stream = client.runStream({}, { invocationId: "inv-1" });
    const error = (await lastError(stream)) as { cursor: string; details: { requests: { approvalId: string }[] } };
    expect(error).toMatchObject({
      code: "APPROVAL_REQUIRED",
      invocation_id: "inv-1",
      cursor: stream.position,
      details: { requests: [{ approvalId: expect.stringMatching(/^ap-1-/), tool_name: "pay", arguments: { amount: 480 } }] },
    });
    const approvals = error.details.requests.map(({ approvalId }) => ({ approvalId, decision: "approve" }) as const);
    expect(await client.resume(error.cursor, { approvals }).collect()).toEqual(["approve"]);
  });

  it("of another error tells no position", async () => {
    const { client } = await serveStory(async function* () {
      yield "before ";
      throw new Error("The model is out of order.");
    });
    const error = await lastError(client.runStream({}));
    expect(error).toMatchObject({ code: "EXECUTION_ERROR" });
    for (const field of ["cursor", "invocation_id"]) expect(error).not.toHaveProperty(field);
  });
});
