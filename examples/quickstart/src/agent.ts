import { setTimeout as sleep } from "node:timers/promises";
import { type Agent, defineAgent } from "@runagent/server";
import { z } from "zod";
import { replyTo } from "./eliza.ts";
import { splitWords, tellStory } from "./story.ts";

const ChatInput = z.object({ message: z.string().trim().min(1).max(2000) });
const StoryInput = z.object({ topic: z.string().trim().min(1).max(80) });

/** Settles when the next word may be told; rejects when the signal aborts. */
export type Pace = (signal: AbortSignal) => Promise<unknown>;

/** One word every so many milliseconds. */
export function everyMs(ms: number): Pace {
  return (signal) => sleep(ms, undefined, { signal });
}

/**
 * An agent that chats and tells stories. It needs neither a network nor a key.
 * @param pace Default: a word every PACE_MS milliseconds, or every 25.
 */
export function createStoryteller(pace: Pace = everyMs(Number(process.env.PACE_MS || 25))): Agent {
  return defineAgent({
    id: "storyteller",
    entrypoints: {
      chat: {
        description: "Answers a message.",
        input: ChatInput,
        run: ({ message }) => ({ reply: replyTo(message) }),
      },
      story_stream: {
        description: "Tells the story about a topic, word by word.",
        input: StoryInput,
        async *run({ topic }, ctx) {
          for (const word of splitWords(tellStory(topic))) {
            yield word;
            await pace(ctx.signal);
          }
        },
      },
    },
  });
}
