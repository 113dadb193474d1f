// What both ways of loading the packages must be able to do.
exports.exercise = async ({ defineAgent, serve, RunAgentError: ServerError }, { RunAgentClient, RunAgentError }, name) => {
  const agent = defineAgent({
    id: "packed",
    entrypoints: {
      chat: async (input) => ({ reply: `Hello, ${input.name}` }),
      async *count_stream() {
        for (let n = 1; n <= 100; n++) yield n;
      },
    },
  });
  const server = await serve(agent, { port: 0 });
  const client = new RunAgentClient({ agentId: "packed", entrypointTag: "chat", host: server.host, port: server.port });
  const answer = await client.run({ name });
  const chunks = await client.withEntrypoint("count_stream").runStream({}).collect();
  const error = await client
    .withEntrypoint("nothing")
    .run({})
    .catch((thrown) => thrown);
  await client.close();
  await server.close();
  const sameError = error instanceof RunAgentError && RunAgentError === ServerError;
  console.log(JSON.stringify({ answer, chunks: chunks.length, last: chunks.at(-1), code: error.code, sameError }));
};
