/**
 * Serves the writer until it is stopped.
 * OPENAI_API_KEY, OPENAI_BASE_URL: the endpoint, read by the openai package. OPENAI_MODEL: the name of the model. PORT: default 8450.
 */
import { RunAgentError, serve } from "@runagent/server";
import OpenAI from "openai";
import { createWriter } from "./agent.ts";
import { reportFailure } from "./report-failure.ts";

function readModel(): string {
  const model = process.env.OPENAI_MODEL;
  if (model) return model;
  throw new RunAgentError("VALIDATION_ERROR", "OPENAI_MODEL is not set.", {
    field: "OPENAI_MODEL",
    suggestion: "Set it to the name of a model that your endpoint serves.",
  });
}

try {
  const agent = createWriter(new OpenAI(), readModel());
  const server = await serve(agent, { port: Number(process.env.PORT || 8450), onError: (error) => console.error(error) });
  console.log(`The writer listens on ${server.url}`);
  const stop = (): void => {
    server.close().catch(reportFailure);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
} catch (error) {
  reportFailure(error);
}
