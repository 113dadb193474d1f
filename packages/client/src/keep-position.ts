import { RunAgentError } from "@runagent/core";
import type { RunAgentStream } from "./stream.ts";

/** The part of the Web Storage standard that is used: sessionStorage, localStorage, or your own. */
export interface PositionStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const PREFIX = "runagent.position.";

/**
 * Reads a stream and keeps its position, so that the page can go on with it after a reload. A chunk counts as taken when the next one
 * is asked for: one that was not dealt with comes again. The position is forgotten when the invocation has ended or the loop is left;
 * it stays after a detach, and after an error that leaves the invocation running.
 * @param key Names the stream within the storage.
 * @param storage Default sessionStorage, which every tab has for itself.
 * @throws RunAgentError VALIDATION_ERROR where the browser denies the storage.
 * @example
 * import { keepPosition, keptPosition, RunAgentClient } from "runagent";
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "story_stream", port: 8450 });
 * const position = keptPosition("answer");
 * const stream = position === undefined ? client.runStream({ topic: "robots" }) : client.resume(position);
 * for await (const chunk of keepPosition(stream, "answer")) console.log(chunk);
 */
export function keepPosition<T>(
  stream: RunAgentStream<T>,
  key: string,
  storage: PositionStorage = pageStorage(),
): AsyncIterableIterator<T> {
  const name = PREFIX + key;
  const chunks = stream[Symbol.asyncIterator]();
  let kept: string | undefined;
  const keep = (position: string | undefined): void => {
    if (position === undefined || position === kept) return;
    access(() => storage.setItem(name, position));
    kept = position;
  };
  const forget = (): void => access(() => storage.removeItem(name));
  // From the acceptance on there is a place to go on from; whoever reads learns of a failure there.
  stream.started.then(({ position }) => kept === undefined && stream.summary === undefined && keep(position)).catch(() => {});
  return {
    async next() {
      try {
        keep(stream.position);
      } catch (error) {
        await stream.detach();
        throw error;
      }
      try {
        const result = await chunks.next();
        if (result.done && stream.summary?.status !== "detached") forget();
        return result;
      } catch (error) {
        if (RunAgentError.is(error) && isOver(error)) forget();
        throw error;
      }
    },
    async return() {
      await chunks.return?.();
      forget();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * The position that keepPosition kept under this key, for `client.resume`; undefined when there is none.
 * @throws RunAgentError VALIDATION_ERROR where the browser denies the storage.
 */
export function keptPosition(key: string, storage: PositionStorage = pageStorage()): string | undefined {
  return access(() => storage.getItem(PREFIX + key)) ?? undefined;
}

/** What the server said of the invocation is final, but for a credential that can be renewed; so is the caller's own wish. */
function isOver({ origin, code }: RunAgentError): boolean {
  return origin === "wire" ? code !== "AUTHENTICATION_ERROR" : code === "CANCELLED";
}

function pageStorage(): PositionStorage {
  const storage = access(() => globalThis.sessionStorage);
  if (storage !== undefined) return storage;
  throw denied(undefined, "Pass a storage: this runtime has no sessionStorage.");
}

/** Browsers throw for a storage that the user or the embedding page has blocked. */
function access<T>(action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw denied(
      cause,
      "In a frame of another site, browsers that block third-party cookies block storage, too: serve the page from the same site, take the " +
        "frame out of its sandbox, ask for document.requestStorageAccess(), or pass a storage of your own.",
    );
  }
}

function denied(cause: unknown, suggestion: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", "The storage for the position cannot be used.", { field: "storage", cause, suggestion });
}
