/**
 * Holds back the next model call. The AI SDK starts a step by itself, ahead of whoever reads its stream; a turn is marked by
 * the reader, and may be the last. So each step waits here until the turn before it is marked:
 *
 *   step 0, 1, …   ──pass()──▶   reader: parts of the steps before are in the log, and their turns marked   ──▶   model call
 *
 * The turn of a step whose tools waited for approvals ends outside of any step: once their outputs are in the log, it is marked here.
 */
import { isJsonObject } from "@runagent/core";
import type { AgentContext } from "../context.ts";

/** What the AI SDK says of a step that is about to begin. */
export interface StepStart {
  /** The steps before it, in this run of the SDK. */
  readonly steps?: readonly unknown[];
  readonly messages?: readonly unknown[];
}

/** The gate of one run of the SDK. */
export class TurnGate {
  readonly #turn: () => Promise<void>;
  /** Calls that were decided on, and are not in the log yet. */
  readonly #outstanding: Set<string>;
  #turnOwed: boolean;
  /** Steps whose turn is marked. */
  #marked = 0;
  #closed = false;
  #wake: () => void = () => {};

  /** @param decided The calls that were decided on before this run: their turn is not marked. */
  constructor(context: Pick<AgentContext, "turn">, decided: Iterable<string>) {
    this.#turn = () => context.turn();
    this.#outstanding = new Set(decided);
    this.#turnOwed = this.#outstanding.size > 0;
  }

  /** For the SDK, before a model call. @throws When there is to be none any more. */
  async pass({ steps = [], messages = [] }: StepStart): Promise<void> {
    const outputs = steps.length === 0 ? outputsIn(messages) : [];
    while (!this.#closed && (this.#marked < steps.length || outputs.some((id) => this.#outstanding.has(id)))) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#closed) throw new Error("The run was stopped.");
    await this.markOwed();
  }

  /** For the reader: marks the turn of the calls that were decided on, unless that is done. */
  async markOwed(): Promise<void> {
    if (!this.#turnOwed) return;
    this.#turnOwed = false;
    await this.#turn();
  }

  /** For the reader: the turn of one more step is marked. */
  stepMarked(): void {
    this.#marked++;
    this.#wake();
  }

  /** For the reader: the output of a call is in the log. */
  outputSeen(callId: string): void {
    if (this.#outstanding.delete(callId)) this.#wake();
  }

  /** For the reader: it reads no more. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }
}

/** The calls whose outputs the model is given, and which are therefore in the stream. */
function outputsIn(messages: readonly unknown[]): string[] {
  const parts = messages.filter(isJsonObject).flatMap(({ role, content }) => (role === "tool" && Array.isArray(content) ? content : []));
  return parts
    .filter(isJsonObject)
    .flatMap(({ type, toolCallId }) => (type === "tool-result" && typeof toolCallId === "string" ? toolCallId : []));
}
