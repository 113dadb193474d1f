import { setTimeout as pause } from "node:timers/promises";
import { type Agent, defineAgent, events } from "@runagent/server";

/** A surveyor who goes from district to district; each is a turn of two measurements. */
export function createSurveyor(): { readonly agent: Agent; readonly begun: () => number } {
  let begun = 0;
  const agent = defineAgent({
    id: "surveyor",
    entrypoints: {
      survey_stream: async function* ({ districts = 5 }: { districts?: number }, ctx) {
        for (let district = 1; district <= districts; district++) {
          begun++;
          for (const tool_name of ["length", "height"]) {
            const call = { call_id: `${district}-${tool_name}`, tool_name };
            await ctx.emit(events.toolCalled({ ...call, arguments: { district } }));
            await pause(20, undefined, { signal: ctx.signal });
            await ctx.emit(events.toolOutput({ ...call, output: district * 100 }));
          }
          yield `District ${district} is measured.`;
          // The boundary: where a client asked to stop after the turn, this throws, and the next district is not begun.
          await ctx.turn();
        }
      },
    },
  });
  return { agent, begun: () => begun };
}
