/**
 * JSON that remembers where everything stood, so that a mistake can be told by its line.
 */
import { RunAgentError } from "@runagent/core";
import { findNodeAtLocation, getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";

/** A parsed text. */
export interface LocatedJson {
  readonly text: string;
  readonly root: Node;
  readonly value: unknown;
  has(path: readonly PropertyKey[]): boolean;
}

/**
 * Parses JSON: no comments, no trailing commas.
 * @param file Names the text in messages.
 * @throws RunAgentError VALIDATION_ERROR that names line and column.
 */
export function parseLocated(given: string, file: string): LocatedJson {
  // Editors on Windows put a byte order mark before it.
  const text = given.replace(/^\uFEFF/, "");
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  const [error] = errors;
  if (error !== undefined || root === undefined) {
    const what = error === undefined ? "it is empty" : words(printParseErrorCode(error.error));
    throw new RunAgentError("VALIDATION_ERROR", `${file}:${lineOf(text, error?.offset ?? 0)}: This is not JSON: ${what}.`, {
      suggestion: "JSON takes double quotes, no comments and no comma after the last entry.",
    });
  }
  return { text, root, value: getNodeValue(root), has: (path) => find(root, path) !== undefined };
}

/** Line and column of a field, or of the nearest thing around it that is there: "12:7". */
export function locate({ text, root }: LocatedJson, path: readonly PropertyKey[]): string {
  for (let length = path.length; length >= 0; length--) {
    const node = find(root, path.slice(0, length));
    if (node !== undefined) return lineOf(text, node.offset);
  }
  return lineOf(text, 0);
}

function find(root: Node, path: readonly PropertyKey[]): Node | undefined {
  return findNodeAtLocation(
    root,
    path.map((part) => (typeof part === "symbol" ? String(part) : part)),
  );
}

function lineOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `${before.length}:${(before.at(-1) ?? "").length + 1}`;
}

/** "PropertyNameExpected" as words. */
function words(code: string): string {
  return code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
}
