/** `runagent init`: writes a small agent that works, and its configuration. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { UsageError } from "../exit-codes.ts";
import { type Language, TEMPLATES, type Template } from "./templates.ts";

/** What was typed. */
export interface InitOptions {
  readonly language: Language;
  readonly name?: string;
}

const CONFIG_FILE = "runagent.config.json";
const MAX_NAME_LENGTH = 100;
// Arguments that every shell leaves as they are.
const PLAIN = /^[\w./~-]+$/;

/** Writes the files, all or none, and prints what to type next. @throws UsageError when one of them is there already. */
export function initAgent(given: string, { language, name }: InitOptions): void {
  const folder = resolve(given);
  const template = TEMPLATES[language];
  const agentId = randomUUID();
  const config = createConfig(agentId, readName(name ?? (basename(folder) || "agent")), template);
  writeAll(folder, given, [
    [template.file, template.text],
    [CONFIG_FILE, `${JSON.stringify(config, undefined, 2)}\n`],
  ]);
  process.stdout.write(nextSteps(given, agentId, template));
}

function readName(name: string): string {
  const trimmed = name.trim();
  if (trimmed !== "" && trimmed.length <= MAX_NAME_LENGTH && !/\p{Cc}/u.test(trimmed)) return trimmed;
  throw new UsageError(
    `The agent needs a name of 1 to ${MAX_NAME_LENGTH} characters without control characters.`,
    'Pass one: --name "My agent".',
  );
}

/** As deployed configurations have it: what other SDKs want to see is here, too. */
function createConfig(agentId: string, name: string, { file, functions }: Template): object {
  return {
    agent_id: agentId,
    agent_name: name,
    description: "An agent that says what it was told.",
    framework: "default",
    template: "basic",
    version: "1.0.0",
    created_at: new Date().toISOString(),
    template_source: { repo_url: "https://github.com/runagent-dev/runagent.git", author: "runagent-cli", path: "." },
    agent_architecture: { entrypoints: functions.map((name) => ({ file, module: name, tag: name })) },
    env_vars: {},
  };
}

function writeAll(folder: string, given: string, files: readonly (readonly [name: string, text: string])[]): void {
  const there = files.map(([name]) => name).filter((name) => existsSync(join(folder, name)));
  if (there.length > 0) throw isThere(there, given);
  const written: string[] = [];
  let made: string | undefined;
  try {
    made = mkdirSync(folder, { recursive: true });
    for (const [name, text] of files) {
      const path = join(folder, name);
      writeFileSync(path, text, { flag: "wx" });
      written.push(path);
    }
  } catch (error) {
    for (const path of written) rmSync(path, { force: true });
    // Only what was made here, and nobody has put anything into.
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw asUsageError(error, given);
  }
}

function isThere(names: readonly string[], given: string): UsageError {
  const what = names.length === 1 ? `${names[0]} is` : `${names.join(" and ")} are`;
  const hint = "Nothing was written. Choose another folder: runagent init my-agent.";
  return new UsageError(`${what} in ${given === "." ? "this folder" : given} already.`, hint);
}

function asUsageError(error: unknown, given: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "ENOTDIR" || error.code === "EEXIST") {
    return new UsageError(`${given} is no folder, or a file was made there meanwhile.`, "Choose another folder: runagent init my-agent.");
  }
  return new UsageError(`The agent cannot be written: ${error.message}.`, "Nothing was written. Check the folder and its permissions.");
}

/** As a shell wants it: between single quotes nothing has a meaning. */
function quote(path: string): string {
  return PLAIN.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function nextSteps(given: string, agentId: string, { file, functions: [run, stream] }: Template): string {
  const folder = given === "." ? "" : ` ${quote(given.startsWith("-") ? `./${given}` : given)}`;
  return `Wrote ${join(given, file)} and ${join(given, CONFIG_FILE)}. Next, serve the agent:

  runagent serve${folder}

and in another terminal call it:

  runagent run --id ${agentId} --tag ${run} --local --message="Hello"
  runagent run-stream --id ${agentId} --tag ${stream} --local --message="Tell me a story"
`;
}
