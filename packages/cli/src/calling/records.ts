import { RunAgentError } from "@runagent/core";
import type { StreamRecord } from "runagent";
import type { UsageError } from "../exit-codes.ts";
import { inCommandWords } from "../terminal/command-words.ts";
import type { Display } from "../terminal/display.ts";
import { describeEvent } from "./describe-event.ts";
import type { StreamOptions } from "./options.ts";

/** Writes the records of a stream. */
export interface RecordWriter {
  /** @returns What to wait for before the next. */
  write(record: StreamRecord): Promise<void> | undefined;
  /** The stream has failed, after what it gave, or before it could begin. */
  fail(error: RunAgentError | UsageError): void;
}

/** Chunks as text, or every record as a line of JSON. */
export function createRecordWriter(display: Display, { output, events = false }: Pick<StreamOptions, "output" | "events">): RecordWriter {
  return output === "json" ? createJsonWriter(display) : createTextWriter(display, events);
}

function createJsonWriter(display: Display): RecordWriter {
  return {
    write: (record) => display.write(`${JSON.stringify(record)}\n`),
    fail: (error) => void display.write(`${JSON.stringify({ type: "error", error: describeError(error) })}\n`),
  };
}

function createTextWriter(display: Display, showEvents: boolean): RecordWriter {
  let chunks = 0;
  let atLineStart = true;
  const toText = (content: unknown): string => {
    if (typeof content === "string") return content;
    // A value has its line for itself, whatever was written before.
    return `${atLineStart ? "" : "\n"}${JSON.stringify(content)}\n`;
  };
  return {
    write(record) {
      if (record.type === "event" && showEvents) display.note(describeEvent(record.event), "event");
      if (record.type !== "data") return undefined;
      display.progress(++chunks);
      const text = toText(record.content);
      if (text !== "") atLineStart = text.endsWith("\n");
      return display.write(text);
    },
    fail() {},
  };
}

/** An error in the spelling of the records that it stands among. */
function describeError(error: RunAgentError | UsageError): Record<string, unknown> {
  if (!RunAgentError.is(error)) return { code: "VALIDATION_ERROR", message: error.message, suggestion: error.hint, retryable: false };
  const { retryable, requestId: request_id, invocationId: invocation_id, cursor } = error;
  return { ...error.toWire(), ...inCommandWords(error), retryable, request_id, invocation_id, cursor };
}
