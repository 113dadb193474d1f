/**
 * The stream over SSE, from an HTTP request to the end of its body: refused with a status and the envelope while nothing
 * was sent, afterwards with an `error` event. The end of the request is a detach. [sse.accept.1] [sse.end.1]
 */
import { type Cursor, decodeCursor, type JsonObject, RunAgentError, readClientFrame, type StartFrame } from "@runagent/core";
import { Attachment } from "./attachment.ts";
import { Caller } from "./caller.ts";
import { DIALECT_V2 } from "./dialects.ts";
import type { Opening } from "./opening.ts";
import { type Principal, toTimerMs } from "./options.ts";
import type { Services } from "./services.ts";
import { type NodeResponse, SseResponse } from "./sse-response.ts";

/** SSE has no pings: a peer whose socket took nothing while so many heartbeats fell due is dead, or may resume when it is not. */
const BEATS_UNTIL_DEAD = 20;

const ACCEPTED: ReadonlySet<string> = new Set(["text/event-stream", "text/*", "*/*"]);

/** A request for a stream. */
export interface SseRequest {
  readonly response: NodeResponse;
  /** CORS headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Reads what is asked for, and by whom. @throws RunAgentError that refuses the request. */
  read(): Promise<{ readonly principal: Principal; readonly open: () => Promise<Opening> }>;
}

/**
 * Answers with a stream; returns once it runs.
 * @throws RunAgentError when it is refused; nothing was sent then.
 */
export async function streamOverSse({ response, headers, read }: SseRequest, services: Services): Promise<void> {
  // It waits behind another answer of its connection, and would not hear when that is gone.
  if (response.socket === null) throw new RunAgentError("VALIDATION_ERROR", "A stream cannot be pipelined: use a connection of its own.");
  let attachment: Attachment | undefined;
  const release = services.connections.take();
  let breakOff = (_error: RunAgentError): void => {};
  const caller = new Caller(services, undefined, (error) => breakOff(error));
  response.on("close", () => {
    release();
    caller.leave();
    attachment?.close(true);
  });
  const { principal, open } = await read();
  if (response.destroyed) return;
  caller.accept(principal);
  response.setTimeout(toTimerMs(services.limits.heartbeatSeconds * BEATS_UNTIL_DEAD), () => response.destroy());
  // The window of a frame that is sent over SSE means nothing: there are no acks. [sse.verbs.1]
  const opening = { ...(await open()), windowBytes: undefined };
  const body = new SseResponse(response, headers, opening.invocation.request.invocationId, opening.head.epoch);
  const ended = (): void => {
    breakOff = () => {};
    attached.close(true);
    body.end();
  };
  const failed = (error: RunAgentError): void => {
    body.sendReply(DIALECT_V2.refused(error).text);
    ended();
  };
  const attached = new Attachment(opening, body, { ended, failed });
  attachment = attached;
  breakOff = failed;
  // The client may have gone meanwhile: what it started learns that nobody is attached.
  if (response.destroyed) attached.close(true);
  else {
    attached.start(DIALECT_V2, services);
    // It may have expired while the invocation was looked up.
    caller.checkExpiry();
  }
}

/**
 * The start frame that is the body of a POST.
 * @throws RunAgentError VALIDATION_ERROR, also for version 1, which has no SSE.
 */
export function readStartBody(body: JsonObject): StartFrame {
  if (body.protocol !== 2) {
    throw new RunAgentError("VALIDATION_ERROR", "A stream over SSE needs version 2 of the protocol.", { field: "protocol" });
  }
  const frame = readClientFrame(body);
  if (frame.type === "start") return frame;
  throw new RunAgentError("VALIDATION_ERROR", "The body must be a start frame.", { field: "type" });
}

/**
 * Refuses a POST that would not understand the answer.
 * @throws RunAgentError VALIDATION_ERROR.
 */
export function checkAccept(accept: string | undefined): void {
  const ranges = (accept ?? "*/*").toLowerCase().split(",");
  const allows = ranges.some((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    return ACCEPTED.has(type) && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
  if (allows) return;
  throw new RunAgentError("VALIDATION_ERROR", "This route answers with text/event-stream, which the Accept header does not allow.", {
    field: "Accept",
    suggestion: "Send Accept: text/event-stream, or connect over WebSocket.",
  });
}

/**
 * The cursor of a GET, from Last-Event-ID or else from ?after=; undefined: from the first record. [sse.attach.1]
 * @throws RunAgentError VALIDATION_ERROR that names the one that is no cursor of this invocation.
 */
export function readCursor(invocationId: string, lastEventId: string | undefined, after: string | undefined): Cursor | undefined {
  const field = lastEventId === undefined ? "after" : "Last-Event-ID";
  const position = lastEventId ?? after;
  if (position === undefined) return undefined;
  const cursor = tryDecode(position);
  if (cursor?.invocationId === invocationId) return cursor;
  const what = cursor === undefined ? "is not a cursor that a stream gave out" : "is the cursor of another invocation";
  throw new RunAgentError("VALIDATION_ERROR", `${field} ${what}.`, { field });
}

function tryDecode(position: string): Cursor | undefined {
  try {
    return decodeCursor(position);
  } catch {
    return undefined; // The caller says what it is, and where it came from.
  }
}
