import { setTimeout as sleep } from "node:timers/promises";
import { type Agent, defineAgent } from "@runagent/server";
import { z } from "zod";
import { replyTo } from "./replies.ts";

/** The longest message that is answered, in UTF-16 code units, as the page counts them. */
const MAX_MESSAGE_LENGTH = 2000;
const ChatInput = z.object({ message: z.string().trim().min(1).max(MAX_MESSAGE_LENGTH) });

/** Settles when the next word may be said; rejects when the signal aborts. */
export type Pace = (signal: AbortSignal) => Promise<unknown>;

/** One word every so many milliseconds. */
export function everyMs(ms: number): Pace {
  return (signal) => sleep(ms, undefined, { signal });
}

/** An agent that talks, word by word. It needs neither a network nor a key. */
export function createTalker(pace: Pace): Agent {
  return defineAgent({
    id: "talker",
    entrypoints: {
      chat_stream: {
        description: "Answers a message in Markdown, word by word.",
        input: ChatInput,
        async *run({ message }, ctx) {
          for (const word of splitWords(replyTo(message))) {
            yield word;
            await pace(ctx.signal);
          }
        },
      },
    },
  });
}

/** The words of a text, each with the space behind it: put together again they are the text. */
function splitWords(text: string): readonly string[] {
  return text.match(/\s*\S+\s*/g) ?? [];
}
