/**
 * An HTTP response as the server streams into it: one SSE event per frame, the events of one turn in one write, and a
 * bound on what waits. It knows nothing of invocations but the cursor strings. [sse.frame.1]
 */
import { encodeCursor, parseJsonObject } from "@runagent/core";
import type { Outlet } from "./attachment.ts";
import { HIGH_WATER_BYTES } from "./frame-socket.ts";
import { textOf } from "./log.ts";
import type { SentRecord } from "./reader.ts";

const SSE_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store, no-transform",
  // Or nginx would collect the events before it passes them on.
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
};

const JOIN_BELOW_BYTES = 65_536;
const END_OF_EVENT = Buffer.from("\n\n");

/** What is used of Node's response. */
export interface NodeResponse {
  readonly destroyed: boolean;
  /** null while an answer before it is on its way on the same connection. */
  readonly socket: object | null;
  readonly writableLength: number;
  writeHead(status: number, headers: Record<string, string>): unknown;
  write(bytes: Uint8Array | string, written?: (error?: Error | null) => void): unknown;
  end(): unknown;
  destroy(): unknown;
  setTimeout(ms: number, passed: () => void): unknown;
  on(event: "close" | "error", listener: () => void): unknown;
}

/** The body of one response. */
export class SseResponse implements Outlet {
  onTurn: () => void = () => {};
  readonly #response: NodeResponse;
  readonly #invocationId: string;
  readonly #epoch: string;
  /** Events of this turn. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #onDrained: (() => void) | undefined;
  readonly #flush = (): void => this.#write();

  /** Sends the head; from here on there is no way to answer with a status. */
  constructor(response: NodeResponse, headers: Readonly<Record<string, string>>, invocationId: string, epoch: string) {
    this.#response = response;
    this.#invocationId = invocationId;
    this.#epoch = epoch;
    // A reset by the peer: `close` follows, and says all that matters.
    response.on("error", () => {});
    response.writeHead(200, { ...headers, ...SSE_HEADERS });
  }

  get stalled(): boolean {
    return this.#response.writableLength > 0;
  }

  sendRecord(record: SentRecord, onDrained: () => void): boolean {
    const { kind, data, seq } = record;
    const type = kind === "terminal" ? typeOf(textOf(record)) : kind;
    const id = encodeCursor({ invocationId: this.#invocationId, epoch: this.#epoch, seq });
    this.#hold(Buffer.from(`event: ${type}\nid: ${id}\ndata: `), data, END_OF_EVENT);
    if (this.#response.writableLength + this.#heldBytes < HIGH_WATER_BYTES) return true;
    this.#onDrained = onDrained;
    return false;
  }

  sendReply(text: string): void {
    this.#hold(Buffer.from(`event: ${typeOf(text)}\ndata: ${text}\n\n`));
  }

  /** Ends the body after everything that was sent. */
  end(): void {
    this.#write();
    this.#response.end();
  }

  #hold(...parts: Uint8Array[]): void {
    if (this.#heldBytes === 0) {
      process.nextTick(this.#flush);
      this.onTurn();
    }
    for (const part of parts) {
      this.#held.push(part);
      this.#heldBytes += part.length;
    }
  }

  #write(): void {
    const held = this.#held;
    const heldBytes = this.#heldBytes;
    const onDrained = this.#onDrained;
    this.#held = [];
    this.#heldBytes = 0;
    this.#onDrained = undefined;
    if (held.length === 0 || this.#response.destroyed) return;
    // One write for small events; large ones are not copied once more.
    const parts = heldBytes <= JOIN_BELOW_BYTES ? [Buffer.concat(held)] : held;
    for (const part of parts.slice(0, -1)) this.#response.write(part);
    this.#response.write(parts.at(-1) ?? "", (error) => {
      if (!error) onDrained?.();
    });
  }
}

function typeOf(text: string): string {
  return String(parseJsonObject(text, "frame", "PROTOCOL_ERROR").type);
}
