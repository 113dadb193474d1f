/**
 * Reads runagent.config.json: which functions of a folder make up an agent. A mistake is told with its line and field.
 */
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { isId, isStreamTag, RunAgentError } from "@runagent/core";
import * as z from "zod";
import type { Extractor, ExtractorFields } from "./extractor.ts";
import { type LocatedJson, locate, parseLocated } from "./located-json.ts";

/** The name of the file in an agent's folder. */
export const CONFIG_FILE = "runagent.config.json";

/** What runs a file. */
export type Language = "node" | "python";

/** One function of the folder. */
export interface EntrypointConfig {
  readonly tag: string;
  readonly streaming: boolean;
  /** Relative to the folder. */
  readonly file: string;
  /** Name of the function in the file; dots lead into objects. */
  readonly module: string;
  readonly language: Language;
  /** Makes the output from what the function gave. */
  readonly extract: Extractor | undefined;
  /** Where it stands in the configuration, for messages. */
  readonly where: string;
}

/** The configuration of one agent, checked. */
export interface AgentConfig {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly entrypoints: readonly EntrypointConfig[];
  /** For the processes that run the agent. */
  readonly env: Readonly<Record<string, string>>;
}

const LANGUAGES: Readonly<Record<string, Language>> = {
  ".py": "python",
  ".ts": "node",
  ".mts": "node",
  ".cts": "node",
  ".js": "node",
  ".mjs": "node",
  ".cjs": "node",
};

// The environment of a process ends a value there.
const NO_NUL = /^[^\0]*$/;

const ENTRYPOINT = z.looseObject({
  file: z.string().refine((file) => extname(file) in LANGUAGES, {
    error: `must be a file of Python or JavaScript: ${Object.keys(LANGUAGES).join(", ")}`,
  }),
  module: z.string().min(1),
  tag: z.string().regex(/^[^\p{Cc}]{1,128}$/u, { error: "must be 1 to 128 characters without control characters" }),
  extractor: z.record(z.string(), z.string()).nullish(),
});

const NO_VARIABLE = { error: "must be a text without null characters, a number or a boolean" };
const VARIABLE = z.union([z.string().regex(NO_NUL, NO_VARIABLE), z.number(), z.boolean(), z.null()], NO_VARIABLE);

const CONFIG = z.looseObject({
  agent_id: z.string().refine(isId, {
    error: "must be 1 to 128 letters, digits, dots, underscores, tildes or hyphens, and begin with a letter, digit or underscore",
  }),
  agent_name: z.string().optional(),
  version: z.string().optional(),
  agent_architecture: z.looseObject({ entrypoints: z.array(ENTRYPOINT).min(1) }),
  env_vars: z.record(z.string(), VARIABLE).nullish(),
});

/**
 * Reads and checks the configuration of the agent in a folder.
 * @throws RunAgentError VALIDATION_ERROR that names file, line and field; `details.problems` lists every one.
 */
export async function readAgentConfig(folder: string): Promise<AgentConfig> {
  const json = parseLocated(readConfigText(folder), CONFIG_FILE);
  const checked = CONFIG.safeParse(json.value);
  if (!checked.success) {
    throw refuse(
      checked.error.issues.flatMap(({ path, message }) => describe(json, path, message)),
      json,
    );
  }
  const { agent_id: id, agent_name: name = id, version = "0.0.0", agent_architecture, env_vars } = checked.data;
  const problems: Problem[] = findTwins(agent_architecture.entrypoints);
  const readFields = await loadExtractor(agent_architecture.entrypoints);
  const entrypoints = agent_architecture.entrypoints.map(({ tag, file, module, extractor }, index): EntrypointConfig => {
    const path = ["agent_architecture", "entrypoints", index];
    const extract = readFields(extractor, (field, problem) => problems.push({ path: [...path, "extractor", field], problem }));
    const language = LANGUAGES[extname(file)] ?? "node";
    return { tag, streaming: isStreamTag(tag), file, module, language, extract, where: locate(json, [...path, "module"]) };
  });
  for (const name of Object.keys(env_vars ?? {})) {
    if (!/^[^=\0]+$/.test(name)) problems.push({ path: ["env_vars", name], problem: "is no name of a variable" });
  }
  if (problems.length > 0) throw refuse(problems, json);
  const env = Object.fromEntries(Object.entries(env_vars ?? {}).flatMap(([key, value]) => (value === null ? [] : [[key, String(value)]])));
  return { id, name, version, entrypoints, env };
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
}

function readConfigText(folder: string): string {
  try {
    return readFileSync(join(folder, CONFIG_FILE), "utf8");
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR");
    const message = missing ? `There is no ${CONFIG_FILE} in ${folder}.` : `${join(folder, CONFIG_FILE)} cannot be read.`;
    throw new RunAgentError("VALIDATION_ERROR", message, {
      suggestion: missing ? "Give the folder of an agent, or make one with `runagent init`." : "Check the file's permissions.",
      cause,
    });
  }
}

type Fields = ExtractorFields | null | undefined;

/** Most agents have none, and need not wait for the library. */
async function loadExtractor(
  entrypoints: readonly { readonly extractor?: Fields }[],
): Promise<(fields: Fields, onProblem: (field: string, problem: string) => void) => Extractor | undefined> {
  const hasFields = (fields: Fields): fields is ExtractorFields => fields != null && Object.keys(fields).length > 0;
  if (!entrypoints.some(({ extractor }) => hasFields(extractor))) return () => undefined;
  const { readExtractor } = await import("./extractor.ts");
  return (fields, onProblem) => (hasFields(fields) ? readExtractor(fields, onProblem) : undefined);
}

/** Tags name entrypoints: the second of a pair could never be called. */
function findTwins(entrypoints: readonly { readonly tag: string }[]): Problem[] {
  const seen = new Set<string>();
  return entrypoints.flatMap(({ tag }, index) => {
    if (!seen.has(tag)) {
      seen.add(tag);
      return [];
    }
    return [
      {
        path: ["agent_architecture", "entrypoints", index, "tag"],
        problem: `is ${JSON.stringify(tag)} for the second time: every tag is used once`,
      },
    ];
  });
}

/** What zod found, as the end of a sentence that begins with the field. */
function describe(json: LocatedJson, path: readonly PropertyKey[], message: string): Problem[] {
  if (json.has(path)) return [{ path, problem: message.replace(/^(Invalid input|Too small): /, "is wrong: ") }];
  const webhook = [...path.slice(0, -1), "webhook_url"];
  if (!json.has(webhook)) return [{ path, problem: "is missing" }];
  // It lacks every field of the others; the first says it.
  return path.at(-1) === "file" ? [{ path: webhook, problem: "cannot be served here: name a file and a function in it" }] : [];
}

function refuse(problems: readonly Problem[], json: LocatedJson): RunAgentError {
  const lines = problems.map(({ path, problem }) => `${CONFIG_FILE}:${locate(json, path)}: ${fieldOf(path)} ${problem}.`);
  const [first] = problems;
  return new RunAgentError("VALIDATION_ERROR", lines.join("\n"), {
    field: first && fieldOf(first.path),
    details: { problems: lines },
    suggestion: `Correct ${CONFIG_FILE}.`,
  });
}

/** As one would write it in JavaScript: agent_architecture.entrypoints[1].tag. */
function fieldOf(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return text === "" ? "The configuration" : text.replace(/^\./, "");
}
