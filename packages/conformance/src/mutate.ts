import { isJsonObject } from "@runagent/core";
import type { Random } from "./random.ts";

/**
 * Frames that are nearly right: a valid one with one thing about it changed, in its values or in its bytes. [json.text.2]
 */

/** Values that have broken parsers, counters and objects before. */
const NASTY: readonly unknown[] = [
  null,
  true,
  "",
  "x".repeat(300),
  0,
  -1,
  0.5,
  1e308,
  2 ** 53,
  2 ** 53 - 1,
  2 ** 31,
  "1",
  "null",
  "../../etc/passwd",
  "%2e%2e%2f",
  "\u0000",
  "\r\nX-Injected: 1",
  "__proto__",
  "constructor",
  "toString",
  "\ud800",
  "\ufeff",
  [],
  {},
  [[]],
  { type: "data" },
];
const KEYS: readonly string[] = ["__proto__", "constructor", "toString", "prototype", "seq", "type", "status", "protocol", "\u0000"];
const TEXTS: readonly string[] = [
  "",
  "[]",
  "1",
  "null",
  '"text"',
  "{",
  "}",
  '{"type":',
  '{"type":"data"}{"type":"data"}',
  "\ufeff{}",
  '{"a":1e999}',
];
/** Bytes that are not UTF-8. */
const INVALID_UTF8: readonly (readonly number[])[] = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xe2, 0x82],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
];

/** One WebSocket message. */
export interface Message {
  readonly payload: Buffer;
  readonly binary: boolean;
}

/** Changes one thing about a frame. */
export function mutate(frame: Record<string, unknown>, random: Random): Message {
  const text = JSON.stringify(frame);
  const change = MUTATIONS[random.integer(0, MUTATIONS.length - 1)] ?? mutateValue;
  return { payload: change(text, random), binary: random.chance(0.01) };
}

type Mutation = (text: string, random: Random) => Buffer;

const mutateValue: Mutation = (text, random) => {
  const frame: unknown = JSON.parse(text);
  const holders = holdersIn(frame);
  const holder = pick(holders, random);
  const key = pick(Object.keys(holder), random);
  if (key !== undefined) Object.defineProperty(holder, key, { value: pick(NASTY, random), enumerable: true });
  return Buffer.from(JSON.stringify(frame));
};

const dropField: Mutation = (text, random) => {
  const frame: unknown = JSON.parse(text);
  const holder = pick(holdersIn(frame), random);
  const key = pick(Object.keys(holder), random);
  if (key !== undefined) Reflect.deleteProperty(holder, key);
  return Buffer.from(JSON.stringify(frame));
};

/** A key twice, or one that belongs to every object. */
const addField: Mutation = (text, random) =>
  Buffer.from(text.replace("{", `{${JSON.stringify(pick(KEYS, random))}:${JSON.stringify(pick(NASTY, random))},`));

const replaceAll: Mutation = (_text, random) => Buffer.from(pick(TEXTS, random) ?? "");

const truncate: Mutation = (text, random) => Buffer.from(text).subarray(0, random.integer(0, text.length));

const flipByte: Mutation = (text, random) => {
  const bytes = Buffer.from(text);
  const at = random.integer(0, bytes.length - 1);
  bytes[at] = random.integer(0, 255);
  return bytes;
};

const repeatPart: Mutation = (text, random) => {
  const from = random.integer(0, text.length);
  const to = random.integer(from, text.length);
  return Buffer.from(text.slice(0, to) + text.slice(from, to).repeat(random.integer(1, 20)) + text.slice(to));
};

const insertBytes: Mutation = (text, random) => {
  const at = random.integer(0, text.length);
  return Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from(pick(INVALID_UTF8, random) ?? []), Buffer.from(text.slice(at))]);
};

const nest: Mutation = (text, random) => {
  const depth = pick([62, 63, 64, 65, 1000, 10_000], random) ?? 65;
  return Buffer.from(text.replace("{", `{"deep":${"[".repeat(depth)}${"]".repeat(depth)},`));
};

const MUTATIONS: readonly Mutation[] = [
  mutateValue,
  mutateValue,
  mutateValue,
  dropField,
  addField,
  replaceAll,
  truncate,
  flipByte,
  flipByte,
  repeatPart,
  insertBytes,
  nest,
];

/** Every object in a value, the value itself included. */
function holdersIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  const children = isJsonObject(value) ? Object.values(value) : Array.isArray(value) ? value : [];
  return [value, ...children.flatMap(holdersIn)];
}

function pick<T>(items: readonly T[], random: Random): T {
  const item = items[random.integer(0, items.length - 1)];
  return item as T;
}
