import { isDeeperThan } from "@runagent/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { toJson } from "../src/adapters/json-safe.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now());

it("keeps what is JSON as it is", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      expect(JSON.stringify(toJson(value))).toBe(JSON.stringify(value));
    }),
    { seed },
  );
});

it(`makes JSON of anything (seed ${seed})`, () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      const text = JSON.stringify(toJson(value));
      expect(JSON.parse(text)).toEqual(toJson(value));
    }),
    { seed },
  );
});

it("ends where a value goes round or deep", () => {
  const round: Record<string, unknown> = { twice: { same: 1 } };
  round.self = round;
  round.again = round.twice;
  expect(toJson(round)).toEqual({ twice: { same: 1 }, self: "[circular]", again: { same: 1 } });
  let deep: unknown = 1;
  for (let level = 0; level < 10_000; level++) deep = [deep];
  expect(isDeeperThan(JSON.stringify(toJson(deep)), 60)).toBe(false);
  const endless = { toJSON: () => ({ ...endless }) };
  expect(JSON.stringify(toJson(endless))).toContain("[too deep]");
});

it("leaves out what cannot be looked at, and takes no name for another", () => {
  const trap = {
    get broken(): never {
      throw new Error("Do not look.");
    },
    toJSON: undefined,
    kept: 1,
  };
  expect(toJson(trap)).toEqual({ kept: 1 });
  expect(
    toJson({
      toJSON: () => {
        throw new Error("No.");
      },
    }),
  ).toBe(null);
  const polluted = toJson(JSON.parse('{"__proto__": {"evil": true}}'));
  expect(Object.getPrototypeOf(polluted)).toBe(Object.prototype);
  expect(JSON.stringify(polluted)).toBe('{"__proto__":{"evil":true}}');
});

it("says what the objects of frameworks stand for", () => {
  const file = {
    bytes: new Uint8Array([1, 2, 3]),
    at: new Date(0),
    error: new TypeError("No."),
    size: 3n,
    rate: Number.NaN,
    list: [undefined],
  };
  expect(toJson(file)).toEqual({
    bytes: "AQID",
    at: "1970-01-01T00:00:00.000Z",
    error: { name: "TypeError", message: "No." },
    size: "3",
    rate: null,
    list: [null],
  });
  expect(toJson({ inner: new Map([["a", 1]]) }, (value) => (value instanceof Map ? Object.fromEntries(value) : value))).toEqual({
    inner: { a: 1 },
  });
});
