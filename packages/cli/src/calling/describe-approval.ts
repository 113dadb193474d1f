import { isJsonObject } from "@runagent/core";
import type { ApprovalRequest } from "runagent";
import { clip, escapeHidden, toOneLine } from "../terminal/escape.ts";
import { localTime } from "../terminal/local-time.ts";

const MAX_LINE_LENGTH = 1_000;
const MAX_NAME_LENGTH = 200;
/** What is asked about must be there to be read; what is longer than this nobody reads. */
const MAX_QUESTION_LENGTH = 16_000;
/** Arguments that are shorter stand in one line. */
const SHORT_LENGTH = 72;

/** What of a request is told in another way, or to programs only. */
const NOT_SHOWN: ReadonlySet<string> = new Set(["tool_name", "arguments", "call_id", "approvalId", "expiresAt"]);

/** One line: the approval, the tool and what it would be called with. */
export function describeRequest(request: ApprovalRequest): string {
  const { approvalId, tool_name, arguments: given, expiresAt } = request;
  const until = expiresAt === undefined ? "" : `, until ${localTime(expiresAt)}`;
  const what = hasArguments(given) ? ` ${JSON.stringify(given)}` : "";
  return clip(safe(`${approvalId} ${tool_name}${what}`), MAX_LINE_LENGTH) + safe(until);
}

/** Some lines with all that somebody who decides must see. Safe for a terminal: what an agent says is nobody's command. */
export function describeQuestion(requests: readonly ApprovalRequest[]): string[] {
  const [{ approvalId = "", expiresAt } = {}] = requests;
  const tools = requests.map(({ tool_name }) => clip(safe(tool_name), MAX_NAME_LENGTH)).join(", ");
  const until = expiresAt === undefined ? "" : `, until ${safe(localTime(expiresAt))}`;
  const lines = requests.flatMap((request) => [
    ...(requests.length > 1 ? [`  ${clip(safe(request.tool_name), MAX_NAME_LENGTH)}`] : []),
    ...(hasArguments(request.arguments) ? linesOf(request.arguments) : []),
    ...Object.entries(request).flatMap(([name, value]) => (NOT_SHOWN.has(name) ? [] : linesOf(value, `${name}: `))),
  ]);
  return [`The agent asks for approval ${safe(approvalId)} to call ${tools}${until}:`, ...cut(lines)];
}

function hasArguments(given: unknown): boolean {
  return given !== null && given !== undefined && !(isJsonObject(given) && Object.keys(given).length === 0);
}

function linesOf(value: unknown, name = ""): string[] {
  const text = typeof value === "string" && name !== "" ? value : JSON.stringify(value);
  const shown = text.length <= SHORT_LENGTH || typeof value !== "object" ? text : JSON.stringify(value, null, 2);
  return `${name}${shown}`.split("\n").map((line) => `  ${escapeHidden(line)}`);
}

/** Says so where something is left out. */
function cut(lines: readonly string[]): string[] {
  let left = MAX_QUESTION_LENGTH;
  const shown: string[] = [];
  for (const line of lines) {
    if (line.length > left) {
      const rest = lines.slice(shown.length).join("\n").length - left;
      return [...shown, line.slice(0, left), `  … and ${rest} characters more: (l)ater, and look at all of it with --output json.`];
    }
    left -= line.length;
    shown.push(line);
  }
  return shown;
}

function safe(text: string): string {
  return escapeHidden(toOneLine(text));
}
