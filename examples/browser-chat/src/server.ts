/**
 * Serves the chat until it is stopped. PORT: the page, default 8080. AGENT_PORT: default 8450. 0 takes a free one.
 * PACE_MS: milliseconds between words, default 45. TOKEN_SECONDS: how long a token counts, default 60.
 */
import { everyMs } from "./agent.ts";
import { serveChat } from "./chat.ts";

const fail = (error: unknown): void => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
};

try {
  const chat = await serveChat({
    pagePort: Number(process.env.PORT || 8080),
    agentPort: Number(process.env.AGENT_PORT || 8450),
    script: new URL("page.mjs", import.meta.url),
    pace: everyMs(Number(process.env.PACE_MS || 45)),
    tokenSeconds: Number(process.env.TOKEN_SECONDS || 60),
    onError: (error) => console.error(error),
  });
  console.log(`Open ${chat.url} (the agent listens on ${chat.agent.url})`);
  const stop = (): void => {
    chat.close().catch(fail);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
} catch (error) {
  fail(error);
}
