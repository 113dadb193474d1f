import { type Agent, defineAgent } from "@runagent/server";
import type OpenAI from "openai";
import { z } from "zod";
import { createMessage, type Message, MessageSchema } from "./message.ts";
import { fillPrompt, TEMPLATE } from "./prompt.ts";

const PromptParameters = z.object({
  topic: z.string().trim().min(1).max(200),
  style: z.string().trim().min(1).max(200).default("a postcard"),
  // A number, or a text from a command line that holds one.
  words: z.coerce.number().int().min(1).max(2000).default(120),
});

/**
 * An agent that writes with a model of an OpenAI-compatible endpoint.
 * @param model The name that the endpoint gives to the model.
 */
export function createWriter(openai: OpenAI, model: string): Agent {
  return defineAgent({
    id: "writer",
    entrypoints: {
      write_stream: {
        description: "Writes about a topic. Each chunk is a message with the text that is new.",
        input: PromptParameters,
        output: MessageSchema,
        run: (parameters, ctx) => write(openai, model, fillPrompt(TEMPLATE, parameters), ctx.signal),
      },
    },
  });
}

async function* write(openai: OpenAI, model: string, prompt: string, signal: AbortSignal): AsyncGenerator<Message> {
  try {
    // With the signal of the invocation, a cancel ends the request to the model too.
    const completion = await openai.chat.completions.create(
      { model, messages: [{ role: "user", content: prompt }], stream: true },
      { signal },
    );
    let finishReason: string | undefined;
    for await (const { choices } of completion) {
      const text = choices[0]?.delta.content;
      finishReason = choices[0]?.finish_reason ?? finishReason;
      if (text) yield createMessage(text, "in_progress");
    }
    // "length" and "content_filter" stop the model early, and so does an endpoint that gives no reason.
    yield createMessage("", finishReason === "stop" ? "completed" : "incomplete");
  } catch (error) {
    throw withoutKey(error, openai.apiKey);
  }
}

/** The error for clients and logs. Some endpoints repeat the key that they refuse; a cause would carry it along. */
function withoutKey(error: unknown, key: string | null): Error {
  const message = error instanceof Error ? error.message : String(error);
  return new Error(key ? message.replaceAll(key, "[key]") : message);
}
