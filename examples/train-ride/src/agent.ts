import { type Agent, defineAgent } from "@runagent/server";

/** What the agent tells, word by word. */
export const STORY: string = Array.from({ length: 60 }, (_, index) => `Mile ${index + 1}: the train goes on.`).join(" ");

/** An agent that tells the story, and counts how often it was asked to. */
export function createTeller(): { readonly agent: Agent; readonly runs: () => number } {
  let runs = 0;
  const agent = defineAgent({
    id: "teller",
    entrypoints: {
      story_stream: async function* (_input, ctx) {
        runs++;
        for (const word of STORY.split(" ")) {
          if (ctx.signal.aborted) return;
          yield `${word} `;
        }
      },
    },
  });
  return { agent, runs: () => runs };
}
