/** Whatever an agent does: the AI SDK and AG-UI take it, no text is lost or doubled, and a replay makes the same. */
import { type AgentContext, defineAgent, events, type RunningServer, serve } from "@runagent/server";
import { readUIMessageStream, type UIMessage } from "ai";
import fc from "fast-check";
import { type Message, RunAgentClient } from "runagent";
import { toUIMessageStream } from "runagent/ai-sdk";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Assistant } from "./ui/assistant.ts";

const seed = Number(process.env.TEST_SEED ?? 20_266);
const RUNS = 150;

/** Something that an agent does; the texts are made so that none is part of another. */
const action = fc.oneof(
  fc.constantFrom("text", "text", "text", "turn", "agent", "handoff", "reason", "chunk", "odd", "repeat", "own").map((verb) => ({ verb })),
  fc.record({ verb: fc.constant("message"), pieces: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ verb: fc.constant("call"), ends: fc.constantFrom("well", "badly", "not") }),
  fc.record({ verb: fc.constant("ask"), announced: fc.boolean(), told: fc.boolean(), together: fc.boolean() }),
);
const actions = fc.array(action, { maxLength: 14 });
const decisions = fc.array(fc.boolean(), { minLength: 14, maxLength: 14 });

interface Action {
  readonly verb: string;
  readonly pieces?: number;
  readonly ends?: string;
  readonly announced?: boolean;
  readonly told?: boolean;
  readonly together?: boolean;
}

/** Plays the actions. */
class Player {
  readonly #ctx: AgentContext;
  #count = 0;
  /** What was said since the last turn. */
  #said = "";

  constructor(ctx: AgentContext) {
    this.#ctx = ctx;
  }

  async *play(list: readonly Action[]): AsyncGenerator<unknown> {
    for (const one of list) yield* this.#do(one);
  }

  async *#do({ verb, pieces = 1, ends, announced, told, together }: Action): AsyncGenerator<unknown> {
    const ctx = this.#ctx;
    const id = `<${++this.#count}>`;
    const message = (text: string): Message => ({ role: "assistant", parts: [{ type: "text", text }], status: "completed" });
    if (verb === "text") yield this.#say(`${id} `);
    if (verb === "turn") await ctx.turn();
    if (verb === "turn") this.#said = "";
    if (verb === "agent") await ctx.emit(events.agentUpdated({ name: id }));
    if (verb === "handoff") await ctx.emit(events.handoffRequested({ from: "a", to: id }));
    if (verb === "reason") await ctx.emit(events.reasoning({ text: id }));
    if (verb === "chunk") yield { id };
    if (verb === "odd") await ctx.emit({ type: "run_item_event", name: "tool_called", item: { id } });
    if (verb === "repeat") await ctx.emit(events.messageOutput(message(this.#said.trim())));
    if (verb === "own") await ctx.emit(events.messageOutput(message(this.#say(`${id}own `))));
    for (let piece = 1; verb === "message" && piece <= pieces; piece++) {
      yield { ...message(`${id}${".".repeat(piece)}`), status: piece < pieces ? "in_progress" : "completed" };
      if (piece === pieces) this.#say(`${id}${".".repeat(piece)}`);
    }
    if (verb === "call") await this.#call(id, ends);
    if (verb === "ask") await Promise.all((together ? ["a", "b"] : ["a"]).map((part) => this.#ask(`${id}${part}`, announced, told)));
  }

  #say(text: string): string {
    this.#said += text;
    return text;
  }

  async #call(call_id: string, ends: string | undefined): Promise<void> {
    await this.#ctx.emit(events.toolCalled({ call_id, tool_name: "tool", arguments: { call_id } }));
    if (ends === "not") return;
    await this.#ctx.emit(events.toolOutput({ call_id, output: call_id, ...(ends === "badly" && { is_error: true }) }));
  }

  async #ask(call_id: string, announced = false, told = false): Promise<void> {
    const request = { call_id, tool_name: "tool", arguments: { call_id } };
    if (announced) await this.#ctx.emit(events.toolCalled(request));
    const { decision } = await this.#ctx.requireApproval(request);
    if (told) await this.#ctx.emit(events.toolOutput({ call_id, output: decision, ...(decision === "reject" && { rejected: true }) }));
  }
}

/** The text that has to be shown. */
function expectedText(list: readonly Action[]): string {
  return list
    .map(({ verb, pieces = 1 }, index) => {
      const id = `<${index + 1}>`;
      if (verb === "text") return `${id} `;
      if (verb === "own") return `${id}own `;
      return verb === "message" ? `${id}${".".repeat(pieces)}` : "";
    })
    .join("");
}

let server: RunningServer;
let client: RunAgentClient<"chat_stream">;
const warn = vi.spyOn(console, "warn");

beforeAll(async () => {
  const chat_stream = (input: { actions?: Action[] }, ctx: AgentContext): AsyncGenerator<unknown> =>
    new Player(ctx).play(input.actions ?? []);
  server = await serve(defineAgent({ id: "player", entrypoints: { chat_stream } }), { port: 0 });
  client = new RunAgentClient({ agentId: "player", entrypointTag: "chat_stream", host: "127.0.0.1", port: server.port });
});
afterAll(async () => {
  await client.close();
  await server.close();
  vi.restoreAllMocks();
});

async function read(stream: Parameters<typeof toUIMessageStream>[0], message?: UIMessage): Promise<UIMessage> {
  const chunks = toUIMessageStream(stream, { message });
  let last = message;
  const given = message && { message: structuredClone(message) };
  for await (const next of readUIMessageStream({ stream: chunks, ...given, terminateOnError: true })) last = next;
  if (last === undefined) throw new Error("The stream made no message.");
  return structuredClone(last);
}

/** Answers what the message asks, as useChat does, and gives the decisions. */
function answer(message: UIMessage, said: boolean[]): { approvalId: string; decision: "approve" | "reject" }[] {
  return message.parts.flatMap((part, index) => {
    if (part.type !== "dynamic-tool" || part.state !== "approval-requested") return [];
    const { approval } = part;
    const approved = said.shift() ?? false;
    message.parts[index] = { ...part, state: "approval-responded", approval: { ...approval, approved } };
    return [{ approvalId: approval.id.slice(message.id.length + 1), decision: approved ? "approve" : "reject" }];
  });
}

/** The parts without what tells whether people were asked here or elsewhere. */
function partsOf({ parts }: UIMessage): object[] {
  return parts.map((part) => ("approval" in part ? { ...part, approval: undefined } : part));
}

describe(`what agents do (seed ${seed})`, () => {
  test("useChat shows it once, whether people are asked or it is read again", async () => {
    await fc.assert(
      fc.asyncProperty(actions, decisions, async (list, yes) => {
        const said = [...yes];
        let stream = client.runStream({ actions: list });
        const { position: start = "" } = await stream.started;
        let message = await read(stream);
        while (stream.summary?.status === "failed") {
          const approvals = answer(message, said);
          stream = client.resume(stream.position ?? "", { approvals });
          message = await read(stream, message);
        }
        const text = message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
        expect(text).toBe(expectedText(list));
        expect(partsOf(await read(client.resume(start)))).toEqual(partsOf(message));
      }),
      { seed, numRuns: RUNS },
    );
  }, 120_000);

  test("AG-UI verifies it, strips nothing of it, and shows it once", async () => {
    await fc.assert(
      fc.asyncProperty(actions, decisions, async (list, yes) => {
        const said = [...yes];
        const agent = new Assistant(client);
        agent.addMessage({ id: "user", role: "user", content: "Do it." });
        await agent.runAgent({ forwardedProps: { actions: list } });
        while (agent.pendingInterrupts.length > 0) {
          const resume = agent.pendingInterrupts.map(({ id }) => ({
            interruptId: id,
            status: "resolved" as const,
            payload: { approved: said.shift() },
          }));
          await agent.runAgent({ resume });
        }
        const text = agent.messages.map(({ role, content }) => (role === "assistant" ? (content ?? "") : "")).join("");
        expect(text).toBe(expectedText(list));
        expect(agent.events.at(-1)).toMatchObject({ type: "RUN_FINISHED", outcome: { type: "success" } });
        expect(warn.mock.calls).toEqual([]);
      }),
      { seed, numRuns: RUNS },
    );
  }, 120_000);
});
