/**
 * What `runagent serve` says: on standard error while it runs, and in the agent's log and list of invocations on disk.
 */
import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import { type Invocation, RunAgentError } from "@runagent/core";
import type { Agent, ErrorContext } from "@runagent/server";
import type { AgentStore } from "../store/index.ts";
import { isColoured } from "../terminal/display.ts";
import { clip, escapeControls, escapeHidden, printedLine, toOneLine } from "../terminal/escape.ts";
import { CLI_VERSION } from "../version.ts";

const MAX_TOOLS_LENGTH = 200;

type Colour = "dim" | "red" | "green" | "yellow" | "bold";

/** Where everything that happens to a served agent is told. */
export class ServeLog {
  readonly #stream: WriteStream;
  readonly #coloured: boolean;
  readonly #store: AgentStore | undefined;
  readonly #running: Set<string> = new Set();
  /** By invocation: the approvals that were told. */
  readonly #asked: Map<string, Set<string>> = new Map();

  /** @param store undefined: nothing is known of the agent yet. */
  constructor(stream: WriteStream, store: AgentStore | undefined) {
    this.#stream = stream;
    this.#coloured = isColoured(stream);
    this.#store = store;
  }

  /** Invocations that have started and not ended. */
  get running(): number {
    return this.#running.size;
  }

  /** A sentence of the command itself. */
  say(text: string, colour?: Colour): void {
    this.#store?.log("serve", text);
    this.show(text, colour);
  }

  /** The same for the screen alone: what cannot be kept would not be kept either. */
  show(text: string, colour?: Colour): void {
    for (const line of text.split("\n")) this.#write(escapeControls(line), colour);
  }

  /** A line that the agent printed. */
  print(stream: "stdout" | "stderr", text: string): void {
    this.#store?.log(stream, `${text}\n`);
    this.#stream.write(`${this.#style("dim", "│")} ${printedLine(text, this.#coloured)}\n`);
  }

  /** The agent can be called. */
  started(agent: Agent, url: string, folder: string): void {
    this.say(`runagent ${CLI_VERSION} serves ${agent.name} (${agent.id}), version ${agent.version}, from ${folder}`, "bold");
    this.say(`Listening on ${url}`, "green");
    const [stream] = [...agent.entrypoints.values()].filter(({ streaming }) => streaming);
    const [first] = agent.entrypoints.values();
    const { tag = "", streaming = false } = stream ?? first ?? {};
    this.say(`Entrypoints: ${[...agent.entrypoints.keys()].join(", ")}`);
    this.say(
      `Try: runagent ${streaming ? "run-stream" : "run"} --id ${agent.id} --tag ${tag} --local [--name=value …]. Ctrl-C ends it.`,
      "dim",
    );
  }

  /** What is wrong with the agent's files, a line each. */
  problems(lines: readonly string[]): void {
    for (const line of lines) this.say(line, "red");
  }

  /** An invocation has started, asks for an approval or has one, or has ended. */
  invocation(invocation: Invocation): void {
    this.#store?.invocation(invocation);
    const { invocation_id: id, entrypoint_tag: tag, status, execution_time: seconds, total_chunks: chunks, error } = invocation;
    if (status === "running" || status === "waiting_approval") {
      this.#running.add(id);
      this.#tellWaiting(invocation);
      return;
    }
    this.#running.delete(id);
    this.#asked.delete(id);
    const why = error === null || error === undefined ? "" : `: ${error.code}: ${toOneLine(error.message)}`;
    const colour = status === "failed" ? "red" : status === "cancelled" ? "yellow" : undefined;
    const count = chunks === 1 ? "1 chunk" : `${chunks} chunks`;
    this.say(`${tag} ${status}${why} (${count}, ${(seconds ?? 0).toFixed(3)} s, invocation ${id})`, colour);
  }

  /** Whoever runs the server may decide, too. */
  #tellWaiting({ invocation_id: id, entrypoint_tag: tag, pending_approvals: pending = [] }: Invocation): void {
    const asked = this.#asked.get(id) ?? new Set();
    for (const { approval_id, requests } of pending) {
      if (asked.has(approval_id)) continue;
      asked.add(approval_id);
      const tools = clip(escapeHidden(toOneLine(requests.map(({ tool_name }) => tool_name).join(", "))), MAX_TOOLS_LENGTH);
      this.say(`${tag} asks for approval to call ${tools}: runagent decide ${id} ${approval_id} --approve, or --reject`, "yellow");
    }
    if (asked.size > 0) this.#asked.set(id, asked);
  }

  /** An error of the server itself; those of the agent are told by its invocations. */
  failure(error: unknown, { where }: ErrorContext): void {
    if (where !== "agent") this.say(`${where}: ${toOneLine(error instanceof Error ? error.message : String(error))}`, "red");
    else if (!RunAgentError.is(error)) this.print("stderr", error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  #write(line: string, colour: Colour | undefined): void {
    this.#stream.write(`${colour === undefined ? line : this.#style(colour, line)}\n`);
  }

  #style(colour: Colour, text: string): string {
    return this.#coloured ? styleText(colour, text, { stream: this.#stream }) : text;
  }
}
