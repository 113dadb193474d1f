// Is compiled in a project that installed the tarballs: what an editor shows must be what people wrote. Its JavaScript is run, too.
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient, type RunAgentStream } from "runagent";
import { type Progress, withProgress } from "runagent/patterns";

const agent = defineAgent({
  id: "storyteller",
  entrypoints: {
    chat: async (input, ctx) => ({ reply: `${input.message} ${ctx.invocationId.length > 0}` }),
    story_stream: async function* (_input, ctx) {
      for (const word of ["one ", "two "]) if (!ctx.signal.aborted) yield word;
    },
  },
});
const server = await serve(agent, { port: 0 });

const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", local: true, host: "127.0.0.1", port: server.port });
const answer = await client.run({ message: "Hello" });
const said: string[] = [answer.reply];

const stories = client.withEntrypoint("story_stream");
for await (const chunk of stories.runStream({ topic: "robots" })) said.push(chunk);

const cursor = stories.runStream({ topic: "robots" }).cursor();
for (;;) {
  const { hasMore, data } = await cursor.next();
  if (!hasMore) break;
  said.push(data);
}

const stream: RunAgentStream<string> = await stories.run<string>({ topic: "robots" });
const text: string[] = await stream.collect();
for await (const progress of withProgress(stories.runStream<string>({ topic: "robots" }))) {
  const { chunk }: Progress<string> = progress;
  said.push(chunk);
}

const port: number = server.port;
const typed = new RunAgentClient<"chat", { message: string }, { reply: string }>({ agentId: "storyteller", entrypointTag: "chat", port });
const { reply }: { reply: string } = await typed.run({ message: text.join("") });
// @ts-expect-error message must be a string.
await typed.run({ message: 1 });

await client.close();
await typed.close();
await server.close();
console.log(JSON.stringify([...said, reply]));
