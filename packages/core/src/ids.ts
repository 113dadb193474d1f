import { RunAgentError } from "./errors.ts";
import { excerpt } from "./json.ts";

const ID = /^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$/;
/** Whatever is no control character: those are below the space, and 127. */
const TAG = /^[ -~\u0080-\uffff]{1,128}$/;

/** True when the text may be an agent_id or invocation_id: one path segment, at most 128 characters. [id.grammar.1] */
export function isId(text: unknown): text is string {
  return typeof text === "string" && ID.test(text);
}

/** @throws RunAgentError VALIDATION_ERROR that names the field when the text is no id. */
export function assertId(text: unknown, field: string): asserts text is string {
  if (!isId(text))
    refuse(
      text,
      field,
      "an id",
      "Use 1 to 128 letters, digits, dots, underscores, tildes or hyphens; the first a letter, digit or underscore.",
    );
}

/** @throws RunAgentError VALIDATION_ERROR when the text is no entrypoint tag: 1 to 128 characters, none a control character. */
export function assertEntrypointTag(tag: unknown, field = "entrypoint_tag"): asserts tag is string {
  if (typeof tag !== "string" || !TAG.test(tag)) refuse(tag, field, "a tag", "Use 1 to 128 characters without control characters.");
}

/** True when an entrypoint of this tag streams. [tag.stream.1] */
export function isStreamTag(tag: string): boolean {
  return tag.endsWith("_stream");
}

function refuse(value: unknown, field: string, what: string, suggestion: string): never {
  const shown = typeof value === "string" ? excerpt(value) : String(value);
  throw new RunAgentError("VALIDATION_ERROR", `${field} is ${shown}, which is not ${what}.`, { field, suggestion });
}
