import { type Agent, defineAgent, events } from "@runagent/server";

/** What the desk answers. */
export const ANSWER = "It will rain in Lisbon at noon. Our tailor lends you an umbrella.";

/**
 * A front desk that looks up the weather, and hands over to a tailor, who answers. A real one would run a framework, whose adapter
 * makes these events (`@runagent/server/adapters/…`); here each step is written out.
 */
export function createDesk(): Agent {
  return defineAgent({
    id: "desk",
    entrypoints: {
      ask_stream: async function* (_input, ctx) {
        await ctx.emit(events.agentUpdated({ name: "front desk" }));
        const call = { call_id: "call-1", tool_name: "weather" };
        await ctx.emit(events.toolCalled({ ...call, arguments: { city: "Lisbon", at: "12:00" } }));
        await ctx.emit(events.toolOutput({ ...call, output: { sky: "rain", degrees: 17 } }));
        await ctx.emit(events.handoffRequested({ from: "front desk", to: "tailor" }));
        await ctx.emit(events.handoffOccurred({ from: "front desk", to: "tailor" }));
        await ctx.emit(events.agentUpdated({ name: "tailor" }));
        // The answer itself is chunks, as the model gives it; what the model sent goes with it, for those who want that too.
        for (const delta of ANSWER.split(/(?<= )/)) {
          await ctx.emit(events.rawResponse("response.output_text.delta", { delta }));
          yield delta;
        }
        const parts = [{ type: "text", text: ANSWER }];
        await ctx.emit(events.messageOutput({ role: "assistant", parts, status: "completed", agent: "tailor" }));
        // Any other object with a type goes the same way.
        await ctx.emit({ type: "umbrella_reserved", number: 7 });
        await ctx.turn();
      },
    },
  });
}
