import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type LocalAgent, parseLocalAgent } from "@runagent/core";
import { isAlive } from "runagent/local-agents";

/** What `runagent serve` says of the agent that it serves; clients on this machine find it by its id. */
export type Registration = Required<Omit<LocalAgent, "stopped_at">>;

/** The registration of another process that serves the agent now; undefined when there is none. */
export function readLiving(path: string): LocalAgent | undefined {
  const kept = existsSync(path) ? parseLocalAgent(readFileSync(path, "utf8")) : undefined;
  return kept !== undefined && kept.stopped_at === undefined && kept.pid !== process.pid && isAlive(kept.pid) ? kept : undefined;
}

/** Writes the registration of an agent: who reads meanwhile sees the one before or this one. @throws whatever the disk says. */
export function register(path: string, registration: LocalAgent): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, `${JSON.stringify(registration, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/**
 * Says in the registration that this process has stopped serving; when another serves the agent meanwhile, it is left as it is.
 * @param displaced Whose place it took: if that one still serves the agent, it has its place again.
 * @throws whatever the disk says.
 */
export function unregister(path: string, registration: Registration, displaced: LocalAgent | undefined): void {
  // Whoever removed it meant it.
  if (!existsSync(path)) return;
  const kept = parseLocalAgent(readFileSync(path, "utf8"));
  if (kept?.pid !== registration.pid || kept.started_at !== registration.started_at) return;
  if (displaced !== undefined && isAlive(displaced.pid)) register(path, displaced);
  else register(path, { ...kept, stopped_at: new Date().toISOString() });
}
