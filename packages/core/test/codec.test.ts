import {
  codeOfClose,
  decodeCursor,
  ERRORS,
  encodeCursor,
  encodeValueV1,
  errorFromHttp,
  isDeeperThan,
  isErrorCode,
  MAX_JSON_DEPTH,
  PROTOCOL_ERROR_CLOSE,
  parseJson,
  parseJsonObject,
  RunAgentError,
  readChunkV1,
  readClientFrame,
  readResultV1,
  readServerFrame,
} from "@runagent/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const seed = Number(process.env.TEST_SEED ?? 20_261);
fc.configureGlobal({ seed, numRuns: 300 });

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "nothing thrown";
  } catch (error) {
    return RunAgentError.is(error) ? error.code : String(error);
  }
};

const depthOf = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
};

describe("parseJson", () => {
  it(`measures depth as a parser would (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.integer({ min: 1, max: 10 }), (value, limit) => {
        expect(isDeeperThan(JSON.stringify(value), limit)).toBe(depthOf(value) > limit);
      }),
    );
  });

  it("counts no bracket inside a string", () => {
    const text = JSON.stringify({ a: '[[[[\\"[[[['.repeat(1000), b: "\\" });
    expect(isDeeperThan(text, 2)).toBe(false);
  });

  it("reads depth 64 and refuses 65 and five million, before parsing", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(nested(MAX_JSON_DEPTH), "frame", "PROTOCOL_ERROR")).toBeInstanceOf(Array);
    for (const depth of [65, 10_000, 1_000_000, 5_000_000]) {
      expect(codeOf(() => parseJson(nested(depth), "frame", "PROTOCOL_ERROR"))).toBe("PAYLOAD_TOO_LARGE");
    }
  });

  it.each(["", " ", "nul", "{", "[1,", '"\ud800', "NaN", "\u0000", "{'a':1}", "\ufeff{}"])("refuses %j and blames the peer", (text) => {
    expect(codeOf(() => parseJson(text, "frame", "PROTOCOL_ERROR"))).toBe("PROTOCOL_ERROR");
    expect(codeOf(() => parseJson(text, "frame", "VALIDATION_ERROR"))).toBe("VALIDATION_ERROR");
  });

  it.each(["null", "[]", "1", '"x"', "true"])("refuses %s where an object must be", (text) => {
    expect(codeOf(() => parseJsonObject(text, "frame", "PROTOCOL_ERROR"))).toBe("PROTOCOL_ERROR");
  });

  it("leaves prototypes alone", () => {
    const value = parseJsonObject('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}', "frame", "PROTOCOL_ERROR");
    expect(Object.hasOwn(value, "__proto__")).toBe(true);
    expect("polluted" in {}).toBe(false);
  });
});

describe("frames", () => {
  it("ignores an unknown type without seq, and keeps its place with one", () => {
    expect(readServerFrame({ type: "telemetry", x: 1 })).toMatchObject({ type: "unknown", seq: undefined });
    expect(readServerFrame({ type: "audio", seq: 3 })).toMatchObject({ type: "unknown", seq: 3 });
    expect(readServerFrame({ type: "status", status: "queued" })).toMatchObject({ type: "unknown", seq: undefined });
  });

  it("keeps unknown fields", () => {
    expect(readServerFrame({ type: "data", seq: 1, content: null, extra: { a: 1 } })).toEqual({
      type: "data",
      seq: 1,
      content: null,
      extra: { a: 1 },
    });
  });

  it("names the field that is wrong", () => {
    expect(() => readServerFrame({ type: "data", seq: 1 })).toThrow(/"content" of the frame "data" is missing/);
    expect(() => readClientFrame({ type: "ack", seq: "1" })).toThrow(/"seq" of the frame "ack" must be integer/);
    expect(codeOf(() => readServerFrame({ type: "audio", seq: -1 }))).toBe("PROTOCOL_ERROR");
    expect(codeOf(() => readServerFrame({}))).toBe("PROTOCOL_ERROR");
    expect(codeOf(() => readClientFrame({ type: 1 }))).toBe("VALIDATION_ERROR");
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("takes the type %s for unknown", (type) => {
    expect(readServerFrame({ type })).toMatchObject({ type: "unknown" });
    expect(readClientFrame({ type })).toMatchObject({ type: "unknown" });
    expect(readServerFrame({ type: "status", status: type })).toMatchObject({ type: "unknown" });
  });
});

describe("cursor", () => {
  const id = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$/);
  const epoch = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

  it(`reads what it wrote (seed ${seed})`, () => {
    fc.assert(
      fc.property(id, epoch, fc.maxSafeNat(), (invocationId, name, seq) => {
        const cursor = { invocationId, epoch: name, seq };
        expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor);
      }),
    );
  });

  it("is the string that the specification shows", () => {
    expect(encodeCursor({ invocationId: "inv-1", epoch: "e1", seq: 1 })).toBe("cmEyOmUxOjE6aW52LTE");
  });

  it("refuses anything else", () => {
    const encode = (text: string): string => Buffer.from(text).toString("base64url");
    const wrong = ["", "x", "ra2:e:1:i", "!!!!", encode("ra2:e:01:i"), encode("ra2:e:-1:i"), encode("ra2:e:1:../i"), encode("ra1:e:1:i")];
    const padded = `${encode("ra2:e:1:ii")}=`;
    for (const text of [...wrong, padded, encode("ra2:e:9007199254740993:i"), ` ${encode("ra2:e:1:i")}`]) {
      expect(
        codeOf(() => decodeCursor(text)),
        text,
      ).toBe("VALIDATION_ERROR");
    }
  });
});

describe("version 1 values", () => {
  it(`survive the double encoding (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(readChunkV1(encodeValueV1(plain))).toEqual(plain);
        expect(readResultV1({ success: true, data: encodeValueV1(plain) })).toEqual(plain);
      }),
    );
  });

  it("are plain text where they are no JSON, however many brackets they hold; and refused where they are, and too deep", () => {
    const brackets = "{".repeat(200);
    expect(readChunkV1(brackets)).toBe(brackets);
    expect(readResultV1({ success: true, data: `${"[ ".repeat(200)}plain` })).toBe(`${"[ ".repeat(200)}plain`);
    expect(codeOf(() => readResultV1({ success: true, data: "[".repeat(65) + "]".repeat(65) }))).toBe("PAYLOAD_TOO_LARGE");
  });

  it("travel exactly as deployed servers write them", () => {
    expect(encodeValueV1("hello")).toBe('{"type":"string","payload":"\\"hello\\""}');
    const types = [1, 1.5, true, null, [], {}, undefined].map((value) => JSON.parse(encodeValueV1(value)).type);
    expect(types).toEqual(["integer", "number", "boolean", "null", "array", "object", "null"]);
  });
});

describe("errors", () => {
  it("carry no key, stack or cause to the wire or into JSON", () => {
    const error = new RunAgentError("EXECUTION_ERROR", "It failed.", { cause: new Error("secret") });
    expect(JSON.stringify([error, error.toWire()])).not.toMatch(/secret|stack/);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("say what the table says", () => {
    for (const [code, { action, retryable, closeCode }] of Object.entries(ERRORS)) {
      if (!isErrorCode(code)) throw new Error(`${code} is no code`);
      expect(new RunAgentError(code, "So.")).toMatchObject({ name: "RunAgentError", code, suggestion: action, retryable, origin: "local" });
      const named = closeCode === null ? undefined : codeOfClose(closeCode);
      if (closeCode !== null && closeCode > 4000) expect(named === undefined ? named : ERRORS[named].closeCode).toBe(closeCode);
    }
    expect([1000, 1006, 1009, 1011, 4000, 4413].map(codeOfClose)).toEqual([...Array(2), "PAYLOAD_TOO_LARGE", ...Array(3)]);
    expect(PROTOCOL_ERROR_CLOSE).toBe(ERRORS.PROTOCOL_ERROR.closeCode);
  });

  it("are recognised across copies of the package", () => {
    expect(RunAgentError.is(new RunAgentError("TIMEOUT", "Late."))).toBe(true);
    expect(RunAgentError.is(new Error("x"))).toBe(false);
    expect(RunAgentError.is(null)).toBe(false);
  });

  it.each([
    [200, { success: false, error: "It broke." }, "EXECUTION_ERROR", "It broke."],
    [200, { success: false, error: { code: "INTERNAL_ERROR", message: "It broke." } }, "EXECUTION_ERROR", "It broke."],
    [
      404,
      { success: false, error: { code: "NOT_FOUND", message: "Entrypoint x not found" } },
      "ENTRYPOINT_NOT_FOUND",
      "Entrypoint x not found",
    ],
    [404, { detail: "Not Found" }, "AGENT_NOT_FOUND", "Not Found"],
    [
      422,
      { detail: [{ loc: ["body", "entrypoint_tag"], msg: "Field required" }] },
      "VALIDATION_ERROR",
      "body.entrypoint_tag: Field required",
    ],
    [429, undefined, "RATE_LIMITED", "The server answered with HTTP status 429 and no error envelope."],
    [503, { message: "down" }, "SERVER_ERROR", "down"],
    [400, { error: { code: "CURSOR_AHEAD", message: "Ahead.", suggestion: "Stop.", field: "after_seq" } }, "CURSOR_AHEAD", "Ahead."],
    [418, {}, "PROTOCOL_ERROR", "The server answered with HTTP status 418 and no error."],
  ])("read HTTP %i %j", (status, body, code, message) => {
    expect(errorFromHttp(status, body)).toMatchObject({ code, message, origin: "wire" });
  });
});
