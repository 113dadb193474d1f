/** The agent server, behind the relays. GRACE_SECONDS: how long a reader who was lost may take to come back. */
import { setTimeout as pause } from "node:timers/promises";
import { defineAgent, serve } from "@runagent/server";

const agent = defineAgent({
  id: "narrator",
  entrypoints: {
    story_stream: async function* ({ miles = 100 }: { miles?: number }, ctx) {
      for (let mile = 1; mile <= miles; mile++) {
        await pause(5, undefined, { signal: ctx.signal });
        yield `Mile ${mile}. `;
      }
    },
  },
});

const limits = { disconnectGraceSeconds: Number(process.env.GRACE_SECONDS ?? 10) };
const server = await serve(agent, { port: Number(process.env.PORT ?? 8450), limits });
console.log(`Serving ${agent.id} at ${server.url}`);
