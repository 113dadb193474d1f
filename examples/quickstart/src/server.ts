/** Serves the storyteller until it is stopped. PORT: default 8450, 0 takes a free one. PACE_MS: milliseconds between words, default 25. */
import { serve } from "@runagent/server";
import { createStoryteller } from "./agent.ts";
import { reportFailure } from "./report-failure.ts";

try {
  const server = await serve(createStoryteller(), { port: Number(process.env.PORT || 8450), onError: (error) => console.error(error) });
  console.log(`The storyteller listens on ${server.url}`);
  const stop = (): void => {
    server.close().catch(reportFailure);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
} catch (error) {
  reportFailure(error);
}
