import { type ClientFrame, RunAgentError } from "@runagent/core";
import { encodeJson } from "../encode-json.ts";
import type { CloseInfo, Connection, Transport, TransportEvents } from "../transport.ts";

/** A WebSocket as a runtime gives it: opened at once, callbacks in the order of SocketEvents. */
export interface Socket {
  /** Bytes that have come, as finely as the runtime can tell. */
  readonly bytesRead: number;
  send(text: string): void;
  /** Absent: it goes on telling what comes. */
  pause?(): void;
  resume?(): void;
  /** Starts the closing handshake and lets go of the socket when the peer does not answer it. */
  close(code: number): void;
  /** Lets go of the socket at once. */
  drop(): void;
  /** Whether it waits for its next use; one that does must not keep the process alive. Absent: it cannot be kept. */
  setIdle?(idle: boolean): void;
}

/** What a runtime's WebSocket tells. */
export interface SocketEvents {
  open(): void;
  message(text: string): void;
  close(info: CloseInfo): void;
}

/** What a WebSocket is opened with. */
export interface SocketRequest {
  readonly url: string;
  /** The credential, for the Authorization header of a runtime that sends one. */
  readonly token: string | undefined;
  readonly maxFrameBytes: number;
  readonly maxFragments: number;
}

/** How a runtime opens a WebSocket. */
export interface SocketFactory {
  /** False: the key travels in the first frame. */
  readonly sendsHeaders: boolean;
  open(request: SocketRequest, events: SocketEvents): Socket;
}

/** Nothing is wrong. */
export const NORMAL_CLOSURE = 1000;
/** Milliseconds that a connection waits for its next use. A server closes idle ones after a minute or so, and a way there may be gone before. */
export const MAX_IDLE_MS = 30_000;

/** Programs that make a client for each call would leave a connection behind with each: this many wait in a process, whoever's they are. */
const MAX_IDLE_IN_PROCESS = 64;
/** Those that wait, oldest first. */
const waiting: Set<Line> = new Set();

/** Options of the WebSocket transport. */
export interface WebSocketOptions extends Omit<SocketRequest, "token"> {
  /** Connections that may wait for their next use. */
  readonly maxIdle: number;
}

/** Carries frames over WebSockets: one invocation at a time on each, and a few that wait for the next. [conn.one.1] [conn.warm.1] */
export function createWebSocketTransport(options: WebSocketOptions, factory: SocketFactory): Transport {
  const idle: Set<Line> = new Set();
  let closed = false;
  const forget = (line: Line): void => {
    waiting.delete(line);
    idle.delete(line);
  };
  const keep = (line: Line): boolean => {
    if (closed || idle.size >= options.maxIdle) return false;
    line.idleSinceMs = Date.now();
    idle.add(line);
    waiting.add(line);
    const [oldest] = waiting;
    if (waiting.size > MAX_IDLE_IN_PROCESS) oldest?.discard();
    return true;
  };
  const forgetAll = (): void => {
    for (const line of idle) line.discard();
  };
  const takeWarm = (): Line | undefined => {
    for (const line of [...idle].reverse()) {
      forget(line);
      // By the clock on the wall: a machine that slept has lost its connections.
      if (Math.abs(Date.now() - line.idleSinceMs) < MAX_IDLE_MS) return line;
      line.close();
    }
    return undefined;
  };
  return {
    connect(first, events) {
      const { auth, ...frame } = first;
      const token = auth?.token;
      const line = takeWarm() ?? new Line({ ...options, token }, factory, { keep, forget, forgetAll });
      // What the upgrade has said already is not said again: a version 1 server takes it for data. [sec.key.1]
      return line.use(encodeJson(line.token === token ? frame : first), events);
    },
    close() {
      closed = true;
      forgetAll();
    },
  };
}

/** What a line tells the transport. */
interface LineOwner {
  /** It is free. False: it is not wanted. */
  keep(line: Line): boolean;
  forget(line: Line): void;
  /** What waits is no longer to be trusted. */
  forgetAll(): void;
}

/** One WebSocket, used by one invocation after the other. */
class Line {
  readonly #socket: Socket;
  readonly #owner: LineOwner;
  /** The credential that the upgrade carried. */
  readonly token: string | undefined;
  #open = false;
  #text = "";
  /** Since when it waits, in epoch milliseconds. */
  idleSinceMs = 0;
  #user: TransportEvents | undefined;
  /** It was taken from those that wait, and nothing has come since. */
  #unproved = false;

  constructor(request: SocketRequest, factory: SocketFactory, owner: LineOwner) {
    this.#owner = owner;
    this.token = factory.sendsHeaders ? request.token : undefined;
    this.#socket = factory.open(request, {
      open: () => {
        this.#open = true;
        this.#begin();
      },
      message: (text) => this.#onMessage(text),
      close: (info) => {
        this.#open = false;
        this.#owner.forget(this);
        this.#distrust();
        const user = this.#user;
        this.#user = undefined;
        user?.closed(info);
      },
    });
  }

  /** Carries an invocation, which begins with the frame `text`. */
  use(text: string, events: TransportEvents): Connection {
    this.#text = text;
    this.#user = events;
    if (this.#open) {
      this.#unproved = true;
      this.#socket.setIdle?.(false);
      // Later, as with a new socket.
      queueMicrotask(() => {
        if (this.#user === events && this.#open) this.#begin();
      });
    }
    return this.#connection(events);
  }

  /** It is not waited for any more. */
  discard(): void {
    this.#owner.forget(this);
    this.close();
  }

  /** Nobody uses it any more. */
  close(): void {
    this.#socket.close(NORMAL_CLOSURE);
  }

  #begin(): void {
    this.#socket.send(this.#text);
    this.#text = "";
    this.#user?.opened();
  }

  #onMessage(text: string): void {
    this.#unproved = false;
    if (this.#user !== undefined) this.#user.text(text);
    else if (this.#open) {
      // A server that speaks without being asked is not one to go on with.
      this.discard();
    }
  }

  #connection(events: TransportEvents): Connection {
    const socket = this.#socket;
    const isMine = (): boolean => this.#user === events;
    const line = this;
    const end = (action: () => void): void => {
      if (!isMine()) return;
      this.#distrust();
      action();
      this.#user = undefined;
    };
    return {
      version2: false,
      warm: this.#unproved,
      credit: true,
      pausable: socket.pause !== undefined,
      get sent() {
        return line.#open && line.#text === "";
      },
      get bytesRead() {
        return socket.bytesRead;
      },
      send(frame: ClientFrame) {
        if (isMine() && line.#open) socket.send(JSON.stringify(frame));
      },
      pause: () => {
        if (isMine()) socket.pause?.();
      },
      resume: () => {
        if (isMine()) socket.resume?.();
      },
      close: (code) => end(() => socket.close(code ?? NORMAL_CLOSURE)),
      release: () => {
        if (!isMine()) return;
        this.#user = undefined;
        if (this.#open && socket.setIdle !== undefined && this.#owner.keep(this)) {
          socket.resume?.();
          socket.setIdle(true);
        } else this.close();
      },
      drop: () => end(() => socket.drop()),
    };
  }

  /** One that waited and turned out to be dead says that the others may be, too. */
  #distrust(): void {
    if (this.#user !== undefined && this.#unproved) this.#owner.forgetAll();
  }
}

/** Every frame is JSON text. [json.text.2] */
export function binaryFrame(): RunAgentError {
  return new RunAgentError("PROTOCOL_ERROR", "The server sent a binary frame; every frame is JSON text.");
}

/** [limit.named.1] */
export function frameTooLarge(maxFrameBytes: number): RunAgentError {
  return new RunAgentError("PAYLOAD_TOO_LARGE", `A frame of the server is larger than ${maxFrameBytes} bytes (maxServerFrameBytes).`);
}
