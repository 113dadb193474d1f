import { decodeCursor, isJsonObject } from "@runagent/core";

/** The part of the Web Storage standard that is used: sessionStorage, localStorage, or your own. */
export interface ChatStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** What is kept of a chat while its answer is not complete. */
export interface KeptChat {
  /** Before the first record of the answer: a page that is loaded anew makes the whole message again. */
  readonly position: string;
  /** Where the stream goes on after each approval that waits; for versions of the AI SDK whose messages do not keep it. */
  readonly waiting: Readonly<Record<string, string>>;
}

const PREFIX = "runagent.chat.";

/**
 * Keeps what a page needs to find the answer again after a reload. A page whose storage is blocked or full has a chat all the same, which
 * does not survive one.
 */
export class KeptChats {
  readonly #memory = new Map<string, string>();
  readonly #storage: ChatStorage | undefined;

  /** @param storage Default sessionStorage, which every tab has for itself, where there is one. */
  constructor(storage: ChatStorage | undefined) {
    this.#storage = storage ?? attempt(() => globalThis.sessionStorage);
  }

  get(chatId: string): KeptChat | undefined {
    return parse(this.#memory.get(chatId) ?? attempt(() => this.#storage?.getItem(PREFIX + chatId)));
  }

  set(chatId: string, kept: KeptChat): void {
    const text = JSON.stringify(kept);
    this.#memory.set(chatId, text);
    // What was kept before is another answer: better none than that.
    attempt(() => this.#storage?.removeItem(PREFIX + chatId));
    attempt(() => this.#storage?.setItem(PREFIX + chatId, text));
  }

  forget(chatId: string): void {
    this.#memory.delete(chatId);
    attempt(() => this.#storage?.removeItem(PREFIX + chatId));
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined; // Blocked by the user or the embedding page, or full.
  }
}

/** Storage holds what anybody has put there. */
function parse(text: string | null | undefined): KeptChat | undefined {
  try {
    const kept: unknown = JSON.parse(text ?? "null");
    if (!isJsonObject(kept) || typeof kept.position !== "string" || !isJsonObject(kept.waiting)) return undefined;
    decodeCursor(kept.position);
    const waiting = Object.entries(kept.waiting).filter((entry): entry is [string, string] => typeof entry[1] === "string");
    return { position: kept.position, waiting: Object.fromEntries(waiting) };
  } catch {
    return undefined;
  }
}
