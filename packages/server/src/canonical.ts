/**
 * Canonical JSON: the same value gives the same text, whatever the order of its keys. Written straight to text,
 * so that a key such as `__proto__` is a key like any other.
 */
import { isJsonObject } from "@runagent/core";

/** The canonical text of a JSON value. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value ?? null);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${entries.join(",")}}`;
}
