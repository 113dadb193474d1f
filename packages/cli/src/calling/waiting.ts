import type { ApprovalRequiredError } from "runagent";
import { exitCodeOf } from "../exit-codes.ts";
import { describeRequest } from "./describe-approval.ts";
import { shellWord } from "./shell-word.ts";

/**
 * Says on standard error what waits for a decision and what to type, and sets the exit code.
 * @param kept Whether it is known here where the invocation runs.
 */
export function tellWaiting(error: ApprovalRequiredError, kept: boolean): void {
  process.exitCode = exitCodeOf(error);
  const ids = [...new Set(error.requests.map(({ approvalId }) => approvalId))];
  const optionsOf = (flag: string): string => ids.map((id) => `${flag} ${shellWord(id)}`).join(" ");
  const resume = `runagent resume ${shellWord(error.position)}`;
  const lines = [
    "The agent waits for a decision:",
    ...error.requests.map((request) => `  ${describeRequest(request)}`),
    `Go on with: ${resume} ${optionsOf("--approve")}`,
    `        or: ${resume} ${optionsOf("--reject")} --reason "…"`,
    ...(kept ? [] : ["Where it runs could not be kept on this machine: pass the address again then."]),
  ];
  process.stderr.write(`${lines.join("\n")}\n`);
}
