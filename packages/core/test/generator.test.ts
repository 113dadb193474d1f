import { describe, expect, it } from "vitest";

// The generator of the checks writes down what a schema says, or refuses it: a keyword that is passed over would let anything pass.

interface Writer {
  writeChecks(schemas: ReadonlyMap<string, unknown>, write: (check: (name: string, known?: readonly string[]) => string) => string): string;
}

const script = new URL("../scripts/checks.mjs", import.meta.url).href;
// A script of the build has no types: this is what generate.mjs uses of it.
const { writeChecks } = (await import(script)) as Writer;

const written = (property: unknown, more: object = {}): string => {
  const schema = { type: "object", properties: { a: property }, required: ["a"], ...more };
  return writeChecks(new Map([["s.schema.json", schema]]), (check) => `export const s = ${check("s")};`);
};

describe("the generator of checks", () => {
  it.each<readonly [unknown, string]>([
    [{ description: "Anything." }, 'look(value.a, "a", true)'],
    [{ type: "integer", const: 2 }, 'look(value.a, "a", 2)'],
    [{ type: "number", exclusiveMinimum: 0.5 }, 'const a: Rule = ["number >", 0.5];'],
    [{ type: "string", enum: ["a.b", "c"] }, "const a: Rule = /^(a\\.b|c)$/;"],
    [{ type: "string", minLength: 1 }, "const a: Rule = /^.{1,}$/su;"],
    [{ type: "string", maxLength: 3, pattern: "^[a-z]+$" }, "const a: Rule = /^(?=.{0,3}$)[a-z]+$/su;"],
    [{ type: "object", properties: { b: { type: "string" } } }, 'look(value.a, "a", (value, look) => look(value.b, "b", "string", 1))'],
  ])("writes %j as %s", (property, code) => {
    expect(written(property)).toContain(code);
  });

  it.each<unknown>([
    { type: "date" },
    { type: ["string", "integer"] },
    { type: ["string", "null"] },
    { anyOf: [{ type: "string" }] },
    { not: {} },
    { type: "integer", minimum: 1, multipleOf: 2 },
    { type: "integer", maximum: 1 },
    { type: "integer", const: 1, minimum: 1 },
    { type: "string", format: "date-time" },
    { type: "string", enum: ["a"], maxLength: 1 },
    { type: "string", maxLength: 1, pattern: "a|b" },
    { type: "array", items: { type: "string" } },
    { type: "array", minItems: 1 },
    { type: "object", required: ["b"] },
    { type: "object", additionalProperties: false },
    { type: "object", properties: { b: {} }, additionalProperties: false },
    { type: "object", properties: { b: {} }, minProperties: 1 },
    { $ref: "t.schema.json" },
    { $ref: "s.schema.json", maxLength: 1 },
  ])("refuses %j, and says why", (property) => {
    expect(() => written(property)).toThrow(/^s\.schema\.json: n/);
  });

  it("refuses what stands beside the fields", () => {
    expect(() => written({}, { anyOf: [{}] })).toThrow(/anyOf/);
    expect(() => written({}, { required: ["a", "b"] })).toThrow(/required/);
  });
});
