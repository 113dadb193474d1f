import type { ResumeFrame, StartFrame } from "@runagent/core";
import { encodeJson } from "./encode-json.ts";
import type { Link } from "./link.ts";
import { reopen, type StreamState } from "./state.ts";

/** What opens a stream: a new invocation, or one that goes on. */
export type FirstFrame = StartFrame | ResumeFrame;

/** What first frames are made from. */
export interface FirstFrameHost {
  readonly state: StreamState;
  readonly link: Link;
  /** The window of each connection, in bytes. */
  readonly bufferBytes: number;
  /** Seq of the last record that the consumer has taken. */
  taken(): number;
}

/** What one stream asks of each connection: to start the invocation or to go on with it, and which of its records. */
export class FirstFrames {
  readonly #host: FirstFrameHost;
  /** The frame that starts the invocation; let go of once the server has accepted. */
  #start: FirstFrame | undefined;
  /** What the reader wants; undefined: everything. */
  #only: readonly string[] | undefined;
  #onlyAsked = false;
  /** What the server of the present connection was told of it. */
  #onlySent: readonly string[] | undefined;

  constructor(host: FirstFrameHost) {
    this.#host = host;
  }

  /** Keeps a copy: should it be sent again, it must say the same, whatever the caller has done with the input by then. @throws RunAgentError VALIDATION_ERROR. */
  keep(first: FirstFrame): void {
    this.#start = JSON.parse(encodeJson(first));
  }

  /** The start is not needed any more. */
  forget(): void {
    this.#start = undefined;
  }

  /** The frame for a new connection: with a cursor a resume, else the start, once more. [resume.use.1] */
  next(token: string | undefined): FirstFrame {
    const { state, bufferBytes } = this.#host;
    const { epoch, invocationId } = state;
    const taken = this.#host.taken();
    // A server that has not said that it can filter is resumed without it, unless the user asked.
    const only = epoch === undefined || this.#onlyAsked || state.filters ? this.#only : undefined;
    const more = { window_bytes: bufferBytes, ...(only && { only: [...only] }), ...(token !== undefined && { auth: { token } }) };
    this.#onlySent = only;
    state.filtered = only !== undefined;
    reopen(state, taken);
    if (epoch === undefined && this.#start !== undefined) return { ...this.#start, ...more };
    return { type: "resume", protocol: 2, invocation_id: invocationId, epoch: epoch ?? "", after_seq: taken, ...more };
  }

  /**
   * The reader wants these records alone: the server is told, unless it cannot be now. [filter.only.1]
   * @param asked The user said so, rather than the way in which the stream is read.
   */
  filter(only: readonly string[], asked: boolean): void {
    this.#only = only;
    this.#onlyAsked = asked;
    if (!only.includes("data")) this.#host.state.partial = true;
    this.tellFilter();
  }

  /** Over server-sent events a connection keeps what it was asked for; the next one asks for less. [filter.frame.1] */
  tellFilter(): void {
    const { state, link } = this.#host;
    const only = this.#only;
    if (only === undefined || only === this.#onlySent || !link.open || !state.accepted || !state.filters || !link.connection?.credit)
      return;
    this.#onlySent = only;
    state.filtered = true;
    link.send({ type: "filter", only: [...only] });
  }
}
