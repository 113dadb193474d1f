/**
 * What was said, kept in the storage of the tab so that a reload loses nothing. Each turn has an entry of its own.
 *
 * Text and position of an answer are one value, written at once: at whatever word the page is gone, the text that is kept ends exactly
 * where the position goes on. Two entries would leave a moment between them in which a word is lost, or comes twice.
 */
import type { PositionStorage } from "runagent";

/** One message and its answer. */
export interface Turn {
  /** Of the invocation. A start that is sent twice with one id runs the agent once, so that a reload may come before the acceptance. */
  id: string;
  readonly question: string;
  answer: string;
  state: "running" | "done" | "stopped" | "failed";
  /** Where the answer goes on, while it is not at its end; undefined before it was accepted. */
  position?: string | undefined;
  /** The answer is to be stopped, whatever happens meanwhile. */
  stopping?: boolean | undefined;
  /** Why it failed. */
  problem?: string | undefined;
}

/** undefined for what another version of this page has left, or somebody has written by hand. */
function readTurn(text: string): Turn | undefined {
  try {
    const turn: Partial<Turn> | null = JSON.parse(text);
    const whole = typeof turn?.id === "string" && typeof turn.question === "string" && typeof turn.answer === "string";
    return whole ? (turn as Turn) : undefined;
  } catch {
    return undefined;
  }
}

const PREFIX = "chat.turn.";
/** The oldest turns make way: a tab has a few megabytes. */
const MAX_TURNS = 100;

/** The turns of this tab. */
export class Conversation {
  readonly #storage: Storage;
  readonly #keys: Map<Turn, string> = new Map();
  #turns: Turn[] = [];
  #next = 0;

  constructor(storage: Storage) {
    this.#storage = storage;
    for (const [number, text] of readEntries(storage)) {
      this.#next = number + 1;
      const turn = readTurn(text);
      if (turn === undefined) storage.removeItem(PREFIX + number);
      else {
        this.#turns.push(turn);
        this.#keys.set(turn, PREFIX + number);
      }
    }
  }

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** Begins a turn. */
  add(question: string): Turn {
    const turn: Turn = { id: crypto.randomUUID(), question, answer: "", state: "running" };
    this.#turns.push(turn);
    this.#keys.set(turn, PREFIX + this.#next++);
    for (const old of this.#turns.slice(0, -MAX_TURNS)) this.#forget(old);
    this.save(turn);
    return turn;
  }

  /** Keeps a turn as it is now. */
  save(turn: Turn): void {
    const key = this.#keys.get(turn);
    if (key !== undefined) this.#storage.setItem(key, JSON.stringify(turn));
  }

  /** Forgets everything. */
  clear(): void {
    for (const turn of this.#turns) this.#forget(turn);
  }

  /** Where keepPosition keeps the position of a turn: in the turn, with the text that was shown by then. */
  positionOf(turn: Turn): PositionStorage {
    const set = (position: string | undefined): void => {
      turn.position = position;
      this.save(turn);
    };
    return { getItem: () => turn.position ?? null, setItem: (_key, position) => set(position), removeItem: () => set(undefined) };
  }

  #forget(turn: Turn): void {
    this.#storage.removeItem(this.#keys.get(turn) ?? "");
    this.#keys.delete(turn);
    this.#turns = this.#turns.filter((other) => other !== turn);
  }
}

/** What is kept, in the order in which it was said. */
function readEntries(storage: Storage): [number: number, text: string][] {
  return Object.keys(storage)
    .filter((key) => key.startsWith(PREFIX))
    .map((key): [number, string] => [Number(key.slice(PREFIX.length)), storage.getItem(key) ?? ""])
    .sort(([first], [second]) => first - second);
}
