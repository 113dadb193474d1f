import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeCursor, isId, isJsonObject } from "@runagent/core";
import type { RunAgentClient } from "runagent";
import { cacheFolder } from "runagent/local-agents";
import type { AddressOptions } from "./options.ts";

/** Where an invocation is, so that `resume` and `cancel` need nothing but its position or id. */
interface KeptPlace {
  readonly agent_id: string;
  readonly tag: string;
  /** Address of the server, ending in /api/v1. */
  readonly base_url: string;
}

/** The part of a client that says where its invocations are. */
type Place = Pick<RunAgentClient, "agentId" | "entrypointTag" | "apiUrl">;

const KEEP_MS = 30 * 24 * 60 * 60 * 1000;

/** The invocation of a position; undefined when it is none. */
export function invocationOf(position: string): string | undefined {
  try {
    return decodeCursor(position).invocationId;
  } catch {
    return undefined; // The caller says what it wants in its place.
  }
}

/**
 * Keeps where an invocation is, never the key.
 * @returns False when it could not be written: the position is then to be used with an address.
 */
export async function keepPlace(invocationId: string, { agentId, entrypointTag, apiUrl }: Place): Promise<boolean> {
  try {
    await writePlace(invocationId, { agent_id: agentId, tag: entrypointTag, base_url: apiUrl });
    await prune();
    return true;
  } catch {
    return false; // The disk may be full or read-only: the caller says what that means.
  }
}

/** What was kept of an invocation, as options; undefined when there is nothing that can be used. */
export async function recallPlace(invocationId: string): Promise<(AddressOptions & { readonly tag: string }) | undefined> {
  if (!isId(invocationId)) return undefined;
  try {
    const place: unknown = JSON.parse(await readFile(pathOf(invocationId), "utf8"));
    if (!isJsonObject(place)) return undefined;
    const { agent_id: id, tag, base_url: baseUrl } = place;
    return isId(id) && typeof tag === "string" && typeof baseUrl === "string" ? { id, tag, baseUrl } : undefined;
  } catch {
    return undefined; // Never kept, pruned, or damaged: all the same to who asks.
  }
}

async function writePlace(invocationId: string, place: KeptPlace): Promise<void> {
  const path = pathOf(invocationId);
  const unfinished = `${path}.${randomUUID()}.tmp`;
  await mkdir(folder(), { recursive: true, mode: 0o700 });
  // Whoever reads meanwhile finds the whole of it, or what was there before.
  await writeFile(unfinished, `${JSON.stringify(place)}\n`, { mode: 0o600 });
  await rename(unfinished, path);
}

async function prune(): Promise<void> {
  const names = await readdir(folder());
  const old = async (name: string): Promise<void> => {
    const path = join(folder(), name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > KEEP_MS) await rm(path);
  };
  // Another command may prune at the same time.
  await Promise.allSettled(names.map(old));
}

function folder(): string {
  return join(cacheFolder(), "positions");
}

function pathOf(invocationId: string): string {
  return join(folder(), `${invocationId}.json`);
}
