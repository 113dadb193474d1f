/** The rules in force, how often each has acted, and which of them acts next. */
import type { Random } from "./random.ts";
import type { Action, Direction, FaultRule, Trigger } from "./rules.ts";
import type { FrameLabel, Head } from "./unit.ts";

/** A rule among the others. */
export interface ArmedRule {
  readonly rule: FaultRule;
  readonly name: string;
  hits: number;
}

/** What a rule may look at. */
export type Happening =
  | { readonly event: "connect" }
  | { readonly event: "request" | "answer"; readonly request: Head | undefined; readonly status: number }
  | { readonly event: "frame"; readonly direction: Direction; readonly label: FrameLabel; count(armed: ArmedRule): number };

export class RuleSet {
  readonly rules: readonly ArmedRule[];

  constructor(rules: readonly FaultRule[]) {
    this.rules = rules.map((rule, index) => ({ rule, name: rule.name ?? String(index + 1), hits: 0 }));
  }

  /** True when a rule looks at frames in this direction. */
  looksAtFrames(direction: Direction): boolean {
    return this.rules.some(({ rule: { on } }) => on.event === "frame" && (on.direction ?? "to_client") === direction);
  }

  /** The rules of an event that is armed for a connection when it opens. */
  forConnection(event: "bytes" | "time", connection: number, random: Random): ArmedRule[] {
    return this.rules.filter((armed) => armed.rule.on.event === event && isFor(armed.rule, connection) && draw(armed.rule, random));
  }

  /** The rules that act on what happened, in their order. The caller takes the first that is not shaping. */
  *matching(happening: Happening, connection: number, random: Random): Generator<ArmedRule> {
    // All of them look, for those that count, whichever acts.
    const fitting = this.rules.filter((armed) => isFor(armed.rule, connection) && fits(armed, happening));
    for (const armed of fitting) if (draw(armed.rule, random) && takeTurn(armed)) yield armed;
  }
}

/** Counts that the rule acts; false when it has acted as often as it may. */
export function takeTurn(armed: ArmedRule): boolean {
  if (armed.hits >= (armed.rule.times ?? Number.POSITIVE_INFINITY)) return false;
  armed.hits++;
  return true;
}

function isFor({ connections }: FaultRule, connection: number): boolean {
  const { from = 1, to = Number.POSITIVE_INFINITY, every = 1 } = connections ?? {};
  return connection >= from && connection <= to && (connection - from) % every === 0;
}

function draw({ probability = 1 }: FaultRule, random: Random): boolean {
  return probability >= 1 || random.chance(probability);
}

function fits(armed: ArmedRule, happening: Happening): boolean {
  const { on } = armed.rule;
  if (happening.event === "connect") return on.event === "connect";
  if (happening.event === "frame") return on.event === "frame" && fitsFrame(armed, on, happening);
  if (on.event !== happening.event || (on.event !== "request" && on.event !== "answer")) return false;
  if (on.event === "answer" && on.status !== undefined && on.status !== happening.status) return false;
  const { request } = happening;
  if (request === undefined) return on.method === undefined && on.path === undefined && on.upgrade === undefined;
  if (on.method !== undefined && on.method !== request.method) return false;
  if (on.path !== undefined && !request.target.includes(on.path)) return false;
  return on.upgrade === undefined || on.upgrade === request.headers.has("upgrade");
}

function fitsFrame(
  armed: ArmedRule,
  on: Extract<Trigger, { event: "frame" }>,
  { direction, label, count }: Extract<Happening, { event: "frame" }>,
): boolean {
  if ((on.direction ?? "to_client") !== direction) return false;
  if (on.type !== undefined && on.type !== label.type) return false;
  if (on.status !== undefined && on.status !== label.status) return false;
  if (on.nth === undefined && on.every === undefined) return true;
  const place = count(armed);
  return on.nth === undefined ? place % (on.every ?? 1) === 0 : place === on.nth;
}

/** True for an action that shapes the line, and does not keep other rules from acting. */
export function isShaping(action: Action): action is Extract<Action, { action: "delay" | "throttle" | "split" }> {
  return action.action === "delay" || action.action === "throttle" || action.action === "split";
}

/** The rules up to and with the first that is not shaping: those after it are not asked. */
export function untilFirst(rules: Iterable<ArmedRule>): ArmedRule[] {
  const taken: ArmedRule[] = [];
  for (const armed of rules) {
    taken.push(armed);
    if (!isShaping(armed.rule.do)) break;
  }
  return taken;
}
