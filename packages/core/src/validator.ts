import { isJsonObject, type JsonObject } from "./json.ts";

/** What is wrong with a value: the dotted path of the field, empty for the value itself, and what it must be. */
export interface Violation {
  readonly field: string;
  readonly problem: string;
}

/**
 * What a field must be. true: anything; a number: that number; a word: a value of that JSON type; a RegExp: text that matches it;
 * a list: a number from the second to the third, or without a third, of any size; a Validator: an object.
 */
export type Rule =
  | true
  | number
  | "string"
  | "boolean"
  | "array"
  | "object"
  | RegExp
  | [kind: "integer >=" | "number >=" | "number >", min: number, max?: number]
  | Validator;

/** Looks at one field. `absent` 1: it may be missing; 2: it may also be null. */
export type Look = (value: unknown, field: string, rule: Rule, absent?: 1 | 2) => Violation | undefined;

/** A generated check: looks at each field of an object, in the order of the schema, up to the first violation. */
export type Validator = (value: JsonObject, look: Look) => Violation | undefined;

/** The first violation of a value that must be an object, counted as JSON Schema validators do: of its fields, the missing first. */
export function violationOf(value: unknown, validate: Validator): Violation | undefined {
  if (!isJsonObject(value)) return { field: "", problem: "must be object" };
  const found = validate(value, lookAtValue);
  return found && (validate(value, lookForAbsence) ?? found);
}

const lookForAbsence: Look = (value, field, _, absent) => (value === undefined && !absent ? { field, problem: "is missing" } : undefined);

const lookAtValue: Look = (value, field, rule, absent) => {
  if (value === undefined || rule === true || (value === null && absent === 2)) return lookForAbsence(value, field, rule, absent);
  if (typeof rule === "function") {
    const inner = violationOf(value, rule);
    return inner && { field: inner.field === "" ? field : `${field}.${inner.field}`, problem: inner.problem };
  }
  const wanted = misfit(value, rule);
  return wanted === undefined ? undefined : { field, problem: `must be ${wanted}` };
};

/** What the value should be, where it is not. */
function misfit(value: unknown, rule: Exclude<Rule, true | Validator>): string | undefined {
  // Ranges go first, and not by destructuring, which runs an iterator: every frame of a stream has one.
  if (Array.isArray(rule)) {
    const kind = rule[0];
    const isWithin = typeof value === "number" && value >= rule[1] && value <= (rule[2] ?? Number.MAX_VALUE);
    if (isWithin && (kind === "integer >=" ? Number.isInteger(value) : kind === "number >=" || value > rule[1])) return undefined;
    return `${kind} ${rule.slice(1).join(" and <= ")}`;
  }
  if (rule instanceof RegExp) return typeof value === "string" && rule.test(value) ? undefined : `string that matches ${rule.source}`;
  const found = typeof value === "number" || value === null ? value : Array.isArray(value) ? "array" : typeof value;
  return found === rule ? undefined : `${rule}`;
}
