import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectHost, parseLocalAgent } from "../src/index.ts";

const seed = Number(process.env.TEST_SEED ?? 20_265);
fc.configureGlobal({ seed, numRuns: 500 });

const AGENT = {
  agent_id: "a1",
  agent_name: "Story teller",
  version: "1.0.0",
  folder: "/home/me/agents/story",
  host: "127.0.0.1",
  port: 8450,
  pid: 4321,
  started_at: "2026-01-02T03:04:05.000Z",
};

describe(`the registration of a local agent (seed ${seed})`, () => {
  it("is read as it was written, with what a later version may add", () => {
    for (const agent of [
      AGENT,
      { ...AGENT, stopped_at: AGENT.started_at },
      { agent_id: "a1", host: "::1", port: 1, pid: 1 },
      { ...AGENT, more: [] },
    ]) {
      expect(parseLocalAgent(JSON.stringify(agent))).toEqual(agent);
    }
  });

  it.each([
    ["agent_id", [undefined, null, 1, "", ".", "..", "../a1", "a/b", "a".repeat(129), "a\n"]],
    ["host", [undefined, null, 1, "", "a b", "a/b", "me@there", "host?", "a\u001b[0m", "ho\nst", "h".repeat(256)]],
    ["port", [undefined, null, "8450", 0, -1, 1.5, 65_536, 1e99]],
    ["pid", [undefined, null, "1", 0, -1, 1.5]],
    ["stopped_at", [null, 1, {}]],
    ["folder", [null, 1, []]],
  ])("a malformed %s is no registration", (field, values) => {
    for (const value of values) expect(parseLocalAgent(JSON.stringify({ ...AGENT, [field]: value })), String(value)).toBeUndefined();
  });

  it("whatever else a file holds is none, and throws nothing", () => {
    for (const text of ["", "null", "[]", "1", '"a1"', "{", '{"agent_id":"a1"']) expect(parseLocalAgent(text)).toBeUndefined();
    fc.assert(fc.property(fc.json(), (text) => parseLocalAgent(text) === undefined));
    fc.assert(fc.property(fc.string(), (text) => parseLocalAgent(text) === undefined));
    const cut = fc.integer({ min: 0, max: JSON.stringify(AGENT).length - 1 });
    fc.assert(fc.property(cut, (length) => parseLocalAgent(JSON.stringify(AGENT).slice(0, length)) === undefined));
  });
});

it("a server on every address is reached on this machine", () => {
  expect(["0.0.0.0", "::", "[::]", "127.0.0.1", "::1", "my-host", "10.0.0.7"].map(connectHost)).toEqual([
    "127.0.0.1",
    "::1",
    "::1",
    "127.0.0.1",
    "::1",
    "my-host",
    "10.0.0.7",
  ]);
});
