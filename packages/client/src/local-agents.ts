/**
 * The agents of this machine, found by their ids: those that `runagent serve` has registered, agents/<agent_id>/agent.json below the cache
 * folder, and those in runagent_local.db there, the SQLite file of other SDKs. For Node, Deno and Bun. Nothing is loaded before it is needed:
 * a client that was given an address pays for none of it.
 */
import { isAddress, isId, isJsonObject, type LocalAgent, parseLocalAgent } from "@runagent/core";

export type { LocalAgent } from "@runagent/core";

/** An agent that was found on this machine. */
export interface FoundAgent extends Omit<LocalAgent, "pid"> {
  readonly pid?: number;
  /** Who wrote down where it is: `runagent serve`, or another SDK in its SQLite file. */
  readonly source: "serve" | "sqlite";
  /** Whether the process lives that serves it, and has not said that it stopped; unknown for sqlite, which names no process. */
  readonly state: "running" | "stopped" | "gone" | "unknown";
}

/** Where to look. */
export interface LookUpOptions {
  /** Default: cacheFolder(). */
  readonly folder?: string;
  /** Whether a process lives. Default: isAlive, for which Deno wants --allow-run. */
  readonly isAlive?: (pid: number) => boolean;
}

/** What node:sqlite and bun:sqlite have in common. */
interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): { all(...values: string[]): unknown[] };
  close(): void;
}
type DatabaseClass = new (path: string, options: { readonly readOnly: true; readonly readonly: true }) => Database;

const MAX_REGISTRATION_BYTES = 65_536;
/** How long a write of another SDK may keep the database locked before it counts as not there. */
const BUSY_MS = 100;

/** The folder in which local agents are registered: RUNAGENT_CACHE_DIR, else .runagent in the home of the user. */
export function cacheFolder(env: (name: string) => string | undefined = (name) => process.env[name]): string {
  // As with every variable, empty is not set.
  return env("RUNAGENT_CACHE_DIR") || `${process.getBuiltinModule("node:os").homedir()}/.runagent`;
}

/**
 * Where an agent is on this machine: the registration of a process that lives, else the row of another SDK, else what is left of a
 * registration, which is no address any more: look at `state`.
 * @returns undefined when the agent was never registered, or the id is none.
 */
export function findLocalAgent(agentId: string, options: LookUpOptions = {}): FoundAgent | undefined {
  // It becomes part of a path.
  if (!isId(agentId)) return undefined;
  const { folder = cacheFolder() } = options;
  const registered = readRegistration(folder, agentId, options);
  if (registered?.state === "running") return registered;
  return readDatabase(folder, "SELECT * FROM agents WHERE agent_id = ?", agentId)[0] ?? registered;
}

/** Every agent of this machine, in the order of their ids, each as findLocalAgent gives it. */
export function listLocalAgents(options: LookUpOptions = {}): FoundAgent[] {
  const { folder = cacheFolder() } = options;
  const found = new Map<string, FoundAgent>();
  for (const row of readDatabase(folder, "SELECT * FROM agents")) found.set(row.agent_id, row);
  for (const id of readNames(`${folder}/agents`)) {
    const registered = isId(id) ? readRegistration(folder, id, options) : undefined;
    if (registered !== undefined && (registered.state === "running" || !found.has(id))) found.set(id, registered);
  }
  return [...found.values()].sort((a, b) => (a.agent_id < b.agent_id ? -1 : 1));
}

/** Whether a process of this machine lives. Its id may have been given to another since: who needs to be sure asks at the address. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM is one of another user, and where Deno may not tell it may be there.
    return !isJsonObject(error) || error.code !== "ESRCH";
  }
}

function readRegistration(folder: string, agentId: string, { isAlive: lives = isAlive }: LookUpOptions): FoundAgent | undefined {
  const agent = parseLocalAgent(readText(`${folder}/agents/${agentId}/agent.json`));
  // Some file systems take a1 and A1 for the same.
  if (agent?.agent_id !== agentId) return undefined;
  const state = agent.stopped_at !== undefined ? "stopped" : lives(agent.pid) ? "running" : "gone";
  return { ...agent, source: "serve", state };
}

/** The text of a small file; empty when there is none, or it cannot be read: then the agent counts as not registered. */
function readText(path: string): string {
  const { readFileSync, statSync } = process.getBuiltinModule("node:fs");
  try {
    const stat = statSync(path);
    // Reading a pipe would wait for its writer.
    return stat.isFile() && stat.size <= MAX_REGISTRATION_BYTES ? readFileSync(path, "utf8") : "";
  } catch {
    return "";
  }
}

function readNames(path: string): string[] {
  try {
    return process.getBuiltinModule("node:fs").readdirSync(path);
  } catch {
    return [];
  }
}

/** The rows of another SDK; none when its database is not there, damaged, locked, another's, or this runtime cannot read it. */
function readDatabase(folder: string, sql: string, ...values: string[]): FoundAgent[] {
  const path = `${folder}/runagent_local.db`;
  let database: Database | undefined;
  try {
    if (!process.getBuiltinModule("node:fs").statSync(path).isFile()) return [];
    const Database = loadDatabaseClass();
    if (Database === undefined) return [];
    database = new Database(path, { readOnly: true, readonly: true });
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    return database
      .prepare(sql)
      .all(...values)
      .flatMap((row) => toAgent(row) ?? []);
  } catch {
    return [];
  } finally {
    database?.close();
  }
}

/** node:sqlite is there from Node 22.13, and in Deno and Bun; Bun had its own before. */
function loadDatabaseClass(): DatabaseClass | undefined {
  const module = withoutSqliteWarning(() => process.getBuiltinModule("node:sqlite") ?? process.getBuiltinModule("bun:sqlite"));
  const { DatabaseSync, Database } = Object(module);
  return DatabaseSync ?? Database;
}

/**
 * Loading node:sqlite makes Node 22 warn that it is experimental, once and at once: only then, and only for that, process.emitWarning
 * is another. Warnings of others pass.
 */
function withoutSqliteWarning<Value>(load: () => Value): Value {
  const { emitWarning } = process;
  process.emitWarning = new Proxy(emitWarning, {
    apply(target, self, given) {
      const [warning, type] = given;
      if (type !== "ExperimentalWarning" || !String(warning).includes("SQLite")) Reflect.apply(target, self, given);
    },
  });
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

function toAgent(row: unknown): FoundAgent | undefined {
  if (!isJsonObject(row)) return undefined;
  const { agent_id, host, port, agent_name, agent_path, version } = row;
  if (!isId(agent_id) || typeof host !== "string" || typeof port !== "number" || !isAddress(host, port)) return undefined;
  return {
    agent_id,
    host,
    port,
    ...(typeof agent_name === "string" && { agent_name }),
    ...(typeof agent_path === "string" && { folder: agent_path }),
    ...(typeof version === "string" && { version }),
    source: "sqlite",
    state: "unknown",
  };
}
