/** What is kept on disk of the agents of this machine, agents/<agent_id>/ below the cache folder: who serves them, what they print, their invocations. */
import type { Invocation } from "@runagent/core";
import { AgentLog, type LogStream } from "./agent-log.ts";
import { encodeInvocation } from "./invocations.ts";
import { LineWriter } from "./line-writer.ts";
import { agentFiles } from "./paths.ts";
import { isVacant, type Registration, register, unregister } from "./registration.ts";

export type { LogLine, LogStream } from "./agent-log.ts";
export { findInvocation, type KeptInvocation, listInvocations } from "./invocations.ts";
export type { Registration } from "./registration.ts";

/** What one process keeps of the agent that it serves. Its methods throw nothing: an agent is served whether or not its disk is full. */
export interface AgentStore {
  /** Tells clients where the agent is, from now until close(): should another process have taken the place and left it, again. */
  register(registration: Registration): void;
  /** Keeps what was printed. On stdout and stderr a text may end anywhere, also inside a line; one of serve is whole. */
  log(stream: LogStream, text: string): void;
  /** Keeps the state of an invocation, without its result: call it at the start, and at the end. */
  invocation(invocation: Invocation): void;
  /** Writes what is left, says in the registration that the agent is not served any more, and closes the files. */
  close(): void;
}

/** How often, in milliseconds, it is looked whether the registration was left by another. */
const KEEP_MS = 2_000;

/** Where a store is, and who hears of its failures. */
export interface StoreOptions {
  /** Called once for each file that cannot be written, with a sentence to show. */
  readonly onProblem: (message: string) => void;
  /** Default: cacheFolder(). */
  readonly cache?: string;
}

/** Opens what is kept of an agent; its folder is made with the first file. @throws RunAgentError VALIDATION_ERROR when agentId is no id. */
export function openAgentStore(agentId: string, { onProblem, cache }: StoreOptions): AgentStore {
  const files = agentFiles(agentId, cache);
  const tell = (path: string) => (error: unknown) =>
    onProblem(`${path} cannot be written (${reasonOf(error)}); agent ${agentId} is served all the same.`);
  const log = new AgentLog(new LineWriter(files.log, tell(files.log)));
  const invocations = new LineWriter(files.invocations, tell(files.invocations));
  const attempt = (write: () => unknown): void => {
    try {
      write();
    } catch (error) {
      tell(files.registration)(error);
    }
  };
  let registered: Registration | undefined;
  let keeper: NodeJS.Timeout | undefined;
  return {
    register(registration) {
      registered = registration;
      const write = (): void => attempt(() => register(files.registration, registration));
      write();
      // Another process that serves the agent, too, takes the place, and leaves it when it ends.
      clearInterval(keeper);
      keeper = setInterval(() => attempt(() => isVacant(files.registration) && write()), KEEP_MS).unref();
    },
    log: (stream, text) => log.write(stream, text),
    invocation: (invocation) => invocations.write(encodeInvocation(invocation)),
    close() {
      const own = registered;
      registered = undefined;
      clearInterval(keeper);
      if (own !== undefined) attempt(() => unregister(files.registration, own));
      log.close();
      invocations.close();
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
