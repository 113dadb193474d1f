import { RunAgentError } from "@runagent/core";
import {
  ApprovalRequiredError,
  type NamedDecision,
  type ResumeOptions,
  type RunAgentClient,
  type RunAgentStream,
  type StreamRecord,
} from "runagent";
import { EXIT, UsageError } from "../exit-codes.ts";
import { inCommandWords } from "../terminal/command-words.ts";
import { createDisplay, type Display } from "../terminal/display.ts";
import { report, reportUnwritable } from "../terminal/report.ts";
import type { AgentWord } from "./agent-words.ts";
import { findAgentId } from "./agents.ts";
import { Approver, checkOnApproval, readDecisions } from "./approver.ts";
import { createClient, explainAddress } from "./client.ts";
import { readCallInput } from "./input.ts";
import { Interrupts } from "./interrupts.ts";
import type { OnApproval } from "./on-approval.ts";
import {
  checkAddress,
  checkOneAddress,
  checkTag,
  hasHost,
  hasPlace,
  type ResumeStreamOptions,
  type RunStreamOptions,
  type StreamOptions,
} from "./options.ts";
import { invocationOf, keepPlace, recallPlace } from "./positions.ts";
import { createRecordWriter, type RecordWriter } from "./records.ts";
import { startTimeLimit, type TimeLeft } from "./time-limit.ts";
import { tellWaiting } from "./waiting.ts";

/** What is streamed, and how. */
interface StreamCall {
  readonly options: StreamOptions;
  /** Of a stream that goes on it may not be known. */
  readonly tag: string | undefined;
  readonly onApproval: OnApproval;
  open(client: RunAgentClient, options: ResumeOptions): RunAgentStream;
}

/** `runagent run-stream`. */
export async function runStream(options: RunStreamOptions, words: readonly AgentWord[]): Promise<void> {
  const tag = checkTag(options.tag, true);
  checkAddress(options);
  const onApproval = checkOnApproval(options.onApproval, options.input === "-");
  const { input, args } = await readCallInput(options.input, words);
  await play({ options, tag, onApproval, open: (client, callOptions) => client.runStream(input, { ...callOptions, args }) });
}

/** `runagent resume`. */
export async function resume(position: string, options: ResumeStreamOptions): Promise<void> {
  checkOneAddress(options);
  const onApproval = checkOnApproval(options.onApproval, false);
  const approvals = checkDecisions(options);
  const invocationId = invocationOf(position);
  if (invocationId === undefined) {
    throw new UsageError(`${JSON.stringify(position)} is no position.`, "Pass it as --detach or an error has printed it, unchanged.");
  }
  const kept = await recallPlace(invocationId);
  // What is said now goes before what was kept; the agent stays the same in any case.
  const place = hasPlace(options) ? { id: kept?.id, ...options } : { ...kept, ...options };
  if (place.id === undefined && !hasHost(place)) {
    throw new UsageError(
      `It is not known here where invocation ${invocationId} runs.`,
      "Pass --host HOST --port PORT, or --id ID with --local or --base-url URL.",
    );
  }
  const open: StreamCall["open"] = (client, callOptions) => client.resume(position, { ...callOptions, approvals });
  await play({ options: place, tag: kept?.tag, onApproval, open });
}

function checkDecisions(options: ResumeStreamOptions): NamedDecision[] {
  const decisions = readDecisions(options);
  if (decisions.length === 0 || options.detach !== true) return decisions;
  throw new UsageError(
    "--detach leaves before it is known what came of a decision.",
    "Decide with runagent decide, which waits for nothing else.",
  );
}

async function play(call: StreamCall): Promise<void> {
  const { options } = call;
  // First of all: a display hides the cursor, and a process that is killed leaves it so.
  const interrupts = new Interrupts();
  let broken: Error | undefined;
  let tellBroken = (): void => {};
  const live = options.output === "text" && options.detach !== true ? "stream" : "nothing";
  const display = await createDisplay({
    waitingFor: call.tag ?? "the stream",
    live,
    onBroken(error) {
      broken = error;
      tellBroken();
    },
  });
  interrupts.showOn(display);
  const player = new Player(display, interrupts, call);
  tellBroken = () => player.leave();
  await player.play();
  // What was written last may fail only now.
  tellBroken = () => {
    if (broken !== undefined) reportUnwritable(broken);
  };
  tellBroken();
}

/** One stream, from its start to what is said of its end. */
class Player {
  readonly #display: Display;
  readonly #interrupts: Interrupts;
  readonly #call: StreamCall;
  readonly #writer: RecordWriter;
  readonly #timeLeft: TimeLeft;
  readonly #approver: Approver;
  #left = false;
  /** The server has accepted the stream. */
  #accepted = false;
  #client: RunAgentClient | undefined;
  #kept: Promise<boolean> | undefined;
  #stream: RunAgentStream | undefined;
  #stopReading = (): void => {};

  constructor(display: Display, interrupts: Interrupts, call: StreamCall) {
    this.#display = display;
    this.#interrupts = interrupts;
    this.#call = call;
    this.#writer = createRecordWriter(display, call.options);
    this.#timeLeft = startTimeLimit(call.options.timeout);
    this.#approver = new Approver(call.onApproval, display, interrupts, (id) => this.#keepPlace(id));
  }

  /** Cancels the invocation, and reads no more. */
  leave(): void {
    this.#left = true;
    this.#stopReading();
  }

  async play(): Promise<void> {
    const { options, tag } = this.#call;
    try {
      const agentId = await findAgentId(options, tag, this.#interrupts.signal, this.#timeLeft);
      const client = createClient(options, agentId, tag);
      this.#client = client;
      const stream = this.#call.open(client, this.#callOptions());
      this.#stream = stream;
      const accept = (): void => {
        this.#accepted = true;
      };
      // The first read throws what this would.
      stream.started.then(accept, () => {});
      this.#interrupts.onFirst(() => void stream.cancel());
      if (options.detach) await this.#detach(stream, client);
      else await this.#read(stream);
    } catch (error) {
      await this.#fail(error, this.#client);
    } finally {
      this.#interrupts.stop();
    }
  }

  #callOptions(): ResumeOptions {
    return {
      onReconnect: ({ attempt, error }) => this.#display.reconnecting(attempt, inCommandWords(error).message),
      onReconnected: () => this.#display.reconnected(),
      timeoutMs: this.#timeLeft(),
      onApproval: this.#approver.handler,
    };
  }

  async #read(stream: RunAgentStream): Promise<void> {
    const records = stream.events();
    this.#stopReading = () => void records.return?.();
    if (this.#left) this.#stopReading();
    // Not for await: leaving must not wait for a record that may never come.
    for (let result = await records.next(); !result.done; result = await records.next()) {
      await this.#write(result.value);
    }
    await this.#approver.asking;
    if (this.#left) return;
    const { happened } = this.#interrupts;
    if (stream.summary?.status !== "cancelled") {
      if (happened) this.#display.note("Completed before it could be cancelled.");
      this.#display.end("Completed");
      return;
    }
    this.#endCancelled();
  }

  async #write(record: StreamRecord): Promise<void> {
    const event = record.type === "event" ? record.event : undefined;
    const isOfApproval = event?.type === "approval_required" || event?.type === "approval_decided";
    // A question has the terminal for itself.
    if (!isOfApproval) await this.#approver.asking;
    const full = this.#writer.write(record);
    if (full !== undefined) await full;
    if (event !== undefined && this.#call.options.events !== true) this.#approver.decided(event);
  }

  #endCancelled(): void {
    this.#display.note("Cancelled.");
    this.#display.end("Cancelled");
    process.exitCode = EXIT.cancelled;
  }

  async #detach(stream: RunAgentStream, client: RunAgentClient): Promise<void> {
    const { invocationId, position } = await stream.started;
    if (position === undefined) {
      await stream.cancel();
      throw new RunAgentError(
        "VALIDATION_ERROR",
        "The server speaks version 1 of the protocol, where an invocation ends with its connection.",
        {
          suggestion: "Call it without --detach; it was cancelled now.",
        },
      );
    }
    await stream.detach();
    const kept = await keepPlace(invocationId, client);
    void this.#display.write(`${position}\n`);
    this.#display.note(`Left running. Go on with: runagent resume ${position}`);
    if (!kept) this.#display.note("Where it runs could not be kept on this machine: pass the address again then.");
    this.#display.end("Left running");
  }

  async #fail(thrown: unknown, client: RunAgentClient | undefined): Promise<void> {
    const error = this.#explain(thrown, client);
    await this.#approver.asking;
    if (this.#left) return;
    if (RunAgentError.is(error) || error instanceof UsageError) this.#writer.fail(error);
    if (this.#interrupts.happened && RunAgentError.is(error) && error.code === "CANCELLED") {
      this.#endCancelled();
      return;
    }
    if (error instanceof ApprovalRequiredError && client !== undefined) {
      await this.#endWaiting(error, client);
      return;
    }
    const hasChunks = (this.#stream?.summary?.chunks ?? 0) > 0;
    this.#display.end(hasChunks ? "Failed" : undefined);
    // What is said to be typed next should work as it is.
    const goesOn = RunAgentError.is(error) && error.invocationId !== undefined && this.#mayGoOn(error);
    if (goesOn && client !== undefined) await keepPlace(error.invocationId, client);
    report(error, { accepted: this.#accepted, position: goesOn ? error.cursor : undefined });
    if (this.#interrupts.happened) process.exitCode = EXIT.cancelled;
  }

  /** Once: it may be asked for thousands of approvals. */
  #keepPlace(invocationId: string): Promise<boolean> {
    this.#kept ??= this.#client === undefined ? Promise.resolve(false) : keepPlace(invocationId, this.#client);
    return this.#kept;
  }

  async #endWaiting(error: ApprovalRequiredError, client: RunAgentClient): Promise<void> {
    const kept = await keepPlace(error.invocationId ?? "", client);
    this.#display.end("Waiting for an approval");
    tellWaiting(error, kept);
  }

  #explain(thrown: unknown, client: RunAgentClient | undefined): unknown {
    const error = explainAddress(thrown, this.#call.options, client);
    if (!this.#accepted || !RunAgentError.is(error) || error.code !== "INVOCATION_NOT_FOUND") return error;
    const message = "The connection was lost, and the server that is there now does not know the invocation.";
    return new RunAgentError("STREAM_TRUNCATED", message, { cause: error });
  }

  /** The invocation may be going on, and more of it may be had. */
  #mayGoOn({ origin, code, cursor, field }: RunAgentError): boolean {
    if (cursor === undefined) return false;
    // A decision was refused, and the invocation is as it was.
    if (code === "ALREADY_DECIDED" || field === "approval_id") return true;
    if (origin === "wire") return code === "AUTHENTICATION_ERROR";
    // When the time of the caller is over, the invocation is cancelled.
    return code === "TIMEOUT" ? this.#timeLeft() === undefined : code === "STREAM_TRUNCATED" || code === "CONNECTION_ERROR";
  }
}
