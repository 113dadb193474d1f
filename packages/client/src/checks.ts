import { type JsonObject, RunAgentError } from "@runagent/core";

/** What an option must be: whether a value is that, and in words. */
export type Check = readonly [fits: (value: unknown) => boolean, mustBe: string];

/** For functions and classes. */
export const FUNCTION: Check = [(value) => typeof value === "function", "a function or class"];

/** For deadlines and waits; Infinity is a way to say that there is none. */
export const MILLISECONDS: Check = /* @__PURE__ */ between(0, Number.POSITIVE_INFINITY);

/** What becomes of an invocation without a client. */
export const ON_DISCONNECT: Check = /* @__PURE__ */ oneOf("continue", "cancel");

/** For numbers; NaN is in no range. */
export function between(least: number, most: number): Check {
  return [(value) => typeof value === "number" && value >= least && value <= most, `a number from ${least} to ${most}`];
}

/** For one of some texts. */
export function oneOf(...choices: readonly unknown[]): Check {
  return [(value) => choices.includes(value), choices.map((choice) => JSON.stringify(choice)).join(" or ")];
}

/** @throws RunAgentError VALIDATION_ERROR for what is no way to cancel. */
export function checkMode(mode: unknown): void {
  if (mode !== "immediate" && mode !== "after_turn") throw invalid("mode", 'must be "immediate" or "after_turn"');
}

/** Looks at the options that were given, which in plain JavaScript may be anything. @throws RunAgentError VALIDATION_ERROR that names the option. */
export function checkOptions(options: JsonObject, checks: Readonly<Record<string, Check>>): void {
  for (const [name, [fits, mustBe]] of Object.entries(checks)) {
    if (options[name] !== undefined && !fits(options[name])) throw invalid(name, `must be ${mustBe}`);
  }
}

/** The error for an option or argument. */
export function invalid(field: string, problem: string, suggestion?: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", `${field} ${problem}.`, { field, suggestion });
}
