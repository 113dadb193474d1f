import { RunAgentError } from "@runagent/core";
import type { RunAgentClient } from "runagent";
import { EXIT } from "../exit-codes.ts";
import { createDisplay } from "../terminal/display.ts";
import { report, reportUnwritable } from "../terminal/report.ts";
import type { AgentWord } from "./agent-words.ts";
import { findAgentId } from "./agents.ts";
import { createClient, explainAddress } from "./client.ts";
import { readCallInput } from "./input.ts";
import { Interrupts } from "./interrupts.ts";
import { checkAddress, checkTag, type OutputFormat, type RunOptions } from "./options.ts";
import { startTimeLimit } from "./time-limit.ts";

/** `runagent run`. */
export async function run(options: RunOptions, words: readonly AgentWord[]): Promise<void> {
  const tag = checkTag(options.tag, false);
  checkAddress(options);
  const { input, args } = await readCallInput(options.input, words);
  // First of all: a display hides the cursor, and a process that is killed leaves it so.
  const interrupts = new Interrupts();
  const display = await createDisplay({
    waitingFor: tag,
    live: options.output === "text" ? "spinner" : "nothing",
    onBroken: reportUnwritable,
  });
  interrupts.showOn(display);
  const { signal } = interrupts;
  const timeLeft = startTimeLimit(options.timeout);
  let client: RunAgentClient | undefined;
  try {
    const agentId = await findAgentId(options, tag, signal, timeLeft);
    client = createClient(options, agentId, tag);
    const result = await client.run(input, { args, signal, timeoutMs: timeLeft() });
    void display.write(`${toText(result, options.output)}\n`);
    display.end("Completed");
  } catch (thrown) {
    const error = explainAddress(thrown, options, client);
    if (signal.aborted && RunAgentError.is(error) && error.code === "CANCELLED") {
      display.note("Cancelled.");
      display.end("Cancelled");
      process.exitCode = EXIT.cancelled;
    } else {
      display.end(undefined);
      report(error);
    }
  } finally {
    interrupts.stop();
  }
}

function toText(result: unknown, output: OutputFormat): string {
  return typeof result === "string" && output === "text" ? result : JSON.stringify(result);
}
