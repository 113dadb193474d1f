import { equal, fail, ok, thrown } from "./assert.ts";
import { type Area, type Context, overBoth } from "./case.ts";

/** What the invocation is decided by, from an error that must say that it waits. */
async function waiting(context: Context, reading: PromiseLike<unknown>) {
  const error = await thrown(reading);
  const { ApprovalRequiredError } = context.runagent;
  if (!(error instanceof ApprovalRequiredError)) fail(`expected an ApprovalRequiredError, got ${String(error)}`);
  equal(error.code, "APPROVAL_REQUIRED", "code");
  const [request] = error.requests;
  ok(request, "there is no request");
  return { ...error, approvalId: request.approvalId, position: error.position, request };
}

/** Typed events, filters, approvals. */
export const approvals: Area = {
  title: "events, approvals",
  cases: [
    ...overBoth("events({ only }) gives what was asked for, in order, with its seq", async (context, transport) => {
      const records: unknown[] = [];
      for await (const record of context.stream("tool_stream", {}, { transport }).events({ only: ["data", "run_item_event"] })) {
        records.push(record.type === "data" ? [record.seq, record.content] : [record.seq, record.event.name]);
      }
      equal(records, [
        [2, "tool_called"],
        [5, "tool_output"],
        [6, "done"],
      ]);
    }),
    ...overBoth("a loop over chunks is sent no events, and resumes behind what was left out", async (context, transport) => {
      const proxy = await context.proxy("open", [
        { on: { event: "frame", type: "skipped", where: "after" }, do: { action: "reset" }, times: 1 },
      ]);
      const stream = context.stream("tool_stream", {}, { to: proxy.port, transport });
      equal(await stream.collect(), ["done"]);
      equal([stream.summary?.status, stream.summary?.reconnects], ["completed", 1], "status and reconnects");
    }),
    ...overBoth("onApproval answers in line, and the stream goes on", async (context, transport) => {
      const asked: unknown[] = [];
      const client = context.client("ask_stream", { transport });
      const stream = client.runStream(
        { to: "ann" },
        {
          onApproval: ({ tool_name, arguments: given, signal }) => {
            asked.push([tool_name, given, signal.aborted]);
            return { decision: "reject", reason: "not today" };
          },
        },
      );
      equal(await stream.collect(), ["asking", "reject not today"]);
      equal(asked, [["send_mail", { to: "ann" }, false]]);
    }),
    ...overBoth("without it the stream ends with the question, and goes on elsewhere with the decision", async (context, transport) => {
      const stream = context.stream("ask_stream", { to: "bob" }, { transport });
      const chunks: unknown[] = [];
      const { approvalId, position, request } = await waiting(
        context,
        (async () => {
          for await (const chunk of stream) chunks.push(chunk);
        })(),
      );
      equal([chunks, request.tool_name, request.arguments], [["asking"], "send_mail", { to: "bob" }]);
      const other = context.client("ask_stream", { transport: transport === "sse" ? "websocket" : "sse" });
      equal(await other.resume(position, { approvals: [{ approvalId, decision: "approve" }] }).collect(), ["approve "]);
      const late = other.resume(position, { approvals: [{ approvalId, decision: "reject" }] });
      await context.failure(late.collect(), "ALREADY_DECIDED");
    }),
    ...overBoth("a third party decides, and whoever reads sees who", async (context, transport) => {
      const client = context.client("ask_stream", { transport });
      const stream = client.runStream({ to: "eve" }, { onApproval: () => {} });
      let decided: unknown;
      for await (const record of stream.events()) {
        if (record.type !== "event") continue;
        const { event } = record;
        if (event.type === "approval_required") {
          await client.decide(stream.invocationId, { approvalId: event.approval_id, decision: "approve" });
        }
        if (event.type === "approval_decided") decided = [event.decision, event.decided_by];
      }
      equal(decided, ["approve", "anybody"]);
    }),
  ],
};
