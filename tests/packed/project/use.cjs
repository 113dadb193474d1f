// Runs in a project that installed the tarballs: CommonJS.
const { defineAgent, RunAgentError: ServerError, serve } = require("@runagent/server");
const { RunAgentClient, RunAgentError } = require("runagent");

const agent = defineAgent({
  id: "packed",
  entrypoints: {
    chat: async (input) => ({ reply: `Hello, ${input.name}` }),
    async *count_stream() {
      for (let n = 1; n <= 100; n++) yield n;
    },
  },
});
async function main() {
  const server = await serve(agent, { port: 0 });
  const client = new RunAgentClient({ agentId: "packed", entrypointTag: "chat", host: server.host, port: server.port });
  const answer = await client.run({ name: "require" });
  const chunks = await client.withEntrypoint("count_stream").runStream({}).collect();
  const error = await client
    .withEntrypoint("nothing")
    .run({})
    .catch((thrown) => thrown);
  await client.close();
  await server.close();
  console.log(
    JSON.stringify({
      answer,
      chunks: chunks.length,
      last: chunks.at(-1),
      code: error.code,
      sameError: error instanceof RunAgentError && RunAgentError === ServerError,
    }),
  );
}

void main();
