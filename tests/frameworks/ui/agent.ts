/** The agent of these tests: it does what the last message of the user says, and waits where the test wants it to wait. */
import { createFaultProxy, type FaultProxy, type FaultRule } from "@runagent/conformance";
import { type AgentContext, defineAgent, events, type RunningServer, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { onTestFinished } from "vitest";

/** Lets the agent say as many words as the test wants. */
export class Gate {
  #allowed = 0;
  #waiting: (() => void)[] = [];

  /** Waits for its turn. @throws Error when the invocation ends first. */
  async pass(signal: AbortSignal): Promise<void> {
    while (this.#allowed === 0) {
      signal.throwIfAborted();
      const wake = new Promise<void>((resolve) => this.#waiting.push(resolve));
      const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
      await Promise.race([wake, aborted]);
    }
    this.#allowed--;
  }

  /** So many words more. */
  allow(words: number = Number.POSITIVE_INFINITY): void {
    this.#allowed += words;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** What the agent has done. */
export interface Book {
  /** The signals of its invocations, in the order in which they began. */
  readonly signals: AbortSignal[];
  readonly invocations: string[];
  /** The tools that ran. */
  readonly ran: string[];
  /** The input of each. */
  readonly inputs: Record<string, unknown>[];
}

/** The words that "story" tells. */
export const STORY: readonly string[] = Array.from({ length: 40 }, (_, index) => `word-${index} `);

type Script = (ctx: AgentContext, gate: Gate, book: Book) => AsyncGenerator<unknown>;

async function* story(ctx: AgentContext, gate: Gate): AsyncGenerator<unknown> {
  for (const word of STORY) {
    await gate.pass(ctx.signal);
    yield word;
  }
}

async function* weather(ctx: AgentContext): AsyncGenerator<unknown> {
  await ctx.emit(events.reasoning({ text: "A question about the weather." }));
  yield "Let me ";
  yield "look.";
  await ctx.emit(events.rawResponse("response.output_text.delta", { delta: "look." }));
  await ctx.emit(events.toolCalled({ call_id: "call-1", tool_name: "weather", arguments: { city: "Oslo" } }));
  await ctx.emit(events.toolOutput({ call_id: "call-1", tool_name: "weather", output: { degrees: 7 } }));
  await ctx.turn();
  await ctx.emit(events.agentUpdated({ name: "poet" }));
  await ctx.emit({ type: "progress", percent: 50 });
  yield "It is ";
  yield "7 °C.";
  const parts = [{ type: "text", text: "It is 7 °C." }];
  await ctx.emit(events.messageOutput({ role: "assistant", parts, status: "completed" }));
  yield { rows: [1, 2] };
  await ctx.turn();
}

async function* mail(ctx: AgentContext, gate: Gate, book: Book): AsyncGenerator<unknown> {
  yield "I will write. ";
  yield* sendMail(ctx, gate, book, "ada");
}

/** Asks for each of two letters, one after the other. */
async function* mails(ctx: AgentContext, gate: Gate, book: Book): AsyncGenerator<unknown> {
  for (const to of ["ada", "bob"]) yield* sendMail(ctx, gate, book, to);
}

async function* sendMail(ctx: AgentContext, gate: Gate, book: Book, to: string): AsyncGenerator<unknown> {
  const call = { call_id: `mail-${to}`, tool_name: "send_mail", arguments: { to } };
  await ctx.emit(events.toolCalled(call));
  const { decision, reason } = await ctx.requireApproval(call);
  await gate.pass(ctx.signal);
  if (decision === "reject") {
    const output = reason ?? "rejected";
    await ctx.emit(events.toolOutput({ call_id: call.call_id, tool_name: call.tool_name, output, rejected: true }));
    yield `Not sent to ${to}. `;
    return;
  }
  book.ran.push(`send_mail ${to}`);
  await ctx.emit(events.toolOutput({ call_id: call.call_id, tool_name: call.tool_name, output: "sent" }));
  yield `Sent to ${to}. `;
}

/** Two calls at once, of which one needs a yes; the other is done while people think. */
async function* parallel(ctx: AgentContext, gate: Gate, book: Book): AsyncGenerator<unknown> {
  const mailCall = { call_id: "p-mail", tool_name: "send_mail", arguments: { to: "ada" } };
  await ctx.emit(events.toolCalled(mailCall));
  await ctx.emit(events.toolCalled({ call_id: "p-search", tool_name: "search", arguments: { for: "ada" } }));
  const { decision } = await ctx.requireApproval(mailCall);
  await gate.pass(ctx.signal);
  await ctx.emit(events.toolOutput({ call_id: "p-search", output: ["found"] }));
  if (decision === "approve") book.ran.push("send_mail ada");
  await ctx.emit(
    events.toolOutput({ call_id: "p-mail", output: decision === "approve" ? "sent" : "rejected", rejected: decision !== "approve" }),
  );
  yield "Done.";
}

/** Asks about one call until somebody says yes. */
async function* insist(ctx: AgentContext, _gate: Gate, book: Book): AsyncGenerator<unknown> {
  const call = { call_id: "i-1", tool_name: "nap", arguments: {} };
  await ctx.emit(events.toolCalled(call));
  while ((await ctx.requireApproval(call)).decision === "reject") yield "Please. ";
  book.ran.push("nap");
  await ctx.emit(events.toolOutput({ call_id: "i-1", output: "zzz" }));
}

/** An agent that only asks: it tells of no call and of no output. */
async function* terse(ctx: AgentContext): AsyncGenerator<unknown> {
  const { decision } = await ctx.requireApproval({ tool_name: "delete_all", arguments: { what: "everything" } });
  yield decision === "approve" ? "Deleted." : "Kept.";
}

/** Does not wait for long. */
async function* hurry(ctx: AgentContext): AsyncGenerator<unknown> {
  const { decision } = await ctx.requireApproval({ tool_name: "buy", arguments: {}, expiresIn: 0.2 });
  yield decision === "approve" ? "Bought." : "Too late.";
}

/** Asks, and rests in the middle of what it says then. */
async function* letter(ctx: AgentContext, gate: Gate, book: Book): AsyncGenerator<unknown> {
  const { decision } = await ctx.requireApproval({ tool_name: "write", arguments: {} });
  if (decision === "approve") book.ran.push("letter");
  yield "Dear Ada, ";
  await gate.pass(ctx.signal);
  yield "how are you?";
}

// biome-ignore lint/correctness/useYield: it fails before.
async function* fail(): AsyncGenerator<unknown> {
  throw new Error("The model is not there.");
}

async function* failLater(): AsyncGenerator<unknown> {
  yield "Half of ";
  throw new Error("The model has gone.");
}

async function* messages(): AsyncGenerator<unknown> {
  const message = (text: string, status: string) => ({ role: "assistant", parts: [{ type: "text", text }], status });
  yield message("One ", "in_progress");
  yield message("One two ", "in_progress");
  yield message("One two three.", "completed");
  yield {
    role: "assistant",
    parts: [
      { type: "text", text: "Look: " },
      { type: "image", url: "data:," },
    ],
    status: "completed",
  };
}

async function* odd(ctx: AgentContext): AsyncGenerator<unknown> {
  await ctx.emit({ type: "run_item_event", name: "tool_called", item: { tool_name: 7 } });
  await ctx.emit({ type: "run_item_event", name: "tool_output", item: { call_id: "lone", output: "out of nowhere" } });
  await ctx.emit(events.toolCalled({ call_id: "bad", tool_name: "divide", arguments: { by: 0 } }));
  await ctx.emit(events.toolOutput({ call_id: "bad", tool_name: "divide", output: "Division by zero.", is_error: true }));
  await ctx.emit(events.handoffRequested({ from: "a", to: "b" }));
  await ctx.emit(events.handoffOccurred({ from: "a", to: "b" }));
  yield "";
  yield { role: "user", parts: [{ type: "text", text: "Not the answer." }], status: "completed" };
  yield null;
}

const SCRIPTS: Readonly<Record<string, Script>> = {
  story,
  weather,
  mail,
  mails,
  parallel,
  hurry,
  insist,
  terse,
  letter,
  fail,
  failLater,
  messages,
  odd,
};

/** The text of the last message of a conversation in the form of the AI SDK, or of AG-UI. */
function lastText(input: Record<string, unknown>): string {
  const list = Array.isArray(input.messages) ? input.messages : [];
  const last: unknown = list.findLast((message: { role?: unknown }) => message.role === "user");
  const { parts, content } = (last ?? {}) as { parts?: { text?: string }[]; content?: string };
  return content ?? parts?.map(({ text = "" }) => text).join("") ?? "";
}

/** What a test has. */
export interface World {
  readonly server: RunningServer;
  readonly gate: Gate;
  readonly book: Book;
  readonly proxy: FaultProxy;
  readonly client: RunAgentClient<"chat_stream">;
  /** For clients of your own. */
  readonly address: ConstructorParameters<typeof RunAgentClient<"chat_stream">>[0];
  /** The status of an invocation, as the server tells it. */
  statusOf(invocationId: string | undefined): Promise<unknown>;
}

/** Serves the agent behind a proxy until the test is over. */
export async function serveWorld(options: { allowedOrigins?: string[]; rules?: readonly FaultRule[] } = {}): Promise<World> {
  const gate = new Gate();
  const book: Book = { signals: [], invocations: [], ran: [], inputs: [] };
  const run: Script = async function* (ctx) {
    yield* [];
    const input = book.inputs.at(-1) ?? {};
    const script = SCRIPTS[lastText(input)];
    if (script === undefined) yield "What?";
    else yield* script(ctx, gate, book);
  };
  const agent = defineAgent({
    id: "assistant",
    entrypoints: {
      chat_stream: async function* (input: Record<string, unknown>, ctx) {
        book.signals.push(ctx.signal);
        book.invocations.push(ctx.invocationId);
        book.inputs.push(input);
        yield* run(ctx, gate, book);
      },
    },
  });
  const { allowedOrigins = [], rules = [] } = options;
  const server = await serve(agent, { port: 0, allowedOrigins });
  const proxy = await createFaultProxy({ target: { host: "127.0.0.1", port: server.port }, seed: 1, rules });
  const address = { agentId: "assistant", entrypointTag: "chat_stream", host: "127.0.0.1", port: proxy.port } as const;
  const client = new RunAgentClient(address);
  onTestFinished(async () => {
    await client.close();
    await proxy.close();
    await server.close({ timeoutMs: 100 });
  });
  const statusOf = async (invocationId = ""): Promise<unknown> => {
    const response = await fetch(`${server.url}/api/v1/invocations/${invocationId}`);
    const { data }: { data?: { status?: unknown } } = JSON.parse(await response.text());
    return data?.status;
  };
  return { server, gate, book, proxy, client, address, statusOf };
}
