import { type Agent, defineAgent, events } from "@runagent/server";

/** An agent that pays bills, and asks before it does. `pay` is its tool: it runs once at most. */
export function createCashier(pay: (amount: number) => string): Agent {
  return defineAgent({
    id: "cashier",
    entrypoints: {
      pay_stream: async function* ({ amount = 0 }: { amount?: number }, ctx) {
        yield `A bill of ${amount} has come. `;
        const call = { call_id: "call-1", tool_name: "pay" };
        await ctx.emit(events.toolCalled({ ...call, arguments: { amount } }));
        const { decision, decidedBy = "nobody", reason = "no reason" } = await ctx.requireApproval({ ...call, arguments: { amount } });
        if (decision === "reject") {
          await ctx.emit(events.toolOutput({ ...call, output: reason, rejected: true }));
          yield `It is not paid: ${decidedBy} says ${reason}.`;
          return;
        }
        const receipt = pay(amount);
        await ctx.emit(events.toolOutput({ ...call, output: receipt }));
        yield `It is paid, with the leave of ${decidedBy} (${reason}): ${receipt}.`;
      },
    },
  });
}
