import {
  type CancelFrame,
  type ClientFrame,
  encodeCursor,
  isJsonObject,
  type ResumeFrame,
  RunAgentError,
  type StartFrame,
} from "@runagent/core";
import { createParser, type EventSourceParser } from "eventsource-parser";
import { encodeJson } from "../encode-json.ts";
import { cancelRequest, dataOf, headersOf, readFailure, requestJson } from "../http.ts";
import { isLost } from "../network-error.ts";
import type { HttpInit, HttpOptions } from "../runtime.ts";
import type { Connection, Transport, TransportEvents } from "../transport.ts";
import { frameTooLarge } from "./websocket.ts";

/** How long a request may still take once its stream was left, in milliseconds. */
const LINGER_MS = 1_000;
/** Browsers give megabytes at a time, which are not all to become records before the consumer wants them. */
const SLICE_BYTES = 65_536;
/** A cancel that has no answer by then may wait for a connection: a browser has six to a host, over all its tabs. */
const MAKE_WAY_MS = 2_000;
/** How long the answer to a cancel may take, in milliseconds. */
const CANCEL_TIMEOUT_MS = 10_000;

/** Carries frames as server-sent events, one request for each connection; what a client says goes over REST. [sse.frame.1] [sse.verbs.1] */
export function createSseTransport(http: HttpOptions): Transport {
  return {
    connect: (first, events) => new SseConnection(http, toRequest(http, first), first.invocation_id, events),
    // Kept connections are those of the HTTP pool.
    close() {},
  };
}

interface SseRequest extends Pick<HttpInit, "method" | "headers" | "body"> {
  readonly url: string;
}

/** POST starts, GET resumes. */
function toRequest(http: HttpOptions, first: StartFrame | ResumeFrame): SseRequest {
  const { auth, ...frame } = first;
  const headers = headersOf(auth?.token, frame.type === "start", "text/event-stream");
  if (frame.type === "start") {
    const url = `${http.apiUrl}${http.agentPath}/run-stream`;
    return { url, method: "POST", headers, body: encodeJson(frame) };
  }
  const { invocation_id: invocationId, epoch, after_seq: seq } = frame;
  headers["last-event-id"] = encodeCursor({ invocationId, epoch, seq });
  const only = frame.only?.map((type) => `only=${encodeURIComponent(type)}`).join("&") ?? "";
  return { url: `${http.apiUrl}/invocations/${encodeURIComponent(invocationId)}/stream${only && `?${only}`}`, method: "GET", headers };
}

/** One request and its body. */
class SseConnection implements Connection {
  readonly version2 = true;
  readonly warm = false;
  readonly credit = false;
  readonly pausable = true;
  readonly sent = true;
  bytesRead = 0;

  readonly #http: HttpOptions;
  readonly #invocationId: string;
  readonly #events: TransportEvents;
  readonly #address: string;
  readonly #abort = new AbortController();
  readonly #parser: EventSourceParser;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  /** Ends the requests beside the stream. */
  readonly #verbs = new AbortController();
  #verbsPending = 0;
  /** Bounds what may still go on once the stream was left. */
  #linger: ReturnType<typeof setTimeout> | undefined;
  #left = false;
  #failure: RunAgentError | undefined;
  /** Set while reading is paused: goes on. */
  #goOn: (() => void) | undefined;
  #paused = false;

  constructor(http: HttpOptions, request: SseRequest, invocationId: string, events: TransportEvents) {
    this.#http = http;
    this.#invocationId = invocationId;
    this.#events = events;
    this.#address = new URL(http.apiUrl).origin;
    this.#parser = createParser({
      maxBufferSize: http.maxBodyBytes,
      onEvent: ({ data }) => this.#onEvent(data),
      // Unknown fields and odd retry values are ignored, as the standard says. [sse.read.1]
      onError: ({ type }) => {
        if (type === "max-buffer-size-exceeded") this.#failure ??= frameTooLarge(http.maxBodyBytes);
      },
    });
    void this.#run(request).then(
      (error) => this.#ended(error),
      (error: unknown) => this.#ended(RunAgentError.is(error) ? error : http.toError(error, this.#address, false)),
    );
  }

  send(frame: ClientFrame): void {
    if (!this.#left && frame.type === "cancel") void this.#sendCancel(frame);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#goOn?.();
    this.#goOn = undefined;
  }

  close(): void {
    this.drop();
  }

  /** The body ends by itself; what is left of it is read, so that its connection can be used again. */
  release(): void {
    if (this.#left) return;
    this.#left = true;
    this.resume();
    this.#linger = setTimeout(() => this.#abort.abort(), LINGER_MS);
  }

  drop(): void {
    if (this.#left) return;
    this.#left = true;
    this.#abort.abort();
    this.resume();
    // A cancel that was just sent should still arrive.
    if (this.#verbsPending > 0) this.#linger = setTimeout(() => this.#verbs.abort(), LINGER_MS);
  }

  async #run({ url, ...init }: SseRequest): Promise<RunAgentError | undefined> {
    const response = await this.#http.pool.fetch(url, { ...init, signal: this.#abort.signal, redirect: "manual" });
    const isStream = response.headers.get("content-type")?.toLowerCase().startsWith("text/event-stream");
    if (response.status !== 200 || !isStream) throw await readFailure(response, this.#http.maxBodyBytes, this.#address);
    if (!this.#left) this.#events.opened();
    const reader = response.body?.getReader();
    for (;;) {
      if (this.#paused) await this.#goesOn();
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || value === undefined) return undefined;
      if (this.#abort.signal.aborted) {
        // A fetch of the caller's may not heed its signal.
        await reader?.cancel();
        return undefined;
      }
      this.bytesRead += value.byteLength;
      for (let at = 0; at < value.byteLength && this.#failure === undefined; at += SLICE_BYTES) {
        if (this.#paused) await this.#goesOn();
        this.#feed(value.subarray(at, at + SLICE_BYTES));
      }
      if (this.#failure === undefined) continue;
      this.#abort.abort();
      return this.#failure;
    }
  }

  #goesOn(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  #feed(bytes: Uint8Array): void {
    try {
      this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    } catch (cause) {
      this.#failure ??= new RunAgentError("PROTOCOL_ERROR", "The server sent something that is not UTF-8.", { cause });
    }
  }

  #onEvent(data: string): void {
    // The parser bounds what it holds back; an event that comes in one piece is for us to bound.
    if (data.length > this.#http.maxBodyBytes) this.#failure ??= frameTooLarge(this.#http.maxBodyBytes);
    if (!this.#left && this.#failure === undefined) this.#events.text(data);
  }

  #ended(error: RunAgentError | undefined): void {
    if (this.#verbsPending === 0) clearTimeout(this.#linger);
    if (this.#left) return;
    this.#left = true;
    this.#events.closed({ code: 1006, reason: "", error });
  }

  #lose(error: RunAgentError): void {
    if (this.#left) return;
    this.drop();
    this.#events.closed({ code: 1006, reason: "", error });
  }

  /** The answer is told as the frame that a WebSocket would have brought. [cancel.rest.1] */
  async #sendCancel({ mode }: CancelFrame): Promise<void> {
    this.#verbsPending++;
    const makeWay = setTimeout(() => {
      const error = new RunAgentError("CONNECTION_ERROR", "The stream made way for its cancel.", { retryable: true });
      this.#lose(error);
    }, MAKE_WAY_MS);
    try {
      const request = { ...cancelRequest(this.#invocationId, mode, CANCEL_TIMEOUT_MS), signal: this.#verbs.signal };
      const data = dataOf(await requestJson(this.#http, request));
      const outcome = isJsonObject(data) ? data.outcome : undefined;
      this.#onEvent(JSON.stringify({ type: "status", status: "cancel_acknowledged", invocation_id: this.#invocationId, mode, outcome }));
    } catch (error) {
      // A connection that cannot carry a cancel is not one to go on with: the next one carries it.
      if (RunAgentError.is(error)) this.#lose(isLost(error) ? error.changed({ retryable: true }) : error);
    } finally {
      clearTimeout(makeWay);
      if (--this.#verbsPending === 0 && this.#left) clearTimeout(this.#linger);
    }
  }
}
