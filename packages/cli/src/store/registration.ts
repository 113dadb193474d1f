import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type LocalAgent, parseLocalAgent } from "@runagent/core";
import { isAlive } from "runagent/local-agents";

/** What `runagent serve` says of the agent that it serves; clients on this machine find it by its id. */
export type Registration = Required<Omit<LocalAgent, "stopped_at">>;

/** What is registered; undefined when nothing is, or it cannot be read. */
export function readRegistration(path: string): LocalAgent | undefined {
  try {
    // A pipe would be waited for.
    return statSync(path).isFile() ? parseLocalAgent(readFileSync(path, "utf8")) : undefined;
  } catch {
    return undefined;
  }
}

/** True when nobody who lives is registered: another process took the place of this one, and has ended. Whoever removed it meant it. */
export function isVacant(path: string): boolean {
  const kept = readRegistration(path);
  return kept !== undefined && (kept.stopped_at !== undefined || !isAlive(kept.pid));
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

/** Says in the registration that this process has stopped serving; when another serves the agent meanwhile, it is left as it is. @throws whatever the disk says. */
export function unregister(path: string, registration: Registration): void {
  const kept = readRegistration(path);
  if (kept?.pid !== registration.pid || kept.started_at !== registration.started_at) return;
  register(path, { ...kept, stopped_at: new Date().toISOString() });
}
