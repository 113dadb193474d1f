import { type Agent, type AgentContext, defineAgent, events } from "@runagent/server";
import { AGENT_ID } from "../suite/case.ts";
import type { Book } from "./book.ts";

/** How long an endless stream waits between two chunks, in milliseconds. */
const TICK_MS = 5;

/** The agent of all servers: what its entrypoints do is written into the book. */
export function createAgent(book: Book): Agent {
  /** Notes what an entrypoint does. */
  async function* noted<T>(ctx: AgentContext, chunks: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
    book.started(ctx.invocationId);
    const leave = (): void => book.ended(ctx.invocationId, true);
    ctx.signal.addEventListener("abort", leave, { once: true });
    try {
      for await (const chunk of chunks) {
        book.yielded(ctx.invocationId);
        yield chunk;
      }
    } finally {
      ctx.signal.removeEventListener("abort", leave);
      book.ended(ctx.invocationId, ctx.signal.aborted);
    }
  }

  async function* gated(gate: string, count: number, signal: AbortSignal): AsyncGenerator<number> {
    for (let number = 1; number <= count && !signal.aborted; number++) {
      await book.pass(gate, number, signal);
      if (!signal.aborted) yield number;
    }
  }

  async function* turns(gate: string, ctx: AgentContext): AsyncGenerator<string> {
    yield "answer";
    await book.pass(gate, 1, ctx.signal);
    yield "tool result";
    await ctx.emit({ type: "turn_completed", turn: 1 });
    yield "next turn";
  }

  async function* told(ctx: AgentContext): AsyncGenerator<string> {
    yield "one";
    await ctx.emit({ type: "turn_completed", turn: 1 });
    await ctx.emit({ type: "mine", x: [1] });
    yield "two";
  }

  async function* tool(ctx: AgentContext): AsyncGenerator<string> {
    await ctx.emit(events.rawResponse("response.created", { id: 1 }));
    await ctx.emit(events.toolCalled({ call_id: "call-1", tool_name: "search", arguments: { q: "x" } }));
    await ctx.emit({ type: "mine", note: "not asked for" });
    await ctx.emit(events.rawResponse("response.completed", { id: 1 }));
    await ctx.emit(events.toolOutput({ call_id: "call-1", output: ["found"] }));
    yield "done";
  }

  async function* ask(to: unknown, ctx: AgentContext): AsyncGenerator<string> {
    yield "asking";
    const { decision, reason = "" } = await ctx.requireApproval({ tool_name: "send_mail", arguments: { to } });
    yield `${decision} ${reason}`;
  }

  return defineAgent({
    id: AGENT_ID,
    entrypoints: {
      chat: (input, ctx) => {
        book.started(ctx.invocationId);
        return { input, args: ctx.args };
      },
      echo: ({ value }) => value,
      fail: () => {
        throw new Error("The tool broke.");
      },
      silent: async (_, ctx) => {
        book.started(ctx.invocationId);
        await aborted(ctx.signal);
        book.ended(ctx.invocationId, true);
      },
      count_stream: ({ count }, ctx) => noted(ctx, numbers(count)),
      words_stream: ({ words }, ctx) => noted(ctx, words as string[]),
      sized_stream: ({ count, bytes, numbered }, ctx) => noted(ctx, texts(count, bytes, numbered === true)),
      events_stream: (_, ctx) => noted(ctx, told(ctx)),
      tool_stream: (_, ctx) => noted(ctx, tool(ctx)),
      ask_stream: ({ to }, ctx) => noted(ctx, ask(to, ctx)),
      gated_stream: ({ gate, count }, ctx) => noted(ctx, gated(gate, count, ctx.signal)),
      turn_stream: ({ gate }, ctx) => noted(ctx, turns(gate, ctx)),
      endless_stream: (_, ctx) => noted(ctx, endless(ctx.signal)),
      silent_stream: (_, ctx) => noted(ctx, silence(ctx.signal)),
      fail_stream: (_, ctx) => noted(ctx, failing()),
    },
  });
}

function* numbers(count: number): Generator<number> {
  for (let number = 1; number <= count; number++) yield number;
}

/** Texts of so many bytes; numbered ones begin with their number. */
function* texts(count: number, bytes: number, numbered: boolean): Generator<string> {
  for (let number = 1; number <= count; number++) yield (numbered ? `${number} ` : "").padEnd(bytes, "x");
}

async function* endless(signal: AbortSignal): AsyncGenerator<number> {
  for (let number = 1; !signal.aborted; number++) {
    yield number;
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

/** Says nothing, for as long as it is let. */
async function* silence(signal: AbortSignal): AsyncGenerator<never> {
  await aborted(signal);
  yield* [];
}

async function* failing(): AsyncGenerator<string> {
  yield "first";
  throw new Error("The tool broke.");
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
