import { inspect } from "node:util";

/** What an agent threw, for its log: with the agent's own frames, and none of this program's. */
export function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return inspect(thrown);
  const { stack = thrown.message } = thrown;
  return stack
    .split("\n")
    .filter((line) => !/^\s+at .*node-worker\.mjs/.test(line))
    .join("\n");
}
