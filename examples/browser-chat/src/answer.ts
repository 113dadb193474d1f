/** Gets one answer: from its beginning, or from where the page was when it was reloaded. */
import { type CallOptions, keepPosition, type RunAgentClient, RunAgentError, type RunAgentStream } from "runagent";
import type { Conversation, Turn } from "./conversation.ts";

/** What the page shows of it. */
export interface AnswerEvents {
  /** The server has accepted, or a word has come: the line is good. */
  connected(): void;
  /** The line is gone; the client makes another. */
  reconnecting(): void;
  /** The text of the turn has grown. */
  grown(): void;
}

/** An answer that is on its way. */
export interface RunningAnswer {
  /** Settles when it has ended, however it did; the turn says how. */
  readonly ended: Promise<void>;
  /** Stops the agent; the words that are on their way still come. */
  stop(): void;
}

/** Starts or continues the answer of a turn. */
export function getAnswer(
  turn: Turn,
  client: RunAgentClient<"chat_stream">,
  conversation: Conversation,
  events: AnswerEvents,
): RunningAnswer {
  const leaving = new AbortController();
  let stream: RunAgentStream<string> | undefined;

  const read = async (): Promise<Turn["state"]> => {
    if (!(await isOnline(leaving.signal))) return "stopped";
    stream = open(turn, client, { onReconnect: () => events.reconnecting(), onReconnected: () => events.connected() });
    stream.started.then(events.connected, () => {}); // The loop throws it, too.
    if (turn.stopping) void stream.cancel();
    for await (const word of keepPosition(stream, turn.id, conversation.positionOf(turn))) {
      turn.answer += word;
      events.connected();
      events.grown();
    }
    return stream.summary?.status === "cancelled" ? "stopped" : "done";
  };

  turn.state = "running";
  turn.problem = undefined;
  const ended = read()
    .catch((error: unknown): Turn["state"] => {
      // In another tab, which was duplicated from this one in mid-answer.
      if (RunAgentError.is(error) && error.code === "CANCELLED") return "stopped";
      // What is over cannot be had by asking for it again: the next try is an invocation of its own.
      if (turn.position === undefined && !(RunAgentError.is(error) && error.retryable)) turn.id = crypto.randomUUID();
      turn.problem = RunAgentError.is(error) ? `${error.message} ${error.suggestion}` : String(error);
      return "failed";
    })
    .then((state) => {
      turn.state = state;
      turn.stopping = undefined;
      conversation.save(turn);
    });

  const stop = (): void => {
    turn.stopping = true;
    conversation.save(turn);
    leaving.abort();
    void stream?.cancel();
  };
  return { ended, stop };
}

function open(
  turn: Turn,
  client: RunAgentClient<"chat_stream">,
  handlers: Pick<CallOptions, "onReconnect" | "onReconnected">,
): RunAgentStream<string> {
  if (turn.position !== undefined) return client.resume<string>(turn.position, handlers);
  // From the beginning: what was shown before a reload comes again.
  turn.answer = "";
  return client.runStream<string>({ message: turn.question }, { invocationId: turn.id, ...handlers });
}

/** Waits until the browser has a network; false when it is given up before. The client waits by itself once it has been connected. */
async function isOnline(signal: AbortSignal): Promise<boolean> {
  if (!navigator.onLine && !signal.aborted) {
    await new Promise<void>((resolve) => {
      addEventListener("online", () => resolve(), { once: true, signal });
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  return !signal.aborted;
}
