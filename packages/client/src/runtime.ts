import type { RunAgentError } from "@runagent/core";
import type { Credentials } from "./credentials.ts";
import type { Transport } from "./transport.ts";
import type { SocketFactory } from "./transports/websocket.ts";

/** What a client needs of the JavaScript runtime it runs in. Each file in runtimes/ makes one. */
export interface Runtime {
  /**
   * A fetch with connections of its own.
   * @param connectTimeoutMs Milliseconds until a connection must be open; 0 or Infinity: the runtime's own deadline.
   */
  createHttp(connectTimeoutMs: number): HttpPool;
  readonly sockets: SocketFactory;
  /** Makes the transport over server-sent events, and with a WebSocket transport one that tries that first; undefined: an entry that leaves it out. */
  readonly createSse: ((http: HttpOptions, webSocket?: Transport) => Transport) | undefined;
  /**
   * The error for a request that failed on the way, as well as the runtime can tell.
   * @param address Where it went, without the key: for the message.
   * @param sent True when the request may have reached the server, so that repeating it may run the agent twice.
   */
  toError(cause: unknown, address: string, sent: boolean): RunAgentError;
  /**
   * Calls back when the machine woke up or its network changed, where the runtime tells. `moved`: the way to a server may be another
   * now. @returns What ends that.
   */
  onWake?(callback: (moved: boolean) => void): () => void;
}

/** Where requests go, and what they carry. */
export interface HttpOptions {
  readonly apiUrl: string;
  /** The path of the agent below it. */
  readonly agentPath: string;
  readonly credentials: Credentials;
  readonly maxBodyBytes: number;
  readonly pool: HttpPool;
  readonly toError: Runtime["toError"];
}

/** A fetch and the connections it keeps. */
export interface HttpPool {
  fetch(url: string, init: HttpInit): Promise<HttpResponse>;
  close(): Promise<void>;
}

/** The part of RequestInit that this client uses. */
export interface HttpInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Never followed: a redirect would carry the key to another origin. */
  readonly redirect: "manual";
}

/** The part of Response that this client uses: every fetch has types of its own, which fit this. */
export interface HttpResponse {
  readonly status: number;
  readonly type: string;
  readonly headers: { get(name: string): string | null };
  readonly body: HttpBody | null;
}

/** The part of a body that this client uses. */
export interface HttpBody {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(): Promise<void>;
  };
  cancel(): Promise<void>;
}
