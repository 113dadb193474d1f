/**
 * The rules of a fault proxy: plain JSON, so that a test in any language can write them. A rule says *on* what it acts, *do* what,
 * and for which connections, how probably and how often.
 */
import { isJsonObject, type JsonObject, parseJson, RunAgentError } from "@runagent/core";

/** Which way bytes go. */
export type Direction = "to_client" | "to_server";

/** A number, or the least and greatest of which one is drawn for each connection. */
export type NumberOrRange = number | readonly [number, number];

/** When a rule acts. */
export type Trigger =
  /** A client has connected; the target has not been. */
  | { readonly event: "connect" }
  /** The head of a request has come. `path`: a part of its target. */
  | { readonly event: "request"; readonly method?: string; readonly path?: string; readonly upgrade?: boolean }
  /** The head of the answer to such a request has come, and nothing of it was passed on. */
  | { readonly event: "answer"; readonly method?: string; readonly path?: string; readonly upgrade?: boolean; readonly status?: number }
  /** A WebSocket text message or an SSE event. `nth` (from 1) and `every` count the frames that match type and status on this connection. */
  | {
      readonly event: "frame";
      readonly direction?: Direction;
      readonly type?: string;
      readonly status?: string;
      readonly nth?: number;
      readonly every?: number;
      /** Where a reset, end, close or stall cuts. Default before; middle: at a random byte of the frame. */
      readonly where?: "before" | "middle" | "after";
    }
  /** So many bytes have been passed on in this direction (default to_client), heads included; it may be in the middle of a frame. */
  | { readonly event: "bytes"; readonly direction?: Direction; readonly at: NumberOrRange }
  /** So many milliseconds after the client connected. */
  | { readonly event: "time"; readonly ms: NumberOrRange };

/** What a rule does. */
export type Action =
  /** Both sides get a TCP reset. On connect: the target is never connected to. */
  | { readonly action: "reset" }
  /** Both sides get a TCP FIN, and no close frame. */
  | { readonly action: "end" }
  /** The client gets a WebSocket close frame and FIN, the server a FIN. */
  | { readonly action: "close"; readonly code: number; readonly reason?: string }
  /** The request is answered here and not passed on; the connection ends. On request only. */
  | { readonly action: "answer"; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** A black hole: nothing is read or passed on, sockets stay open, ends are not seen. After `ms`, or `heal()`, what was held goes on. */
  | { readonly action: "stall"; readonly direction?: Direction | "both"; readonly ms?: number }
  /** From here on every byte comes so much later, in order. Without a direction both ways. */
  | { readonly action: "delay"; readonly ms: number; readonly direction?: Direction | "both" }
  | { readonly action: "throttle"; readonly bytesPerSecond: number; readonly direction?: Direction | "both" }
  /** From here on segments of so many bytes (default 1). */
  | { readonly action: "split"; readonly bytes?: number; readonly direction?: Direction | "both" }
  /** The following act on the frame of a frame trigger. */
  | { readonly action: "drop" }
  | { readonly action: "duplicate" }
  /** The first frame on which the rule acted on this connection comes once more before this one. */
  | { readonly action: "replay" }
  /** The frame comes after the one that follows it. */
  | { readonly action: "swap" }
  /** A frame whose text is cut to so many bytes; default: a random length. */
  | { readonly action: "truncate"; readonly bytes?: number }
  /** Another frame comes before this one. */
  | { readonly action: "inject"; readonly text: string }
  /** Another text, or the same JSON with other fields. */
  | { readonly action: "replace"; readonly text?: string; readonly set?: JsonObject }
  /** So many random bytes of the text are changed (default 1). */
  | { readonly action: "mutate"; readonly bytes?: number };

/** One fault. The first rule that matches acts; shaping (delay, throttle, split) does not keep later rules from acting. */
export interface FaultRule {
  /** Its name in the figures. Default: its place in the list, from 1. */
  readonly name?: string;
  /** Connections it is for, counted from 1 as they come. Default: all. */
  readonly connections?: { readonly from?: number; readonly to?: number; readonly every?: number };
  readonly on: Trigger;
  readonly do: Action;
  /** From 0 to 1, drawn each time the rule could act; of a bytes or time rule once for each connection. Default 1. */
  readonly probability?: number;
  /** How often it acts at most, over all connections. Default: without end. */
  readonly times?: number;
}

type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === "string" ? undefined : "must be a string");
const flag: Check = (value) => (typeof value === "boolean" ? undefined : "must be true or false");
const object: Check = (value) => (isJsonObject(value) ? undefined : "must be an object");
const number =
  (min: number, max: number, whole = true): Check =>
  (value) =>
    typeof value === "number" && value >= min && value <= max && (!whole || Number.isInteger(value))
      ? undefined
      : `must be a ${whole ? "whole " : ""}number from ${min} to ${max}`;
const oneOf =
  (...choices: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && choices.includes(value) ? undefined : `must be one of ${choices.join(", ")}`;
const texts: Check = (value) =>
  isJsonObject(value) && Object.values(value).every((entry) => typeof entry === "string") ? undefined : "must be an object of strings";

/** Leaves a field out if it likes; every other field must be there. */
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);

const MAX = Number.MAX_SAFE_INTEGER;
const MAX_MS = 2_147_483_647;
const count = number(1, MAX);
const milliseconds = number(0, MAX_MS, false);
const oneWay = maybe(oneOf("to_client", "to_server"));
const anyWay = maybe(oneOf("to_client", "to_server", "both"));
const range: Check = (value) => {
  const ends: readonly unknown[] = Array.isArray(value) ? value : [value, value];
  const valid = ends.length === 2 && ends.every((end) => milliseconds(end) === undefined) && Number(ends[0]) <= Number(ends[1]);
  return valid ? undefined : `must be a number from 0 to ${MAX_MS}, or [least, greatest]`;
};

type Fields = Readonly<Record<string, Check>>;

const REQUEST = { method: maybe(text), path: maybe(text), upgrade: maybe(flag) };
const TRIGGERS: Readonly<Record<string, Fields>> = {
  connect: {},
  request: REQUEST,
  answer: { ...REQUEST, status: maybe(number(100, 599)) },
  frame: {
    direction: oneWay,
    type: maybe(text),
    status: maybe(text),
    nth: maybe(count),
    every: maybe(count),
    where: maybe(oneOf("before", "middle", "after")),
  },
  bytes: { direction: oneWay, at: range },
  time: { ms: range },
};
const ACTIONS: Readonly<Record<string, Fields>> = {
  reset: {},
  end: {},
  close: { code: number(1000, 4999), reason: maybe(text) },
  answer: { status: number(200, 599), headers: maybe(texts), body: maybe(text) },
  stall: { direction: anyWay, ms: maybe(milliseconds) },
  delay: { ms: milliseconds, direction: anyWay },
  throttle: { bytesPerSecond: count, direction: anyWay },
  split: { bytes: maybe(count), direction: anyWay },
  drop: {},
  duplicate: {},
  replay: {},
  swap: {},
  truncate: { bytes: maybe(number(0, MAX)) },
  inject: { text },
  replace: { text: maybe(text), set: maybe(object) },
  mutate: { bytes: maybe(count) },
};
const RULE: Fields = {
  name: maybe(text),
  connections: maybe(object),
  on: object,
  do: object,
  probability: maybe(number(0, 1, false)),
  times: maybe(number(0, MAX)),
};
const CONNECTIONS: Fields = { from: maybe(count), to: maybe(count), every: maybe(count) };
const FRAME_ACTIONS = new Set(["drop", "duplicate", "replay", "swap", "truncate", "inject", "replace", "mutate"]);

/**
 * Checks rules.
 * @throws RunAgentError VALIDATION_ERROR whose `field` is the path of what is wrong.
 */
export function readRules(value: unknown): readonly FaultRule[] {
  if (!Array.isArray(value)) throw invalid("rules", "must be an array of rules");
  for (const [index, rule] of value.entries()) checkRule(rule, `rules[${index}]`);
  // Every field was checked against the types above.
  return value as readonly FaultRule[];
}

/**
 * Reads rules from JSON text.
 * @throws RunAgentError VALIDATION_ERROR, for text that is not JSON too.
 */
export function parseRules(json: string): readonly FaultRule[] {
  return readRules(parseJson(json, "list of rules", "VALIDATION_ERROR"));
}

function checkRule(rule: unknown, path: string): void {
  if (!isJsonObject(rule)) throw invalid(path, "must be an object with `on` and `do`");
  checkFields(rule, RULE, path);
  checkFields(rule.connections ?? {}, CONNECTIONS, `${path}.connections`);
  const event = checkKind(rule.on, "event", TRIGGERS, `${path}.on`);
  const action = checkKind(rule.do, "action", ACTIONS, `${path}.do`);
  if (FRAME_ACTIONS.has(action) && event !== "frame") throw invalid(`${path}.do.action`, `${action} needs a frame: use the event frame`);
  if (action === "answer" && event !== "request") throw invalid(`${path}.do.action`, "answer needs the event request");
  if (action === "replace" && isJsonObject(rule.do) && (rule.do.text === undefined) === (rule.do.set === undefined)) {
    throw invalid(`${path}.do`, "takes either text or set");
  }
}

function checkKind(value: unknown, key: string, kinds: Readonly<Record<string, Fields>>, path: string): string {
  const kind = isJsonObject(value) ? value[key] : undefined;
  const fields = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (typeof kind !== "string" || fields === undefined) throw invalid(`${path}.${key}`, `must be one of ${Object.keys(kinds).join(", ")}`);
  checkFields(value, { ...fields, [key]: text }, path);
  return kind;
}

function checkFields(value: unknown, fields: Fields, path: string): void {
  const given = isJsonObject(value) ? value : {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(fields, name)) throw invalid(`${path}.${name}`, `is not known; known are ${Object.keys(fields).join(", ")}`);
  }
  for (const [name, check] of Object.entries(fields)) {
    const problem = check(given[name]);
    if (problem !== undefined) throw invalid(`${path}.${name}`, problem);
  }
}

function invalid(field: string, problem: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", `${field} ${problem}.`, {
    field,
    suggestion: "Correct the rule; the README of @runagent/conformance lists triggers and actions.",
  });
}
