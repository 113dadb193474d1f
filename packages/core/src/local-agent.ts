import type { LocalAgent } from "./gen/types.ts";
import { isId } from "./ids.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

const HOST = /^[\w.:[\]-]{1,255}$/;
const TEXTS = ["agent_name", "version", "folder", "started_at", "stopped_at"];

/** Reads what is written about a local agent; undefined when that is malformed in any way: such an agent counts as not there. */
export function parseLocalAgent(text: string): LocalAgent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isJsonObject(value) && isLocalAgent(value) ? value : undefined;
}

/** True for what may stand in an address. */
export function isAddress(host: unknown, port: unknown): boolean {
  return typeof host === "string" && HOST.test(host) && isWhole(port, 65_535);
}

/** The host to connect to for one that a server listens on: a server on every address is on this machine, too. */
export function connectHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" || host === "[::]" ? "::1" : host;
}

function isLocalAgent(value: JsonObject): value is JsonObject & LocalAgent {
  const { agent_id, host, port, pid } = value;
  const texts = TEXTS.every((name) => value[name] === undefined || typeof value[name] === "string");
  return isId(agent_id) && isAddress(host, port) && isWhole(pid, Number.MAX_SAFE_INTEGER) && texts;
}

function isWhole(value: unknown, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most;
}
