import type { ServerResponse } from "node:http";
import { decodeCursor } from "@runagent/core";
import { inTurn, type Play, serveScript } from "./harness.ts";
import { acceptOf, Player, type Script, type ScriptedServer, type SeenRequest } from "./scripted-server.ts";

/** The server's end of one stream over SSE. */
export class SsePeer extends Player {
  readonly request: SeenRequest;
  readonly response: ServerResponse;
  /** The start, or the resume that the request stands for. */
  readonly first: Record<string, unknown>;

  constructor(request: SeenRequest, response: ServerResponse) {
    super();
    this.request = request;
    this.response = response;
    this.first = request.method === "POST" ? JSON.parse(request.body) : resumeOf(request);
  }

  async accept(extra: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    this.open();
    this.send({ ...acceptOf(this.first), ...extra });
    return this.first;
  }

  /** Sends the headers of a stream. */
  open(headers: Record<string, string> = {}): void {
    this.response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store, no-transform", ...headers });
    this.response.flushHeaders();
  }

  /** An object travels as an event, a text as it is; the body ends behind the terminal record. */
  send(frame: unknown): void {
    if (typeof frame === "string") this.raw(frame);
    else this.raw(eventOf(frame));
    if (isTerminal(frame)) this.response.end();
  }

  raw(bytes: string | Uint8Array): void {
    this.response.write(bytes);
  }

  reset(): void {
    this.response.destroy();
  }

  /** Refuses with a status and the envelope. */
  refuse(status: number, code: string, headers: Record<string, string> = {}): void {
    const body = { success: false, data: null, error: { code, message: "No.", suggestion: "Do not." }, request_id: "r1" };
    this.response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  }
}

/** A frame as one event. */
export function eventOf(frame: unknown): string {
  return `data: ${JSON.stringify(frame)}\n\n`;
}

function isTerminal(frame: unknown): boolean {
  const { type, status, seq } = Object(frame);
  return status === "stream_completed" || status === "stream_cancelled" || (type === "error" && seq !== undefined);
}

function resumeOf({ headers }: SeenRequest): Record<string, unknown> {
  const { invocationId, epoch, seq } = decodeCursor(String(headers["last-event-id"]));
  return { type: "resume", invocation_id: invocationId, epoch, after_seq: seq };
}

/** A server that plays its streams over SSE in turn; `other` answers every other request. */
export function serveSse(plays: Play<SsePeer>[], other?: Script["http"]): Promise<ScriptedServer> {
  const play = inTurn(...plays);
  return serveScript({
    http(request, response) {
      if (/\/(run-)?stream(\?|$)/.test(request.url)) return play(new SsePeer(request, response));
      if (other) return other(request, response);
      response.writeHead(404).end();
    },
  });
}
