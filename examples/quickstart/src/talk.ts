import type { Writable } from "node:stream";
import { styleText } from "node:util";
import type { RunAgentClient } from "runagent";

/** What to say to the storyteller, and what to hear about. */
export interface Talk {
  readonly message: string;
  readonly topic: string;
}

/**
 * Chats with the storyteller and has it tell a story, which is shown word by word as it comes.
 * @throws RunAgentError whatever goes wrong on the way.
 */
export async function talk(client: RunAgentClient<"chat">, { message, topic }: Talk, out: Writable): Promise<void> {
  out.write(`${label("you:")} ${message}\n`);
  const { reply } = await client.run({ message });
  out.write(`${label("storyteller:")} ${reply}\n\n`);

  const stream = client.withEntrypoint("story_stream").runStream({ topic });
  for await (const word of stream) out.write(word);

  const { chunks = 0, executionTime = 0 } = stream.summary ?? {};
  out.write(`\n\n${label("done:")} ${chunks} chunks in ${executionTime.toFixed(1)} seconds\n`);
}

/** Bold on a terminal, plain in a pipe or where NO_COLOR is set. */
function label(text: string): string {
  return styleText("bold", text);
}
