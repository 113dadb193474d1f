/**
 * One client attached to one invocation, over whatever transport: first the accept frame, then the records in order,
 * and heartbeats while there is nothing else to send.
 */
import type { RunAgentError } from "@runagent/core";
import type { Dialect } from "./dialects.ts";
import type { Filter } from "./filter.ts";
import type { Invocation } from "./invocation.ts";
import { logLost, type Opening } from "./opening.ts";
import { toTimerMs } from "./options.ts";
import { Reader, type SentRecord } from "./reader.ts";
import type { Services } from "./services.ts";

/** The client's end of a transport. */
export interface Outlet {
  /** Sends a record. False: enough is waiting; `onDrained` is called once that is written. */
  sendRecord(record: SentRecord, onDrained: () => void): boolean;
  /** Sends a frame that is no record. */
  sendReply(text: string): void;
  /** Bytes wait that the peer has not taken. */
  readonly stalled: boolean;
  /** Is called in every turn in which something is sent. */
  onTurn: () => void;
}

/** What an attachment tells whoever made it; at most one of the two, once. */
export interface AttachmentEvents {
  /** The terminal record was handed to the outlet. */
  ended(): void;
  /** No more records will come, and no terminal record. */
  failed(error: RunAgentError): void;
}

/** A client that is attached. */
export class Attachment {
  readonly invocation: Invocation;
  readonly #opening: Opening;
  readonly #reader: Reader;
  readonly #outlet: Outlet;
  #heartbeat: NodeJS.Timeout | undefined;

  /** Attaches; sends nothing before `start`. */
  constructor(opening: Opening, outlet: Outlet, events: AttachmentEvents) {
    const { invocation, after, atEnd, windowBytes, filter } = opening;
    this.invocation = invocation;
    this.#opening = opening;
    this.#outlet = outlet;
    const drained = (): void => this.#reader.drained();
    const sink = {
      write: (record: SentRecord) => outlet.sendRecord(record, drained),
      ended: () => events.ended(),
      failed: (error: RunAgentError) => events.failed(error),
    };
    this.#reader = new Reader(invocation.log, atEnd ? after - 1 : after, windowBytes, sink, () => invocation.readerChanged());
    this.#reader.filter = filter;
    invocation.attach(this.#reader);
  }

  /** Sends the accept frame, then the records as they come. */
  start(dialect: Dialect, { limits, durability }: Services): void {
    const { status, invocation, after: seq, head } = this.#opening;
    const { heartbeatSeconds, retentionSeconds: resumeSeconds } = limits;
    const { firstSeq } = head;
    this.#outlet.sendReply(dialect.accepted({ status, invocation, seq, firstSeq, heartbeatSeconds, resumeSeconds, durability }));
    if (dialect.protocol === 2) this.#beatEvery(toTimerMs(heartbeatSeconds));
    this.#reader.start();
    // It may have been lost since the opening was checked.
    if (invocation.lost) this.#reader.fail(logLost());
  }

  /** The client says what it has taken, and is sent no more than it has room for. */
  get acknowledges(): boolean {
    return this.#reader.acknowledges;
  }

  /** The client's consumer took every record up to `seq`. @throws RunAgentError VALIDATION_ERROR for one that was never sent. */
  ack(seq: number): void {
    this.#reader.ack(seq);
  }

  /** The client wants something else from now on. */
  setFilter(filter: Filter | undefined): void {
    this.#reader.filter = filter;
  }

  /** Detaches. @param mayReturn The client was lost rather than gone: it may come back. */
  close(mayReturn: boolean): void {
    clearTimeout(this.#heartbeat);
    this.#outlet.onTurn = () => {};
    this.#reader.close();
    this.invocation.detach(this.#reader, mayReturn);
  }

  /** The timer starts anew in every turn that sends something: it fires after exactly so much silence. [heartbeat.send.1] */
  #beatEvery(ms: number): void {
    const timer = setTimeout(() => {
      // What waits in the socket is a sign of life once it gets through, and one heartbeat more behind it is none.
      if (this.#outlet.stalled) timer.refresh();
      else {
        this.#reader.tellSkipped();
        this.#outlet.sendReply(`{"type":"heartbeat","seq":${Math.max(this.#opening.after, this.#reader.toldSeq)}}`);
      }
    }, ms);
    timer.unref();
    this.#heartbeat = timer;
    this.#outlet.onTurn = () => timer.refresh();
  }
}
