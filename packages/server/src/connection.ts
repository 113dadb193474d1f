/**
 * One WebSocket connection, from its first frame to its close:
 *
 *   waiting for a start or resume --> busy (checking, starting) --> attached (records flow, control frames are answered)
 *        ^                                                             |
 *        +---------- terminal record sent (version 2) -----------------+--> closed (version 1, refusal, deadline, peer)
 *
 * Frames are handled one at a time; those that come while one is still being handled wait, and the socket with them. Decisions alone are
 * answered beside them.
 */
import { isUtf8 } from "node:buffer";
import {
  type ApprovalFrame,
  type AuthFrame,
  type CancelFrame,
  type ClientFrame,
  check,
  type JsonObject,
  parseJsonObject,
  RunAgentError,
  type RunRequestV1,
  readClientFrame,
  validateRunRequestV1,
} from "@runagent/core";
import { Attachment } from "./attachment.ts";
import { Caller } from "./caller.ts";
import { decideApproval } from "./decide.ts";
import { createDialectV1, DIALECT_V2, type Dialect } from "./dialects.ts";
import { publicError } from "./envelope.ts";
import { readFilter } from "./filter.ts";
import type { FrameSocket } from "./frame-socket.ts";
import type { Invocation } from "./invocation.ts";
import { type Opening, openResume, openStart, openStartV1 } from "./opening.ts";
import type { Principal } from "./options.ts";
import type { Services } from "./services.ts";

/** What makes a first frame version 2 even where it fails to say so: version 1 has nothing but requests. */
const VERSION_2_TYPES: ReadonlySet<unknown> = new Set(["resume", "ack", "cancel", "approval", "filter", "auth"]);

/** Decisions at once on one connection; more wait, and all behind them. */
const MAX_DECIDING = 16;

/** What the upgrade knows about a connection. */
export interface ConnectionOrigin {
  /** From the path; checked to be an id, not to exist. */
  readonly agentId: string;
  /** Who the upgrade's credential named; undefined when it carried none. */
  readonly principal: Principal | undefined;
}

/** The server's side of one WebSocket connection. */
export class Connection {
  readonly #socket: FrameSocket;
  readonly #services: Services;
  readonly #agentId: string;
  readonly #caller: Caller;
  #dialect: Dialect = DIALECT_V2;
  #attachment: Attachment | undefined;
  /** The invocation that ended last on this connection: late control frames are about it. */
  #last: Invocation | undefined;
  /** A frame is being handled that needs something which answers later. */
  #busy = false;
  /** Frames that came meanwhile: at most what one read of the socket held, because then it is paused. */
  #waiting: Buffer[] = [];
  /** Decisions that have no answer yet. */
  #deciding = 0;
  #closed = false;
  /** The client closed with 1000: it does not come back. */
  #left = false;
  #shuttingDown = false;
  /** First-frame deadline, later the idle deadline. */
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: FrameSocket, origin: ConnectionOrigin, services: Services) {
    this.#socket = socket;
    this.#services = services;
    this.#agentId = origin.agentId;
    this.#caller = new Caller(services, origin.principal, (error) => this.#onExpired(error));
    const { firstFrameTimeoutMs } = services.limits;
    this.#setDeadline(firstFrameTimeoutMs, () => {
      this.#refuse(new RunAgentError("TIMEOUT", `No frame came within ${firstFrameTimeoutMs} ms (firstFrameTimeoutMs).`));
    });
  }

  /** Its client says what it has taken. */
  get acknowledges(): boolean {
    return this.#attachment?.acknowledges === true;
  }

  /** A message arrived. */
  receive(data: Buffer, isBinary: boolean): void {
    this.#socket.heard();
    if (this.#closed || (this.#attachment !== undefined && this.#dialect.protocol === 1)) return;
    if (isBinary) this.#refuse(new RunAgentError("VALIDATION_ERROR", "Frames are text messages, and this one is binary."));
    else if (this.#busy) {
      this.#waiting.push(data);
      this.#socket.pause();
    } else this.#handle(data);
  }

  /** The connection is gone; the code is the client's, or 1006 when it sent none. */
  lost(closeCode: number): void {
    this.#closed = true;
    this.#left = closeCode === 1000;
    this.#caller.leave();
    this.#detach();
  }

  /** The server stops: what runs was cancelled; the connection closes once its terminal record is out. */
  shutDown(): void {
    this.#shuttingDown = true;
    if (this.#attachment === undefined && !this.#busy) this.#close(1001, "The server is shutting down.");
  }

  #handle(data: Buffer): void {
    try {
      this.#checkSize(data.length);
      // Checked here and not by ws, which would close without a word. [json.text.2]
      if (!isUtf8(data)) throw new RunAgentError("VALIDATION_ERROR", "The frame is not UTF-8.");
      const value = parseJsonObject(data.toString(), "frame", "VALIDATION_ERROR");
      if (this.#attachment === undefined) this.#open(value);
      else this.#control(readClientFrame(value));
    } catch (error) {
      this.#refuse(error);
    }
  }

  #checkSize(bytes: number): void {
    const isFirst = this.#attachment === undefined && this.#last === undefined;
    const name = isFirst ? "maxFirstFrameBytes" : "maxClientFrameBytes";
    if (bytes <= this.#services.limits[name]) return;
    throw new RunAgentError("PAYLOAD_TOO_LARGE", `The frame is larger than ${this.#services.limits[name]} bytes (${name}).`);
  }

  /** Handles a frame on a connection that has no invocation. [negotiate.server.1] */
  #open(value: JsonObject): void {
    const { protocol, type } = value;
    // On a warm connection the version is known, and an unknown frame is ignored as in mid-stream. [frame.unknown.1]
    if (protocol === undefined && this.#last === undefined && !VERSION_2_TYPES.has(type)) {
      this.#openV1(value);
      return;
    }
    if (protocol !== undefined && protocol !== 2) {
      throw new RunAgentError("VALIDATION_ERROR", "This server speaks versions 1 and 2 of the protocol.", { field: "protocol" });
    }
    const frame = readClientFrame(value);
    const agentId = this.#agentId;
    if (frame.type === "start") this.#begin(frame.auth?.token, (principal) => openStart(frame, agentId, principal, this.#services));
    else if (frame.type === "resume") this.#begin(frame.auth?.token, (principal) => openResume(frame, agentId, principal, this.#services));
    else if (this.#last !== undefined || frame.type === "unknown") this.#control(frame);
    else throw new RunAgentError("VALIDATION_ERROR", `The first frame must be start or resume, not ${frame.type}.`, { field: "type" });
  }

  #openV1(value: JsonObject): void {
    this.#dialect = createDialectV1();
    check(validateRunRequestV1, value, "VALIDATION_ERROR", "request");
    const request = value as unknown as RunRequestV1;
    this.#begin(undefined, (principal) => openStartV1(request, this.#agentId, principal, this.#services));
  }

  #begin(token: string | undefined, open: (principal: Principal) => Promise<Opening>): void {
    const { handshakeTimeoutMs } = this.#services.limits;
    this.#setDeadline(handshakeTimeoutMs, () => {
      this.#refuse(new RunAgentError("TIMEOUT", `The start could not be checked within ${handshakeTimeoutMs} ms (handshakeTimeoutMs).`));
    });
    this.#later(async () => this.#attach(await open(await this.#caller.authenticate(token))));
  }

  #attach(opening: Opening): void {
    clearTimeout(this.#deadline);
    this.#socket.dialect = this.#dialect;
    const events = { ended: () => this.#ended(), failed: (error: RunAgentError) => this.#refuse(error) };
    this.#attachment = new Attachment(opening, this.#socket, events);
    if (this.#closed) this.#detach();
    else this.#attachment.start(this.#dialect, this.#services);
  }

  /** Handles a frame about the invocation of this connection. */
  #control(frame: ClientFrame | { readonly type: "unknown" }): void {
    switch (frame.type) {
      case "ack":
        this.#attachment?.ack(frame.seq);
        break;
      case "cancel":
        this.#cancel(frame);
        break;
      case "approval":
        // Beside the frames that follow: whoever is asked for leave may take its time, and a cancel must not wait for that.
        if (this.#deciding < MAX_DECIDING) void this.#decide(frame);
        else this.#later(() => this.#decide(frame));
        break;
      case "filter":
        this.#attachment?.setFilter(readFilter(frame.only));
        break;
      case "auth":
        this.#later(() => this.#refreshAuth(frame));
        break;
      case "unknown":
        break; // Of a later version: [frame.unknown.1].
      default:
        throw new RunAgentError("VALIDATION_ERROR", "An invocation is attached to this connection: use another for a second one.", {
          field: "type",
        });
    }
  }

  #cancel({ mode }: CancelFrame): void {
    const invocation = this.#attachment?.invocation ?? this.#last;
    if (invocation === undefined) return;
    const { cancelOutcome: outcome, request } = invocation;
    const { invocationId } = request;
    // First the answer: the terminal record goes out while cancel is called.
    this.#reply({ type: "status", status: "cancel_acknowledged", invocation_id: invocationId, mode, outcome });
    invocation.cancel(mode, "A client cancelled.");
  }

  /** A decision that is refused is answered, and the connection goes on. [approval.outcome.1] */
  async #decide(frame: ApprovalFrame): Promise<void> {
    const { approval_id } = frame;
    const invocation = this.#attachment?.invocation ?? this.#last;
    const { principal } = this.#caller;
    if (invocation === undefined || principal === undefined) return;
    const answer = { type: "status", status: "approval_acknowledged", approval_id };
    this.#deciding++;
    try {
      await decideApproval(invocation, frame, principal, this.#services);
      this.#reply({ ...answer, decision: frame.decision, outcome: "accepted" });
    } catch (cause) {
      const error = publicError(cause);
      if (error !== cause) this.#services.onError(cause, { where: "connection", agentId: this.#agentId });
      const decision = invocation.approvals.standing(approval_id);
      this.#reply({ ...answer, ...(decision !== undefined && { decision }), outcome: "refused", error: error.toWire() });
    } finally {
      this.#deciding--;
    }
  }

  async #refreshAuth(frame: AuthFrame): Promise<void> {
    const { handshakeTimeoutMs } = this.#services.limits;
    const late = setTimeout(() => {
      this.#refuse(
        new RunAgentError("TIMEOUT", `The credential could not be checked within ${handshakeTimeoutMs} ms (handshakeTimeoutMs).`),
      );
    }, handshakeTimeoutMs).unref();
    await this.#caller.renew(frame.token).finally(() => clearTimeout(late));
    this.#reply({ type: "status", status: "auth_acknowledged" });
  }

  /** [auth.expire.1] Version 1 has no way to renew or to resume: what it started with a valid credential goes on. */
  #onExpired(error: RunAgentError): void {
    // While a frame is handled that may bring a new one, the old one is enough.
    if (!this.#busy && this.#dialect.protocol === 2) this.#refuse(error);
  }

  /** Runs what answers later; frames that come meanwhile wait for it. */
  #later(work: () => Promise<void>): void {
    this.#busy = true;
    work()
      .catch((error: unknown) => this.#refuse(error))
      .finally(() => {
        this.#busy = false;
        this.#handleWaiting();
        this.#caller.checkExpiry();
        if (this.#shuttingDown) this.shutDown();
      });
  }

  #handleWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const data of waiting) this.receive(data, false);
    if (!this.#busy) this.#socket.resume();
  }

  /** The terminal record is out. */
  #ended(): void {
    this.#last = this.#attachment?.invocation;
    this.#detach();
    if (this.#dialect.protocol === 1) this.#close(1000, "");
    else if (this.#shuttingDown) this.#close(1001, "The server is shutting down.");
    else this.#setDeadline(this.#services.limits.idleTimeoutMs, () => this.#close(1000, "Idle (idleTimeoutMs)."));
  }

  /** Says why and closes; the invocation goes on or not as if the client had closed. [error.refuse.1] */
  #refuse(cause: unknown): void {
    if (this.#closed) return;
    const error = publicError(cause);
    if (error !== cause) this.#services.onError(cause, { where: "connection", agentId: this.#agentId });
    const { text, closeCode } = this.#dialect.refused(error);
    this.#socket.sendReply(text);
    this.#close(closeCode, error.code);
  }

  #close(code: number, reason: string): void {
    this.#closed = true;
    this.#detach();
    this.#socket.close(code, reason);
  }

  #detach(): void {
    clearTimeout(this.#deadline);
    const attachment = this.#attachment;
    this.#attachment = undefined;
    attachment?.close(this.#dialect.protocol === 2 && !this.#left);
  }

  #reply(frame: JsonObject): void {
    if (this.#closed) return;
    this.#socket.sendReply(JSON.stringify(frame));
  }

  #setDeadline(ms: number, passed: () => void): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(passed, ms);
    this.#deadline.unref();
  }
}
