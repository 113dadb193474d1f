import type { Shown } from "./prose.ts";

/** What goes to `useChat` of the AI SDK: the part of its UIMessageChunk that is used here, which versions 6 and 7 both take. */
export type UIMessageChunk =
  | { type: "start"; messageId?: string }
  | { type: "start-step" }
  | { type: "finish-step" }
  | { type: "finish"; finishReason?: "stop" | "tool-calls" }
  | { type: "abort"; reason?: string }
  | { type: "error"; errorText: string }
  | { type: "text-start" | "text-end" | "reasoning-start" | "reasoning-end"; id: string }
  | { type: "text-delta" | "reasoning-delta"; id: string; delta: string }
  | { type: "tool-input-available"; toolCallId: string; toolName: string; input: unknown; dynamic: true }
  | { type: "tool-approval-request"; toolCallId: string; approvalId: string; approvalDescriptor?: ApprovalDescriptor }
  | { type: "tool-output-available"; toolCallId: string; output: unknown }
  | { type: "tool-output-error"; toolCallId: string; errorText: string }
  | { type: "tool-output-denied"; toolCallId: string }
  | { type: `data-${string}`; id: string; data: unknown };

/** What a tool part keeps as `approval.descriptor`: the message alone is enough to go on, on another device, too. */
export interface ApprovalDescriptor {
  /** Where the stream goes on once it is decided. */
  position: string;
  /** When the server rejects it by itself: ISO 8601. */
  expiresAt?: string;
}

/** The part of a UIMessage of the AI SDK that is read here. */
export interface UIMessageLike {
  readonly id: string;
  readonly role: string;
  readonly parts: readonly { readonly type: string }[];
}

/** What a person has answered in a tool part. */
export interface AnsweredApproval {
  readonly approvalId: string;
  readonly toolCallId: string;
  readonly approved: boolean;
  readonly reason: string | undefined;
  /** Where the stream goes on, when the part says so. */
  readonly position: string | undefined;
}

/** A tool part of a message, as far as it was read. */
export interface ToolPart {
  readonly toolCallId: string;
  readonly state: string;
  readonly approvalId: string | undefined;
  readonly answer: AnsweredApproval | undefined;
}

/** The text of a message, as it is shown. */
export function shownOf({ parts }: UIMessageLike): Shown {
  const steps: [string, string] = ["", ""];
  let last = "";
  for (const part of parts) {
    if (part.type === "step-start") {
      steps[0] = steps[1];
      steps[1] = "";
    } else if (part.type === "text" && "text" in part && typeof part.text === "string") {
      steps[1] += part.text;
      last = part.text;
    }
  }
  return { steps, last };
}

/** The tool parts of a message, static or dynamic. */
export function toolParts({ parts }: UIMessageLike): ToolPart[] {
  return parts.flatMap((part) => {
    if (part.type !== "dynamic-tool" && !part.type.startsWith("tool-")) return [];
    if (!isFields(part)) return [];
    const { toolCallId, state, approval } = part;
    if (typeof toolCallId !== "string" || typeof state !== "string") return [];
    const approvalId = isFields(approval) && typeof approval.id === "string" ? approval.id : undefined;
    return [{ toolCallId, state, approvalId, answer: state === "approval-responded" ? readAnswer(toolCallId, approval) : undefined }];
  });
}

/**
 * For `sendAutomaticallyWhen` of `useChat`: every approval of the last message that was asked for has been answered. Other tools of the
 * message may still run on the server; `lastAssistantMessageIsCompleteWithApprovalResponses` of the AI SDK would wait for them.
 */
export function approvalsAnswered({ messages }: { readonly messages: readonly UIMessageLike[] }): boolean {
  const last = messages.at(-1);
  if (last?.role !== "assistant") return false;
  const states = toolParts(last).map(({ state }) => state);
  return states.includes("approval-responded") && !states.includes("approval-requested");
}

/** The fields that are read of a part, of its approval, and of the approval's descriptor. */
type Field = "toolCallId" | "state" | "approval" | "id" | "approved" | "reason" | "descriptor" | "position";

function isFields(value: unknown): value is { readonly [name in Field]?: unknown } {
  return typeof value === "object" && value !== null;
}

function readAnswer(toolCallId: string, approval: unknown): AnsweredApproval | undefined {
  if (!isFields(approval) || typeof approval.id !== "string" || typeof approval.approved !== "boolean") return undefined;
  const { id: approvalId, approved, reason, descriptor } = approval;
  return {
    approvalId,
    toolCallId,
    approved,
    reason: typeof reason === "string" ? reason : undefined,
    position: isFields(descriptor) && typeof descriptor.position === "string" ? descriptor.position : undefined,
  };
}
