/** A stream in the words of AG-UI, for its clients and for CopilotKit. */
import { isJsonObject } from "@runagent/core";
import type { AGUIEvent, ApprovalDecision, RunAnswer, RunInput } from "./agui-event.ts";
import { AGUIWriter } from "./agui-writer.ts";
import { checkSource, type EventStream, invalid, sentenceOf, type TranslationOptions } from "./source.ts";
import { Translation } from "./translation.ts";

export type { AGUIEvent, ApprovalDecision, RunAnswer, RunInput, RunInterrupt, RunMessage, RunOutcome } from "./agui-event.ts";
export type { EventStream, OnClose, StreamedRecord } from "./source.ts";
/** How a stream becomes a run of AG-UI. */
export type AGUIOptions = TranslationOptions;

/**
 * A stream as the events of one AG-UI run: for `run()` of an agent of `@ag-ui/client`, or for an answer over HTTP. It is read as fast as the
 * result is, and never fails: an error is the event RUN_ERROR. People who are asked are an interrupt, which ends the run; the run that
 * answers it goes on with `client.resume(position, { approvals: toApprovals(input.resume) })`.
 * @param input What the run was asked for: a RunAgentInput of AG-UI.
 * @typeParam Event Say BaseEvent of `@ag-ui/client`, whose types are an enum that can only be named by who depends on it.
 * @throws RunAgentError VALIDATION_ERROR for a wrong option; STREAM_CONSUMED when the stream is read by another.
 * @example
 * import { RunAgentClient } from "runagent";
 * import { toAGUI } from "runagent/ag-ui";
 * const client = new RunAgentClient({ agentId: "storyteller", entrypointTag: "story_stream", port: 8450 });
 * const input = { threadId: "thread-1", runId: "run-1" };
 * for await (const event of toAGUI(client.runStream({ topic: "robots" }), input)) console.log(event.type);
 */
export function toAGUI<Event extends { type: string } = AGUIEvent>(
  stream: EventStream,
  input: RunInput,
  options: AGUIOptions = {},
): AsyncIterableIterator<Event> {
  checkSource(stream, options);
  if (!isJsonObject(input) || typeof input.threadId !== "string" || typeof input.runId !== "string") {
    throw invalid("input", "must be a RunAgentInput of AG-UI, with threadId and runId");
  }
  const writer = new AGUIWriter({
    invocationId: () => stream.invocationId,
    input,
    sentenceOf: (error) => sentenceOf(error, options.onError),
  });
  const translation = new Translation(stream, options, writer);
  return {
    async next() {
      const event = await translation.next();
      // The caller names the type of the same events.
      return event === undefined ? DONE : { done: false, value: event as { type: string } as Event };
    },
    async return() {
      await translation.leave(options.onClose ?? "cancel");
      return DONE;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * The answers of a run's `resume` as decisions. An answer that is resolved with `{ approved: true }` approves; whatever else it is, a human's
 * yes it is not: it rejects, with its `reason` where it has one.
 */
export function toApprovals(resume: readonly RunAnswer[] = []): ApprovalDecision[] {
  return resume.map(({ interruptId: approvalId, status, payload }) => {
    const { approved, reason } = isJsonObject(payload) ? payload : {};
    const decision = status === "resolved" && approved === true ? "approve" : "reject";
    return { approvalId, decision, ...(typeof reason === "string" && { reason }) };
  });
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
