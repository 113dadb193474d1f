import { RunAgentError } from "@runagent/core";
import { describe, expect, it } from "vitest";
import { createRandom, parseRules, readRules } from "../src/index.ts";

const refusalOf = (rules: unknown): RunAgentError => {
  try {
    readRules(rules);
  } catch (error) {
    if (RunAgentError.is(error)) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(rules)} was not refused`);
};
const on = { event: "connect" };
const action = { action: "reset" };

describe("rules", () => {
  it("takes every trigger and action", () => {
    const frame = { event: "frame", direction: "to_server", type: "ack", status: "x", nth: 1, where: "middle" };
    const rules = [
      { name: "a", connections: { from: 1, to: 9, every: 2 }, on, do: action, probability: 0.5, times: 3 },
      {
        on: { event: "request", method: "POST", path: "/run", upgrade: false },
        do: { action: "answer", status: 503, headers: { "Retry-After": "1" } },
      },
      { on: { event: "answer", status: 101 }, do: { action: "stall", direction: "both", ms: 5 } },
      { on: { event: "bytes", at: [1, 9] }, do: { action: "end" } },
      { on: { event: "time", ms: 1.5 }, do: { action: "close", code: 1012, reason: "restart" } },
      { on, do: { action: "delay", ms: 50 } },
      { on, do: { action: "throttle", bytesPerSecond: 1000, direction: "to_client" } },
      { on, do: { action: "split" } },
      ...[
        { action: "drop" },
        { action: "duplicate" },
        { action: "swap" },
        { action: "truncate", bytes: 3 },
        { action: "inject", text: "{}" },
      ].map((edit) => ({ on: frame, do: edit })),
      { on: frame, do: { action: "replace", set: { seq: 1 } } },
      { on: frame, do: { action: "mutate" } },
    ];
    expect(parseRules(JSON.stringify(rules))).toEqual(rules);
  });

  it.each<[unknown, string]>([
    [{}, "rules"],
    [[1], "rules[0]"],
    [[{ on }], "rules[0].do"],
    [[{ on, do: action, when: 1 }], "rules[0].when"],
    [[{ on: { event: "moon" }, do: action }], "rules[0].on.event"],
    [
      [
        { on, do: action },
        { on, do: { action: "explode" } },
      ],
      "rules[1].do.action",
    ],
    [[{ on: { event: "__proto__" }, do: action }], "rules[0].on.event"],
    [[{ on: { event: "bytes" }, do: action }], "rules[0].on.at"],
    [[{ on: { event: "bytes", at: [9, 1] }, do: action }], "rules[0].on.at"],
    [[{ on: { event: "time", ms: -1 }, do: action }], "rules[0].on.ms"],
    [[{ on: { event: "frame", nth: 0 }, do: action }], "rules[0].on.nth"],
    [[{ on: { event: "frame", direction: "up" }, do: action }], "rules[0].on.direction"],
    [[{ on, do: { action: "close" } }], "rules[0].do.code"],
    [[{ on, do: { action: "delay" } }], "rules[0].do.ms"],
    [[{ on, do: { action: "drop" } }], "rules[0].do.action"],
    [[{ on, do: { action: "answer", status: 403 } }], "rules[0].do.action"],
    [[{ on: { event: "frame" }, do: { action: "replace" } }], "rules[0].do"],
    [[{ on, do: action, probability: 2 }], "rules[0].probability"],
    [[{ on, do: action, connections: { from: 0 } }], "rules[0].connections.from"],
  ])("%j is refused by %s", (rules, field) => {
    const error = refusalOf(rules);
    expect([error.code, error.field]).toEqual(["VALIDATION_ERROR", field]);
  });

  it("text that is not JSON is refused", () => {
    expect(() => parseRules("[nope")).toThrow(/not valid JSON/);
  });
});

describe("random", () => {
  it("is what mulberry32 gives, so that other languages can repeat a run", () => {
    const random = createRandom(20261);
    const same = createRandom(20261);
    const values = Array.from({ length: 1000 }, () => random.next());
    expect(values).toEqual(Array.from({ length: 1000 }, () => same.next()));
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(createRandom(0).next()).toBeCloseTo(0.26642920868471265, 15);
    const whole = Array.from({ length: 1000 }, () => random.integer(3, 5));
    expect([...new Set(whole)].sort()).toEqual([3, 4, 5]);
  });
});
