/** For tests of approvals: the frames of a server whose agent asks. */
import type { ApprovalQuestion } from "runagent";
import type { Player } from "./scripted-server.ts";

type Frame = Record<string, unknown>;

/** The event of a question. */
export function required(id = "ap-1", more: Frame = {}): Frame {
  const requests = [{ tool_name: "pay", arguments: { amount: 480 }, call_id: `call-${id}` }];
  return { type: "approval_required", approval_id: id, requests, expires_at: "2030-01-01T00:00:00.000Z", ...more };
}

/** The event of a decision. */
export function decided(id = "ap-1", decision = "approve", more: Frame = {}): Frame {
  return { type: "approval_decided", approval_id: id, decision, ...more };
}

export function sendEvent(peer: Player, seq: number, event: Frame): void {
  peer.send({ type: "event", seq, event });
}

/** The answer to a decision on the connection. */
export function acknowledge(peer: Player, frame: Frame, error?: Frame): void {
  const { approval_id, decision } = frame;
  const outcome = error === undefined ? "accepted" : "refused";
  peer.send({ type: "status", status: "approval_acknowledged", approval_id, decision, outcome, ...(error && { error }) });
}

/** Resolves when the signal of a question aborts. */
export function aborted({ signal }: Pick<ApprovalQuestion, "signal">): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}
