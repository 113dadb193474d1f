/**
 * The input of an adapter's entrypoint, as a schema: what cannot be read is refused before anything starts, with
 * VALIDATION_ERROR, in the server itself and in the worker of a folder.
 */
import { RunAgentError, type StandardSchemaV1 } from "@runagent/core";
import type { EntrypointOptions, Untyped } from "../agent.ts";

/** What adapters make: an entrypoint for `defineAgent`, or for a folder to export. */
export type AdaptedEntrypoint = EntrypointOptions<StandardSchemaV1<unknown, Untyped>>;

/** What the entrypoints of adapters take, for `architecture` and for people's tools. */
const CONVERSATION = {
  type: "object",
  properties: {
    message: { type: "string", minLength: 1, description: "What the user says." },
    messages: {
      type: "array",
      minItems: 1,
      description: "The conversation so far, in place of message.",
      items: {
        type: "object",
        properties: {
          role: { enum: ["user", "assistant", "tool"] },
          content: { description: "A text, or a list of parts.", type: ["string", "array"] },
          parts: { description: "In place of content, in a UI message.", type: "array" },
        },
        required: ["role"],
      },
    },
  },
} as const;

/**
 * A schema of a function that reads a conversation.
 * @param read Gives what the agent runs with; what it throws as VALIDATION_ERROR is what callers are told.
 */
export function inputSchema<T>(read: (input: unknown) => T | PromiseLike<T>): StandardSchemaV1<unknown, T> {
  const validate = async (input: unknown): Promise<StandardSchemaV1.Result<T>> => {
    try {
      return { value: await read(input) };
    } catch (error) {
      if (!RunAgentError.is(error) || error.code !== "VALIDATION_ERROR") throw error;
      const message = withoutStop(`${error.message} ${error.suggestion}`);
      return { issues: [{ message, ...(error.field !== undefined && { path: [error.field] }) }] };
    }
  };
  const props = { version: 1, vendor: "runagent", validate, jsonSchema: { input: () => CONVERSATION } } as const;
  return { "~standard": props };
}

/** The sentence that tells of it ends with one. */
function withoutStop(text: string): string {
  return text.replace(/\.$/, "");
}
