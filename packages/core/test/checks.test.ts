import { readdirSync, readFileSync } from "node:fs";
import {
  check,
  isJsonObject,
  type JsonObject,
  RunAgentError,
  readClientFrame,
  readServerFrame,
  validateCancelRequest,
  validateRunRequest,
  validateRunRequestV1,
} from "@runagent/core";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

// The generated checks say of every value what ajv says of it: the same verdict, and the same field.

const seed = Number(process.env.TEST_SEED ?? 20_261);
fc.configureGlobal({ seed, numRuns: 2000 });

const protocol = new URL("../../../protocol/", import.meta.url);
const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, protocol), "utf8"));

// Numbers are strict: JSON.parse makes Infinity of 1e999.
const ajv = new Ajv2020({ strict: false, strictNumbers: true, validateFormats: false });
for (const name of readdirSync(new URL("schemas", protocol))) {
  const schema = inOrder(read(`schemas/${name}`));
  if (isJsonObject(schema)) ajv.addSchema(schema, name);
}

/** `required` is a set. ajv names the first that is missing as it is written there, the checks as the properties are written. */
function inOrder(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(inOrder);
  if (!isJsonObject(schema)) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, inOrder(value)]));
  if (isJsonObject(copy.properties) && Array.isArray(copy.required)) {
    const { required } = copy;
    copy.required = Object.keys(copy.properties).filter((name) => required.includes(name));
  }
  return copy;
}

type Reader = (value: JsonObject) => void;

const READERS: readonly (readonly [schema: string, read: Reader])[] = [
  ...["data", "event", "heartbeat", "error", "stream-started", "stream-completed", "stream-cancelled"].map(
    (name) => [name, readServerFrame] as const,
  ),
  ...["cancel-acknowledged", "approval-acknowledged", "auth-acknowledged"].map((name) => [name, readServerFrame] as const),
  ...["start", "resume", "ack", "cancel", "approval", "auth"].map((name) => [name, readClientFrame] as const),
  ["run-request", (value) => check(validateRunRequest, value, "VALIDATION_ERROR", "body")],
  ["run-request-v1", (value) => check(validateRunRequestV1, value, "VALIDATION_ERROR", "body")],
  ["cancel-request", (value) => check(validateCancelRequest, value, "VALIDATION_ERROR", "body")],
];

/** The values of the fixtures of a schema, which have the type and status that tell the reader which frame it is. */
function fixturesOf(schema: string): JsonObject[] {
  const files = ["valid", "invalid"].flatMap((folder) =>
    readdirSync(new URL(`fixtures/${folder}`, protocol)).map((name) => read(`fixtures/${folder}/${name}`)),
  );
  const values = files.filter(isJsonObject).filter((file) => file.schema === `${schema}.schema.json`);
  return values.flatMap(({ value }) => (isJsonObject(value) && isNamed(schema, value) ? [value] : []));
}

function isNamed(schema: string, value: JsonObject): boolean {
  const described = ajv.getSchema(`${schema}.schema.json`)?.schema;
  const properties = isJsonObject(described) && isJsonObject(described.properties) ? described.properties : {};
  return ["type", "status"].every((key) => {
    const property = properties[key];
    if (!isJsonObject(property)) return true;
    return Array.isArray(property.enum) ? property.enum.includes(value[key]) : property.const === value[key];
  });
}

const MAX = Number.MAX_SAFE_INTEGER;
const NUMBERS = [
  0,
  -0,
  1,
  2,
  3,
  -1,
  0.5,
  1.5,
  3600,
  3600.5,
  31_536_000,
  31_536_001,
  2 ** 30,
  2 ** 30 + 1,
  MAX,
  MAX + 1,
  5e-324,
  1e300,
  Number.POSITIVE_INFINITY,
];
const TEXTS = [
  ...["", "a", ".a", "a/b", "a:b", "ä", "inv-1", "\u0000", "\u001f", "\u007f", "\u0080", "\ud800", "\n", "a\n", "2", "object"],
  ...["immediate", "after_turn", "memory", "approve", "reject", "accepted", "already_ended", "refused", "cancel", "xcancel"],
  ...[1, 64, 65, 128, 129, 512, 513, 4096, 4097, 8192, 8193].flatMap((length) => ["x".repeat(length), "😀".repeat(length)]),
];

const VALUES: readonly unknown[] = [...NUMBERS, ...TEXTS, true, false, null, [], [1], {}, { code: "X" }, { type: "t" }, undefined];

const anything = fc.oneof(fc.constantFrom(...VALUES), fc.jsonValue({ maxDepth: 2 }));

/** What is done to a fixture: paths are chosen by number among those that it has, or added by name. */
const mutation = fc.record({
  path: fc.nat(1000),
  name: fc.option(fc.constantFrom("seq", "error", "reason", "auth", "window_bytes", "user_id", "timeout_seconds", "extra", "total_chunks")),
  value: fc.option(anything, { nil: undefined, freq: 4 }),
});

/** Every field of a value and of the objects in it, but what tells the reader which frame it is. */
function slotsOf(value: JsonObject): { object: JsonObject; key: string }[] {
  const inner = ["error", "auth", "event"].map((key) => value[key]).filter(isJsonObject);
  const slots = [value, ...inner].flatMap((object) => Object.keys(object).map((key) => ({ object, key })));
  return slots.filter(({ object, key }) => object !== value || (key !== "type" && key !== "status"));
}

function mutated(value: JsonObject, mutations: readonly { path: number; name: string | null; value: unknown }[]): JsonObject {
  const copy = structuredClone(value);
  for (const { path, name, value: next } of mutations) {
    const slots = slotsOf(copy);
    const { object, key } = (name === null ? slots[path % Math.max(1, slots.length)] : undefined) ?? { object: copy, key: name ?? "extra" };
    if (next === undefined) delete object[key];
    else object[key] = structuredClone(next);
  }
  return copy;
}

/** The field that is refused; undefined where none is. */
function refusedBy(read: Reader, value: JsonObject): string | undefined {
  try {
    read(value);
    return undefined;
  } catch (error) {
    if (!RunAgentError.is(error)) throw error;
    return / (is missing|must be .+)\.$/s.test(error.message) ? (error.field ?? "") : error.message;
  }
}

function refusedByAjv(schema: string, value: JsonObject): string | undefined {
  const validate = ajv.getSchema(`${schema}.schema.json`);
  if (validate === undefined) throw new Error(`no schema ${schema}`);
  if (validate(value)) return undefined;
  const [error] = validate.errors ?? [];
  const path = error?.instancePath.split("/").slice(1) ?? [];
  const missing: unknown = error?.params.missingProperty;
  return [...path, ...(typeof missing === "string" ? [missing] : [])].join(".");
}

describe("the generated checks", () => {
  it.each(READERS)(`say of %s what ajv says (seed ${seed})`, (schema, read) => {
    const fixtures = fixturesOf(schema);
    expect(fixtures.length).toBeGreaterThan(1);
    const verdicts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...fixtures), fc.array(mutation, { maxLength: 3 }), (fixture, mutations) => {
        const value = mutated(fixture, mutations);
        const field = refusedByAjv(schema, value);
        verdicts[field === undefined ? "accepted" : "refused"]++;
        expect(refusedBy(read, value)).toBe(field);
      }),
    );
    expect(verdicts.accepted).toBeGreaterThan(100);
    if (schema !== "auth-acknowledged") expect(verdicts.refused).toBeGreaterThan(100);
  });

  it.each(READERS)("say it of every value in the place of every field of %s", (schema, read) => {
    const wrong: unknown[] = [];
    for (const fixture of fixturesOf(schema)) {
      if (refusedByAjv(schema, fixture) !== undefined) continue;
      for (const { object, key } of slotsOf(fixture)) {
        const before = object[key];
        for (const value of VALUES) {
          object[key] = value;
          const [said, wanted] = [refusedBy(read, fixture), refusedByAjv(schema, fixture)];
          if (said !== wanted) wrong.push([key, value, { said, wanted }]);
        }
        object[key] = before;
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each<readonly [unknown, string]>([
    [[], "The body must be object."],
    [{}, 'The field "entrypoint_tag" of the body is missing.'],
    [
      { entrypoint_tag: "" },
      'The field "entrypoint_tag" of the body must be string that matches ^(?=.{1,128}$)[^\\u0000-\\u001f\\u007f]+$.',
    ],
    [{ entrypoint_tag: "t", input_args: {} }, 'The field "input_args" of the body must be array.'],
    [{ entrypoint_tag: "t", input_kwargs: null }, 'The field "input_kwargs" of the body must be object.'],
    [{ entrypoint_tag: "t", timeout_seconds: 0 }, 'The field "timeout_seconds" of the body must be number > 0 and <= 31536000.'],
    [{ entrypoint_tag: "t", async_execution: 1 }, 'The field "async_execution" of the body must be boolean.'],
  ])("of the body %j say %s", (value, message) => {
    expect(() => check(validateRunRequestV1, value, "VALIDATION_ERROR", "body")).toThrow(message);
  });

  it.each<readonly [JsonObject, string]>([
    [{ type: "data", seq: 0, content: 1 }, 'The field "seq" of the frame "data" must be integer >= 1 and <= 9007199254740991.'],
    [{ type: "error", error: { code: "X" } }, 'The field "error.message" of the frame "error" is missing.'],
    [{ type: "error", error: { code: "X", message: 1 } }, 'The field "error.message" of the frame "error" must be string.'],
    [
      { type: "status", status: "cancel_acknowledged", invocation_id: "i", mode: "now", outcome: "accepted" },
      'The field "mode" of the frame "status" must be string that matches ^(immediate|after_turn)$.',
    ],
    [{ type: "audio", seq: 0 }, 'The field "seq" of the frame "audio" must be integer >= 1 and <= 9007199254740991.'],
  ])("of the server frame %j say %s", (value, message) => {
    expect(() => readServerFrame(value)).toThrow(message);
  });
});
