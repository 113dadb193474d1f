import { type AskedApproval, type Item, readApprovalError, readItem } from "./item.ts";
import { type EventStream, type OnClose, type TranslationOptions, wanted } from "./source.ts";

/** Says a stream in the words of somebody's user interface. Each verb gives what is said for it, in order. */
export interface Writer<Out> {
  /** Before anything else, once there is something to say. */
  begin(): readonly Out[];
  item(item: Item, seq: number): readonly Out[];
  /** The end: people are asked, and the stream goes on in another with what they say. */
  asked(approvals: readonly AskedApproval[], position: string | undefined): readonly Out[];
  /** The end: completed, cancelled here, or let go of. */
  end(status: string): readonly Out[];
  /** The end, when something went wrong. */
  failed(error: unknown): readonly Out[];
}

/** How a stream ended: what it told, or that people are asked, or the error. */
export type Ending =
  | { readonly type: "ended"; readonly status: string }
  | { readonly type: "asked"; readonly approvals: readonly AskedApproval[]; readonly position: string | undefined }
  | { readonly type: "failed"; readonly error: unknown };

/** Reads a stream, no faster than it is read itself, and says what a writer makes of it. */
export class Translation<Out> {
  readonly #stream: EventStream;
  readonly #records: ReturnType<EventStream["events"]>;
  readonly #writer: Writer<Out>;
  readonly #waiting: Out[] = [];
  #begun = false;
  #left = false;
  /** How the stream ended, once it has. */
  ending: Ending | undefined;

  /** @throws RunAgentError STREAM_CONSUMED when the stream is read by another. */
  constructor(stream: EventStream, options: TranslationOptions, writer: Writer<Out>) {
    this.#stream = stream;
    this.#writer = writer;
    this.#records = stream.events(wanted(options));
  }

  /** The next of what is said; undefined after the last. It never throws: an error of the stream is said as well. */
  async next(): Promise<Out | undefined> {
    while (this.#waiting.length === 0 && this.ending === undefined && !this.#left) await this.#read();
    return this.#left ? undefined : this.#waiting.shift();
  }

  /** Lets go of the stream at once, also while it is waited for. May be repeated. */
  async leave(onClose: OnClose): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    if (this.ending !== undefined) return;
    if (onClose === "detach") await this.#stream.detach();
    await this.#records.return?.();
  }

  async #read(): Promise<void> {
    let said: readonly Out[];
    try {
      const result = await this.#records.next();
      if (!result.done) {
        const item = readItem(result.value, this.#stream.invocationId);
        said = item === undefined ? [] : this.#writer.item(item, result.value.seq);
      } else {
        const status = this.#stream.summary?.status ?? "completed";
        this.ending = { type: "ended", status };
        said = this.#writer.end(status);
      }
    } catch (error) {
      said = this.#end(error);
    }
    // An error before anything else stands for itself.
    if (!this.#begun && said.length > 0 && this.ending?.type !== "failed") {
      this.#begun = true;
      this.#waiting.push(...this.#writer.begin());
    }
    this.#waiting.push(...said);
  }

  #end(error: unknown): readonly Out[] {
    const approvals = readApprovalError(error, this.#stream.invocationId);
    if (approvals === undefined) {
      this.ending = { type: "failed", error };
      return this.#writer.failed(error);
    }
    const position = isPositioned(error) ? error.position : this.#stream.position;
    this.ending = { type: "asked", approvals, position };
    return this.#writer.asked(approvals, position);
  }
}

function isPositioned(error: unknown): error is { readonly position: string } {
  return typeof error === "object" && error !== null && "position" in error && typeof error.position === "string";
}
