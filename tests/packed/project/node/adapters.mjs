// Each adapter, imported and required, where its framework is not installed: what the caller is told.
import { createRequire } from "node:module";
import { RunAgentClient } from "runagent";

const require = createRequire(import.meta.url);
const said = {};
for (const load of [(name) => import(name), async (name) => require(name)]) {
  const { defineAgent, serve } = await load("@runagent/server");
  const { fromOpenAIAgent } = await load("@runagent/server/adapters/openai-agents");
  const { fromAISDK } = await load("@runagent/server/adapters/ai-sdk");
  const { fromLangGraph } = await load("@runagent/server/adapters/langgraph");
  const entrypoints = {
    "@openai/agents_stream": fromOpenAIAgent(() => ({})),
    ai_stream: fromAISDK(() => ({})),
    "@langchain/langgraph_stream": fromLangGraph(() => ({})),
  };
  const server = await serve(defineAgent({ id: "bare", entrypoints }), { port: 0 });
  for (const entrypointTag of Object.keys(entrypoints)) {
    const client = new RunAgentClient({ agentId: "bare", entrypointTag, baseUrl: server.url });
    const told = await client
      .runStream({ message: "Hi" })
      .text()
      .catch(({ code, message, suggestion }) => `${code} ${message} ${suggestion}`);
    said[entrypointTag] = [...(said[entrypointTag] ?? []), told];
    await client.close();
  }
  await server.close();
}
console.log(JSON.stringify(said));
