// Is compiled in a project that installed the tarballs: what an editor shows must be what people wrote.
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient, type RunAgentStream } from "runagent";

const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "chat", local: true, host: "127.0.0.1", port: 8450 });
const answer = await client.run({ message: "Hello" });
console.log(answer.reply);

const stories = client.withEntrypoint("story_stream");
for await (const chunk of stories.runStream({ topic: "robots" })) process.stdout.write(chunk);

const cursor = stories.runStream({ topic: "robots" }).cursor();
for (;;) {
  const { hasMore, data } = await cursor.next();
  if (!hasMore) break;
  process.stdout.write(data);
}

const stream: RunAgentStream<string> = await stories.run<string>({ topic: "robots" });
const text: string[] = await stream.collect();
const typed = new RunAgentClient<"chat", { message: string }, { reply: string }>({ agentId: "storyteller", entrypointTag: "chat" });
const { reply }: { reply: string } = await typed.run({ message: text.join("") });
// @ts-expect-error message must be a string.
await typed.run({ message: 1 });

const agent = defineAgent({
  id: "storyteller",
  entrypoints: {
    chat: async (input, ctx) => ({ reply: `${input.message} ${ctx.invocationId} ${reply}` }),
    story_stream: async function* (_input, ctx) {
      for (const word of ["one ", "two "]) if (!ctx.signal.aborted) yield word;
    },
  },
});
const server = await serve(agent, { port: 0 });
console.log(server.url, server.port);
await server.close();
