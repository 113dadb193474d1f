/**
 * `runagent serve`: hosts the agent of a folder, tells others where it is, and keeps what happens on disk.
 *
 *   read the configuration ─▶ load the agent ─▶ listen ─▶ register ─▶ … ─▶ signal ─▶ end invocations ─▶ end the agent's processes
 */
import { resolve } from "node:path";
import { RunAgentError } from "@runagent/core";
import type { Agent, RunningServer, ServeOptions } from "@runagent/server";
import type { HostedAgent } from "@runagent/server/hosting";
import { findLocalAgent } from "runagent/local-agents";
import type { ServeCommandOptions } from "../commands/serve.ts";
import { EXIT } from "../exit-codes.ts";
import { type AgentStore, openAgentStore } from "../store/index.ts";
import { ServeLog } from "./serve-log.ts";

const FIRST_PORT = 8450;
/** How many ports after the first are tried before somebody has to choose. */
const MORE_PORTS = 100;
const LOOPBACK: readonly string[] = ["127.0.0.1", "localhost", "::1"];

/**
 * Serves until a signal ends it.
 * @throws RunAgentError VALIDATION_ERROR when the agent or an option is wrong, or the port is taken.
 */
export async function serveFolder(given: string, options: ServeCommandOptions): Promise<void> {
  const folder = resolve(given);
  const { readAgentConfig } = await import("@runagent/server/hosting");
  const { id } = await readAgentConfig(folder).catch((error: unknown) => {
    throw tellAll(error, new ServeLog(process.stderr, undefined));
  });
  const store = openAgentStore(id, { onProblem: (message) => log.show(message, "yellow") });
  const log = new ServeLog(process.stderr, store);
  try {
    await serveWith({ store, log, folder }, options);
  } catch (error) {
    // Ctrl-C while the agent loaded.
    if (RunAgentError.is(error) && error.code === "CANCELLED") process.exitCode = EXIT.cancelled;
    else throw tellAll(error, log);
  } finally {
    store.close();
  }
}

interface Place {
  readonly store: AgentStore;
  readonly log: ServeLog;
  readonly folder: string;
}

async function serveWith(place: Place, options: ServeCommandOptions): Promise<void> {
  const { log, folder } = place;
  const { hostAgent } = await import("@runagent/server/hosting");
  const { python } = options;
  const ending = awaitEnding();
  const loading = hostAgent(folder, {
    signal: ending.signal,
    onLog: (stream, text) => (stream === "host" ? log.say(text, "yellow") : log.print(stream, text)),
    lenient: options.reload,
    ...(python !== undefined && { python }),
  });
  loading.catch(() => {}); // It is awaited below.
  // While the agent loads in processes of its own.
  const { serve } = await import("@runagent/server");
  const hosted = await loading;
  // An agent that keeps its process busy would go on without us.
  ending.atOnce = () => void hosted.close({ timeoutMs: 0 });
  try {
    const server = await listen(serve, hosted.agent, options, log);
    const watcher = options.reload ? await (await import("./reload.ts")).reloadOnChange(hosted, log) : undefined;
    announce(hosted, server, place, options);
    await ending.begun;
    const running = log.running === 1 ? "1 invocation ends" : `${log.running} invocations end`;
    log.say(log.running === 0 ? "Ending." : `Ending: ${running}, and the callers are told to come back. Ctrl-C again leaves at once.`);
    await watcher?.close();
    await server.close();
  } finally {
    await hosted.close();
  }
}

/** Tells whoever calls with --local, and whoever looks at the screen. */
function announce(
  hosted: HostedAgent,
  { url, host, port }: RunningServer,
  { store, log, folder }: Place,
  options: ServeCommandOptions,
): void {
  const { agent, problems } = hosted;
  const { id, name, version } = agent;
  const before = findLocalAgent(id);
  const started_at = new Date().toISOString();
  store.register({ agent_id: id, agent_name: name, version, folder, host, port, pid: process.pid, started_at });
  log.started(agent, url, folder);
  if (before?.state === "running" && before.pid !== process.pid) {
    log.say(`Process ${before.pid} serves this agent too, on port ${before.port}: --local finds this one from now on.`, "yellow");
  }
  if (options.apiKey === undefined && !LOOPBACK.includes(host)) {
    log.say("Everybody who can reach this address may call the agent: --api-key asks for a key.", "yellow");
  }
  log.problems(problems);
}

/** Listens on the port that was asked for, or else on the first free one. */
async function listen(
  serve: (agent: Agent, options: ServeOptions) => Promise<RunningServer>,
  agent: Agent,
  { host, port: wanted, apiKey, allowOrigin }: ServeCommandOptions,
  log: ServeLog,
): Promise<RunningServer> {
  const options: ServeOptions = {
    host,
    ...(apiKey !== undefined && { apiKeys: apiKey }),
    ...(allowOrigin !== undefined && { allowedOrigins: allowOrigin }),
    onInvocation: (invocation) => log.invocation(invocation),
    onError: (error, context) => log.failure(error, context),
  };
  for (let port = wanted ?? FIRST_PORT; ; port++) {
    try {
      return await serve(agent, { ...options, port });
    } catch (error) {
      if (wanted !== undefined || port === FIRST_PORT + MORE_PORTS || !isInUse(error)) throw error;
    }
  }
}

function isInUse(error: unknown): boolean {
  const cause = RunAgentError.is(error) ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
}

/** Every problem has a line; the error that ends the command has room for one. */
function tellAll(error: unknown, log: ServeLog): unknown {
  const problems = RunAgentError.is(error) && error.message.includes("\n") ? error.message.split("\n") : [];
  if (!RunAgentError.is(error) || problems.length === 0) return error;
  log.problems(problems);
  return new RunAgentError(error.code, `The agent cannot be served: it has ${problems.length} mistakes.`, { ...error, cause: error });
}

/** What ends the command from outside. */
interface Ending {
  /** Aborts at the first signal to end. */
  readonly signal: AbortSignal;
  /** Settles then. */
  readonly begun: Promise<void>;
  /** What a second one does before the process leaves at once. */
  atOnce: () => void;
}

function awaitEnding(): Ending {
  const controller = new AbortController();
  const begun = new Promise<void>((resolve) => controller.signal.addEventListener("abort", () => resolve()));
  const ending: Ending = { signal: controller.signal, begun, atOnce: () => {} };
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      ending.atOnce();
      process.exit(EXIT.cancelled);
    }
    controller.abort();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  return ending;
}
