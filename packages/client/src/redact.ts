import { RunAgentError } from "@runagent/core";

const HIDDEN = "[key]";

/** The error without the key, should a server or a proxy have repeated it. [sec.key.2] */
export function withoutKey(error: RunAgentError, key: string | undefined): RunAgentError {
  if (key === undefined) return error;
  const { code, message, suggestion, details, field, stack, cause } = error;
  if (!mentions([message, suggestion, details, field, stack, cause], key)) return error;
  const hide = (text: string): string => text.replaceAll(key, HIDDEN);
  // The cause would show the key again, and the stack begins with the message: neither is copied.
  return new RunAgentError(code, hide(message), {
    ...error,
    suggestion: hide(suggestion),
    details: hideIn(details, hide),
    field: field && hide(field),
  });
}

/** Looks into what an error may hold; the cause may be a caller's abort reason, and so anything, a cycle included. */
function mentions(value: unknown, key: string, seen: Set<object> = new Set()): boolean {
  if (typeof value === "string") return value.includes(key);
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  const parts = value instanceof Error ? [value.message, value.stack, value.cause] : Object.entries(value).flat();
  return parts.some((part) => mentions(part, key, seen));
}

/** JSON with every text in it changed. */
function hideIn(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === "string") return hide(value);
  if (Array.isArray(value)) return value.map((item) => hideIn(item, hide));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [hide(name), hideIn(item, hide)]));
}
