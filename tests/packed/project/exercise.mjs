// What the client must be able to do wherever it was installed or bundled: run, stream, fail, and pass a stream through a pattern.

const ENTRY = /dist\/(node|browser|deno|bun|standard)\.[cm]js/;

export async function exercise({ RunAgentClient, RunAgentError }, { buffered }, { port, name }) {
  const client = new RunAgentClient({ agentId: "packed", entrypointTag: "chat", host: "127.0.0.1", port });
  const answer = await client.run({ name });
  const batches = [];
  for await (const batch of buffered(client.withEntrypoint("count_stream").runStream({}), { count: 30 })) batches.push(batch);
  const error = await client
    .withEntrypoint("nothing")
    .run({})
    .catch((thrown) => thrown);
  await client.close();
  return {
    reply: answer.reply,
    batches: batches.map((batch) => batch.length),
    inOrder: batches.flat().every((chunk, index) => chunk === index + 1),
    code: error instanceof RunAgentError ? error.code : String(error),
  };
}

/** The entry that was loaded: an error that its constructor throws comes from its file. */
export function entryOf({ RunAgentClient }) {
  try {
    new RunAgentClient({});
  } catch (error) {
    return ENTRY.exec(error.stack)?.[0];
  }
}
