/** One violation, as ajv reports it. */
export interface Violation {
  readonly instancePath: string;
  readonly message?: string;
  readonly params?: { readonly missingProperty?: string };
}

/** A generated validator: true when the value fits its schema; otherwise `errors` says why. */
export interface Validator {
  (value: unknown): boolean;
  errors?: readonly Violation[] | null;
}

/** The dotted path of the first violation and a sentence about it. */
export function describeViolation(validate: Validator): { field: string; problem: string } {
  const violation = validate.errors?.[0];
  const path = violation?.instancePath.split("/").slice(1) ?? [];
  const missing = violation?.params?.missingProperty;
  if (missing !== undefined) return { field: [...path, missing].join("."), problem: "is missing" };
  return { field: path.join("."), problem: violation?.message ?? "is malformed" };
}
