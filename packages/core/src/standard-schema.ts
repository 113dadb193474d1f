import type { StandardSchemaV1 } from "@standard-schema/spec";
import { RunAgentError } from "./errors.ts";
import type { ErrorCode } from "./gen/errors.ts";

export type { StandardSchemaV1 } from "@standard-schema/spec";

/**
 * Validates a value with any Standard Schema (zod, valibot, arktype, …).
 * @param what What the value is, for the message: "input", "chunk".
 * @returns The schema's output: with defaults and transformations applied.
 * @throws RunAgentError with the code given, naming the first field that is wrong, with every issue in details.
 */
export async function validateWith<Output>(
  schema: StandardSchemaV1<unknown, Output>,
  value: unknown,
  what: string,
  code: ErrorCode,
): Promise<Output> {
  const result = await run(schema, value, what, code);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map((issue) => ({ field: pathOf(issue), message: issue.message }));
  const [first] = issues;
  const field = first?.field ?? "";
  const where = field === "" ? `The ${what}` : `The field ${JSON.stringify(field)} of the ${what}`;
  throw new RunAgentError(code, `${where} is not valid: ${first?.message ?? "refused by the schema"}.`, {
    field: field === "" ? undefined : field,
    details: { issues },
  });
}

/** A transformation or refinement of the schema may throw: that is the schema's fault, and still an error of ours to callers. */
async function run<Output>(
  schema: StandardSchemaV1<unknown, Output>,
  value: unknown,
  what: string,
  code: ErrorCode,
): Promise<StandardSchemaV1.Result<Output>> {
  try {
    return await schema["~standard"].validate(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RunAgentError(code, `The schema of the ${what} failed: ${why}`, {
      cause,
      suggestion: "Mend the schema: it threw in place of reporting an issue.",
    });
  }
}

function pathOf(issue: StandardSchemaV1.Issue): string {
  const keys = (issue.path ?? []).map((step) => (typeof step === "object" ? step.key : step));
  return keys.map(String).join(".");
}
