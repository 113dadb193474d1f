import { createParser, type EventSourceMessage } from "eventsource-parser";

/** What a reader asks a relay for. */
export interface ReadOptions {
  readonly input?: Record<string, unknown>;
  /** The id of the last event that was read before. */
  readonly lastEventId?: string | undefined;
  readonly signal?: AbortSignal;
}

/** A stream that is being read, as a page in a browser would read it. */
export interface Reading {
  readonly invocationId: string | null;
  /** Leaving the loop over the events early drops the connection. */
  readonly events: AsyncGenerator<EventSourceMessage, void>;
}

/** Asks a relay for a story, or for the rest of one. */
export async function read(url: string, { input = {}, lastEventId, signal }: ReadOptions = {}): Promise<Reading> {
  const headers = { "content-type": "application/json", ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(input), ...(signal === undefined ? {} : { signal }) });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  if (!isStream || response.body === null) throw new Error(`The relay answered with ${response.status} and no events.`);
  return { invocationId: response.headers.get("x-invocation-id"), events: eventsOf(response.body) };
}

async function* eventsOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<EventSourceMessage, void> {
  const found: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => found.push(event) });
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    parser.feed(text);
    yield* found.splice(0);
  }
}
