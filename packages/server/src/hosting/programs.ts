/**
 * Which processes run an agent: one for each language, with the environment that its folder and configuration say.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { RunAgentError } from "@runagent/core";
import type { AgentConfig, Language } from "./config.ts";
import { findPython, PYTHON_WORKER } from "./python.ts";
import type { LoadedEntry } from "./worker-messages.ts";
import { WorkerProcess, type WorkerProgram } from "./worker-process.ts";

/** What the processes of an agent have in common. */
export interface ProgramOptions extends Pick<WorkerProgram, "folder" | "maxChunkBytes" | "fresh" | "onLog"> {
  readonly python: string | undefined;
}

// From the sources, in tests, the worker is the one that was built: Node 20 runs no TypeScript.
const NODE_WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../dist/node-worker.mjs" : "./node-worker.mjs", import.meta.url),
);

/** The program of each language that the agent is written in. */
export function programsOf({ entrypoints, env: own }: AgentConfig, options: ProgramOptions): ReadonlyMap<Language, WorkerProgram> {
  const { folder, maxChunkBytes, fresh, onLog } = options;
  const env = { ...readDotEnv(folder), ...process.env, ...own };
  const programs = new Map<Language, WorkerProgram>();
  for (const language of new Set(entrypoints.map((entry) => entry.language))) {
    const mine = entrypoints.filter((entry) => entry.language === language).map(({ tag, file, module }) => ({ tag, file, module }));
    programs.set(language, { folder, maxChunkBytes, fresh, onLog, env, entrypoints: mine, ...commandOf(language, options) });
  }
  return programs;
}

function commandOf(language: Language, { python, folder, onLog }: ProgramOptions): Pick<WorkerProgram, "name" | "command" | "args"> {
  if (language === "node") return { name: "Node", command: process.execPath, args: ["--enable-source-maps", NODE_WORKER] };
  const command = python ?? findPython(folder, (problem) => onLog("host", problem));
  return { name: "Python", command, args: ["-X", "utf8", PYTHON_WORKER] };
}

/** What the folder's .env says. @throws RunAgentError VALIDATION_ERROR when it cannot be read. */
function readDotEnv(folder: string): NodeJS.Dict<string> {
  const file = join(folder, ".env");
  // Some have a virtual environment of that name.
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return {};
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new RunAgentError("VALIDATION_ERROR", `${file} cannot be read.`, { suggestion: "Check its permissions.", cause });
  }
}

/** The processes of one version of an agent, while they load. */
export class Loading {
  readonly workers: ReadonlyMap<Language, WorkerProcess>;

  constructor(programs: ReadonlyMap<Language, WorkerProgram>) {
    this.workers = new Map([...programs].map(([language, program]) => [language, new WorkerProcess(program)]));
  }

  /**
   * What they loaded, by tag.
   * @param lenient Of one that ends before, every entrypoint has that for its error.
   * @throws RunAgentError VALIDATION_ERROR when one ends before, unless `lenient`.
   */
  async entries(lenient: boolean): Promise<ReadonlyMap<string, LoadedEntry>> {
    const load = async ([language, worker]: [Language, WorkerProcess]): Promise<[string, LoadedEntry][]> => {
      try {
        return [...(await worker.loaded)];
      } catch (cause) {
        const error = notLoaded(language, worker, cause);
        if (!lenient) throw error;
        return worker.program.entrypoints.map(({ tag }) => [
          tag,
          { tag, yields: "unknown", description: undefined, inputSchema: undefined, error: error.message },
        ]);
      }
    };
    return new Map((await Promise.all([...this.workers].map(load))).flat());
  }

  /** Ends them: nobody wants them any more. */
  async end(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.close(0)));
  }
}

function notLoaded(language: Language, { hasStarted }: WorkerProcess, cause: unknown): RunAgentError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const python = "Python 3.9 or newer is needed: install it, make a virtual environment in the folder, or say which one to use (--python).";
  const suggestion = language === "python" && !hasStarted ? python : "Look at the agent's log.";
  return new RunAgentError("VALIDATION_ERROR", message, { suggestion, cause });
}
