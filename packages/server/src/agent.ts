/**
 * What a user writes: an agent with its entrypoints. `defineAgent` checks it once, so that nothing
 * malformed reaches the server, and brings both ways of writing an entrypoint into one form.
 */
import { assertEntrypointTag, assertId, isStreamTag, RunAgentError, type StandardSchemaV1 } from "@runagent/core";
import type { AgentContext } from "./context.ts";

/**
 * A value that came from a client and that no schema describes. It is the only `any` of this package: an entrypoint
 * without an input schema would otherwise have to narrow every field it reads. Give it a schema to get types and checks.
 */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type Untyped = any;

/** The input of an entrypoint: what its schema produces, or the named arguments as they came. */
export type EntrypointInput<Schema> = Schema extends StandardSchemaV1<unknown, infer Output> ? Output : Record<string, Untyped>;

/** What runs. A tag ending in `_stream` returns an iterable or async iterable of chunks, any other tag the result. */
export type EntrypointFunction<Input> = (input: Input, ctx: AgentContext) => unknown;

/** An entrypoint with a description and schemas of any Standard Schema library (zod, valibot, arktype, …). */
export interface EntrypointOptions<Schema> {
  /** One sentence for people and models; shown by `architecture`. */
  readonly description?: string;
  /** Checks and transforms `input_kwargs` before the agent runs. */
  readonly input?: Schema & StandardSchemaV1;
  /** Checks the result, or every chunk of a stream. */
  readonly output?: StandardSchemaV1;
  readonly run: EntrypointFunction<EntrypointInput<Schema>>;
}

/** What `defineAgent` takes. */
export interface AgentDefinition<Schemas extends Record<string, unknown>> {
  /** Names the agent in addresses: 1 to 128 letters, digits, dots, underscores, tildes or hyphens. */
  readonly id: string;
  /** For people. Default: the id. */
  readonly name?: string;
  /** The version of the agent, for people. Default "0.0.0". */
  readonly version?: string;
  /** By tag: a function, or an object with schemas. */
  readonly entrypoints: {
    readonly [Tag in keyof Schemas]: EntrypointFunction<Record<string, Untyped>> | EntrypointOptions<Schemas[Tag]>;
  };
}

/** One entrypoint of an agent, as the server uses it. */
export interface Entrypoint {
  readonly tag: string;
  readonly streaming: boolean;
  readonly description: string | undefined;
  readonly input: StandardSchemaV1 | undefined;
  readonly output: StandardSchemaV1 | undefined;
  readonly run: EntrypointFunction<Untyped>;
  /**
   * It runs in another process: its chunks and result are JSON text already, and the RunAgentErrors that it throws are told as they are,
   * because that process has made both.
   */
  readonly remote?: boolean;
}

/** An agent that can be served. Made by `defineAgent`, or by `hostAgent` from a folder. */
export interface Agent {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly entrypoints: ReadonlyMap<string, Entrypoint>;
}

/**
 * Defines an agent.
 * @throws RunAgentError VALIDATION_ERROR for a bad id or tag, no entrypoints, or an entrypoint that cannot be called.
 */
export function defineAgent<Schemas extends Record<string, unknown>>(definition: AgentDefinition<Schemas>): Agent {
  const { id, name = id, version = "0.0.0" } = definition;
  assertId(id, "id");
  const entrypoints = new Map<string, Entrypoint>();
  for (const [tag, entry] of Object.entries<EntrypointFunction<Untyped> | EntrypointOptions<Untyped>>(definition.entrypoints)) {
    entrypoints.set(tag, readEntrypoint(tag, entry));
  }
  if (entrypoints.size === 0) {
    throw new RunAgentError("VALIDATION_ERROR", `The agent ${id} has no entrypoints: define at least one.`, { field: "entrypoints" });
  }
  return { id, name, version, entrypoints };
}

/** One entrypoint in the form that the server uses. @throws RunAgentError VALIDATION_ERROR that names what is wrong. */
export function readEntrypoint(tag: string, entry: EntrypointFunction<Untyped> | EntrypointOptions<Untyped>): Entrypoint {
  assertEntrypointTag(tag);
  const options: EntrypointOptions<Untyped> = typeof entry === "function" ? { run: entry } : entry;
  if (typeof options?.run !== "function") {
    throw new RunAgentError("VALIDATION_ERROR", `The entrypoint ${JSON.stringify(tag)} must be a function or an object with one in run.`, {
      field: `entrypoints.${tag}`,
    });
  }
  return {
    tag,
    streaming: isStreamTag(tag),
    description: options.description,
    input: readSchema(options.input, `entrypoints.${tag}.input`),
    output: readSchema(options.output, `entrypoints.${tag}.output`),
    run: options.run,
  };
}

function readSchema(schema: StandardSchemaV1 | undefined, field: string): StandardSchemaV1 | undefined {
  if (schema === undefined || typeof schema["~standard"]?.validate === "function") return schema;
  throw new RunAgentError("VALIDATION_ERROR", `${field} is not a schema: pass one of a Standard Schema library, such as zod.`, { field });
}
