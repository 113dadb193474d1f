/** An agent of AG-UI, as an app writes it. */
import { AbstractAgent, type BaseEvent, type RunAgentInput } from "@ag-ui/client";
import type { RunAgentClient, RunAgentStream } from "runagent";
import { type AGUIOptions, toAGUI, toApprovals } from "runagent/ag-ui";
import { from } from "rxjs";

/** Runs an entrypoint. */
export class Assistant extends AbstractAgent {
  readonly #client: RunAgentClient<"chat_stream">;
  readonly #options: AGUIOptions;
  stream: RunAgentStream | undefined;
  /** What came, as the pipeline lets it through. */
  readonly events: BaseEvent[] = [];

  constructor(client: RunAgentClient<"chat_stream">, options: AGUIOptions = {}) {
    super({ threadId: "thread-1" });
    this.#client = client;
    this.#options = options;
    this.subscribe({ onEvent: ({ event }) => void this.events.push(event) });
  }

  override run(input: RunAgentInput): ReturnType<AbstractAgent["run"]> {
    const { resume = [], messages, forwardedProps } = input;
    const position = String(this.pendingInterrupts[0]?.metadata?.position);
    this.stream =
      resume.length > 0
        ? this.#client.resume(position, { approvals: toApprovals(resume) })
        : this.#client.runStream({ ...forwardedProps, messages });
    return from(toAGUI<BaseEvent>(this.stream, input, this.#options));
  }

  override abortRun(): void {
    void this.stream?.cancel();
  }

  /** Says something, and runs. */
  async say(text: string): Promise<void> {
    this.addMessage({ id: `user-${this.messages.length}`, role: "user", content: text });
    await this.runAgent();
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }
}
