/** The far side of N1: in this process, or in one of its own as a role. */
import type { FaultRule } from "@runagent/conformance";
import type { DropReport, DropSide } from "./drops.ts";
import { createRig, type Rig } from "./rig.ts";
import { playRole, startRole } from "./roles.ts";

/** The name of the role. */
export const DROP_SIDE_ROLE = "drop-side";

/** A side in this process. */
export function dropSideOf({ proxy, drops, faults }: Rig): DropSide {
  return {
    port: proxy.port,
    setRules: async (rules) => proxy.set(rules),
    count: async () => drops.length,
    report: async () => ({ drops, runs: [...faults.runs.values()].reduce((sum, runs) => sum + runs, 0), log: faults.log() }),
  };
}

/** Plays the role until its starter goes away. */
export function playDropSide(): void {
  let side: DropSide | undefined;
  const started = (): DropSide => {
    if (side === undefined) throw new Error("start comes first");
    return side;
  };
  playRole({
    start: async (seed: number) => {
      side = dropSideOf(await createRig({ seed }));
      return side.port;
    },
    setRules: (rules: readonly FaultRule[]) => started().setRules(rules),
    count: () => started().count(),
    report: () => started().report(),
  });
}

/** A side in a process of its own. */
export async function startDropSide(seed: number): Promise<DropSide & { stop(): Promise<void> }> {
  const role = startRole(DROP_SIDE_ROLE);
  return {
    port: await role.call<number>("start", seed),
    setRules: (rules) => role.call<void>("setRules", rules),
    count: () => role.call<number>("count"),
    report: () => role.call<DropReport>("report"),
    stop: () => role.stop(),
  };
}
