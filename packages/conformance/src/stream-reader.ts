/**
 * Cuts one direction of a connection into units: heads and bodies of HTTP messages, events of SSE bodies, and, once the
 * connection was upgraded, WebSocket frames. Nothing is lost: the units' bytes together are the bytes that came, except that an
 * SSE event becomes one HTTP chunk of its own.
 *
 * modes: head -> fixed | chunked | rest -> head; head -> websocket
 */
import { ByteQueue } from "./byte-queue.ts";
import type { Random } from "./random.ts";
import type { Head, Unit } from "./unit.ts";
import { takeWebSocketFrame, writeTextFrame } from "./websocket-frames.ts";

const HEAD_END = "\r\n\r\n";
const NEW_LINE = "\r\n";
/** A size in hexadecimal; extensions do not occur. */
const MAX_CHUNK_LINE_BYTES = 64;

type Mode = "head" | "fixed" | "chunked" | "rest" | "websocket";

export class StreamReader {
  readonly #side: "client" | "server";
  readonly #random: Random;
  readonly #queue = new ByteQueue();
  /** SSE text that is not a whole event yet. */
  readonly #events = new ByteQueue();
  #mode: Mode = "head";
  #isSse = false;
  #left = 0;

  /** @param side Who writes what is read here. */
  constructor(side: "client" | "server", random: Random) {
    this.#side = side;
    this.#random = random;
  }

  /** True when text can be written as a frame here and now. */
  get carriesFrames(): boolean {
    return this.#mode === "websocket" || this.#isSse;
  }

  get isWebSocket(): boolean {
    return this.#mode === "websocket";
  }

  /** The request was an upgrade, and the server has accepted it. */
  upgrade(): void {
    this.#mode = "websocket";
  }

  /** Takes bytes and gives the units that are whole. */
  *read(chunk: Buffer): Generator<Unit> {
    this.#queue.push(chunk);
    for (;;) {
      const unit = this.#next();
      if (unit === undefined) return;
      if (unit.bytes.length > 0) yield unit;
    }
  }

  /** What has come and is no whole unit. */
  rest(): Buffer {
    return Buffer.concat([this.#encodeChunk(this.#events.take()), this.#queue.take()]);
  }

  /** The bytes of a frame of this text. `like` is the SSE event whose other fields it keeps. */
  writeFrame(payload: string | Buffer, like?: Unit): Buffer {
    if (this.#mode === "websocket") return writeTextFrame(payload, this.#side, this.#random);
    const fields = like === undefined ? [] : sseLines(like.bytes).filter((line) => /^(event|id):/.test(line));
    return this.#encodeChunk(Buffer.from(`${[...fields, `data: ${payload}`].join("\n")}\n\n`));
  }

  #next(): Unit | undefined {
    switch (this.#mode) {
      case "websocket":
        return takeWebSocketFrame(this.#queue);
      case "head":
        return this.#readHead();
      case "fixed":
        return this.#readFixed();
      case "chunked":
        return this.#takeEvent() ?? this.#readChunk();
      case "rest":
        return this.#takeEvent() ?? this.#readRest();
    }
  }

  #readHead(): Unit | undefined {
    const end = this.#queue.indexOf(HEAD_END);
    if (end === -1) return undefined;
    const bytes = this.#queue.take(end + HEAD_END.length);
    const head = parseHead(bytes.toString("latin1"), this.#side);
    this.#startBody(head);
    return { kind: "head", bytes, head };
  }

  #startBody({ status, headers }: Head): void {
    this.#isSse = this.#side === "server" && /^text\/event-stream\b/i.test(headers.get("content-type") ?? "");
    this.#left = Number(headers.get("content-length") ?? 0);
    const bodiless = status === 204 || status === 304 || (status >= 100 && status < 200);
    if (status === 101) this.#mode = "websocket";
    else if (bodiless) this.#mode = "head";
    else if (/chunked/i.test(headers.get("transfer-encoding") ?? "")) this.#mode = "chunked";
    else if (headers.has("content-length")) this.#mode = this.#left > 0 ? "fixed" : "head";
    else this.#mode = this.#side === "server" ? "rest" : "head";
  }

  #readFixed(): Unit | undefined {
    if (this.#queue.length === 0) return undefined;
    const bytes = this.#queue.take(this.#left);
    this.#left -= bytes.length;
    if (this.#left === 0) this.#mode = "head";
    return { kind: "bytes", bytes };
  }

  #readRest(): Unit | undefined {
    if (this.#queue.length === 0) return undefined;
    if (!this.#isSse) return { kind: "bytes", bytes: this.#queue.take() };
    this.#events.push(this.#queue.take());
    return this.#takeEvent();
  }

  #readChunk(): Unit | undefined {
    const lineEnd = this.#queue.indexOf(NEW_LINE, MAX_CHUNK_LINE_BYTES);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(this.#queue.peek(lineEnd)?.toString("latin1") ?? "", 16);
    const prefix = lineEnd + NEW_LINE.length;
    if (!(size > 0)) return this.#readLastChunk();
    if (this.#queue.length < prefix + size + NEW_LINE.length) return undefined;
    const bytes = this.#queue.take(prefix + size + NEW_LINE.length);
    if (!this.#isSse) return { kind: "bytes", bytes };
    this.#events.push(bytes.subarray(prefix, prefix + size));
    // An empty unit says: go on.
    return this.#takeEvent() ?? { kind: "bytes", bytes: Buffer.alloc(0) };
  }

  /** "0", trailers, and an empty line. */
  #readLastChunk(): Unit | undefined {
    const end = this.#queue.indexOf(HEAD_END);
    if (end === -1) return undefined;
    const unfinished = this.#encodeChunk(this.#events.take());
    const bytes = Buffer.concat([unfinished, this.#queue.take(end + HEAD_END.length)]);
    this.#isSse = false;
    this.#mode = "head";
    return { kind: "bytes", bytes };
  }

  #takeEvent(): Unit | undefined {
    if (this.#events.length === 0) return undefined;
    const ends = ["\n\n", HEAD_END].map((end) => ({ at: this.#events.indexOf(end), length: end.length })).filter(({ at }) => at !== -1);
    const first = ends.toSorted((a, b) => a.at - b.at)[0];
    if (first === undefined) return undefined;
    const event = this.#events.take(first.at + first.length);
    const data = sseLines(event).filter((line) => line.startsWith("data:"));
    const bytes = this.#encodeChunk(event);
    if (data.length === 0) return { kind: "bytes", bytes };
    return { kind: "frame", bytes, text: data.map((line) => line.slice(5).trimStart()).join("\n") };
  }

  #encodeChunk(body: Buffer): Buffer {
    if (this.#mode !== "chunked" || body.length === 0) return body;
    return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from(NEW_LINE)]);
  }
}

function sseLines(event: Buffer): string[] {
  return event.toString().split(/\r?\n/);
}

function parseHead(text: string, side: "client" | "server"): Head {
  const [first = "", ...lines] = text.trimEnd().split(NEW_LINE);
  const words = first.split(" ");
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  if (side === "client") return { method: words[0] ?? "", target: words[1] ?? "", status: 0, headers };
  return { method: "", target: "", status: Number(words[1] ?? 0), headers };
}
