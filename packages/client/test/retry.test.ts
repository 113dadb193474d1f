import { ERRORS, isErrorCode, RunAgentError } from "@runagent/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Decision, decide, errorOfClose, finalError, retryDelayMs, type Situation, withRetryAfter } from "../src/retry.ts";

const seed = Number(process.env.TEST_SEED ?? 20_264);
fc.configureGlobal({ seed, numRuns: 1000 });

const CODES = Object.keys(ERRORS).filter(isErrorCode);
const errorOf = (code: string, options: object = {}): RunAgentError => {
  if (!isErrorCode(code)) throw new Error(`${code} is no code`);
  return new RunAgentError(code, "It failed.", options);
};

/** A call that has just begun: nothing is known. */
const NEW: Situation = {
  reached: false,
  sent: false,
  accepted: false,
  resumable: false,
  version2: false,
  refusals: 0,
  gaps: 0,
};
const OPEN = { ...NEW, reached: true };
const SENT = { ...OPEN, sent: true };
const SITUATIONS: [string, Situation][] = [
  ["nothing was reached", NEW],
  ["nothing was sent", OPEN],
  ["sent, version unknown", SENT],
  ["sent, version 2", { ...SENT, version2: true }],
  ["accepted in version 1", { ...SENT, accepted: true }],
  ["accepted, no log is kept", { ...SENT, accepted: true, version2: true }],
  ["resumable", { ...SENT, accepted: true, version2: true, resumable: true }],
  ["a resume from a position", { ...OPEN, version2: true, resumable: true }],
];

describe("decide", () => {
  const RETRYABLE = ["RATE_LIMITED", "SERVER_ERROR", "CONNECTION_ERROR"];

  it("retries these codes of the table and no other", () => {
    expect(CODES.filter((code) => ERRORS[code].retryable).sort()).toEqual([...RETRYABLE].sort());
  });

  it.each(CODES.filter((code) => !RETRYABLE.includes(code)))("%s is never retried, whatever is known", (code) => {
    for (const [, situation] of SITUATIONS) expect(decide(errorOf(code), situation)).toBe("give-up");
  });

  const expected: Record<string, Decision[]> = {
    // In the order of SITUATIONS.
    CONNECTION_ERROR: ["reconnect", "reconnect", "ask-version", "reconnect", "give-up", "give-up", "reconnect", "reconnect"],
    SERVER_ERROR: ["reconnect", "reconnect", "ask-version", "reconnect", "give-up", "give-up", "reconnect", "reconnect"],
    RATE_LIMITED: ["reconnect", "reconnect", "reconnect", "reconnect", "give-up", "give-up", "reconnect", "reconnect"],
  };

  it.each(SITUATIONS.map(([name, situation], index) => [name, situation, index] as const))("%s", (_, situation, index) => {
    for (const [code, decisions] of Object.entries(expected))
      expect([code, decide(errorOf(code), situation)]).toEqual([code, decisions[index]]);
  });

  it("an address where nothing answers is given up at first, and tried again once it was reached", () => {
    const unreachable = errorOf("CONNECTION_ERROR", { details: { unreachable: true } });
    expect(decide(unreachable, NEW)).toBe("give-up");
    expect(decide(unreachable, { ...NEW, resumable: true })).toBe("give-up");
    expect(decide(unreachable, OPEN)).toBe("reconnect");
    expect(decide(unreachable, { ...SENT, accepted: true, resumable: true })).toBe("reconnect");
  });

  it("a certificate that was not accepted is never retried", () => {
    for (const [, situation] of SITUATIONS) expect(decide(errorOf("CONNECTION_ERROR", { retryable: false }), situation)).toBe("give-up");
  });

  it("five refusals in a row, or five gaps, are enough; once accepted, refusals are not counted", () => {
    const resumable = { ...SENT, accepted: true, resumable: true };
    for (const count of [0, 4, 5, 6]) {
      const decision = count < 5 ? "reconnect" : "give-up";
      expect(decide(errorOf("RATE_LIMITED"), { ...OPEN, refusals: count })).toBe(decision);
      expect(decide(errorOf("CONNECTION_ERROR"), { ...resumable, gaps: count })).toBe(decision);
      expect(decide(errorOf("SERVER_ERROR"), { ...resumable, refusals: count })).toBe("reconnect");
    }
  });
});

describe(`retryDelayMs (seed ${seed})`, () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const retryAfter = fc.option(fc.oneof(fc.integer({ min: -5, max: 200 }), fc.constantFrom(1e9, Number.MAX_VALUE, "7", null, Number.NaN)), {
    nil: undefined,
  });

  it("is at once first, then at most 50 ms doubled and the maximum, and never less than was asked for, up to a minute", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2000 }),
        random,
        fc.nat({ max: 20_000 }),
        fc.constantFrom("CONNECTION_ERROR", "RATE_LIMITED", "SERVER_ERROR"),
        retryAfter,
        (attempt, chance, maxDelayMs, code, seconds) => {
          const details = seconds === undefined ? undefined : { retry_after_seconds: seconds };
          const delay = retryDelayMs(attempt, chance, maxDelayMs, errorOf(code, { details }));
          const valid = typeof seconds === "number" && seconds >= 0;
          const floor = valid ? Math.min(seconds * 1000, 60_000) : 0;
          const rank = code === "RATE_LIMITED" ? attempt + 1 : attempt;
          const jitter = rank === 0 ? 0 : Math.min(maxDelayMs, 50 * 2 ** (rank - 1));
          expect(delay).toBeGreaterThanOrEqual(floor);
          expect(delay).toBeLessThanOrEqual(Math.max(floor, jitter));
          if (rank === 0 && !valid) expect(delay).toBe(0);
        },
      ),
    );
  });

  it("spreads over the whole range, and grows", () => {
    const at = (attempt: number, chance: number): number => retryDelayMs(attempt, chance, 10_000, errorOf("CONNECTION_ERROR"));
    expect([0, 1, 2, 3, 8, 9, 50].map((attempt) => at(attempt, 1))).toEqual([0, 50, 100, 200, 6400, 10_000, 10_000]);
    expect([0, 0.25, 0.5].map((chance) => at(3, chance))).toEqual([0, 50, 100]);
    // Who was told to come back later does not come back at once.
    expect(retryDelayMs(0, 0.5, 10_000, errorOf("RATE_LIMITED"))).toBe(25);
  });
});

describe("withRetryAfter", () => {
  const NOW = Date.parse("Wed, 21 Oct 2026 07:28:00 GMT");
  const secondsOf = ({ details }: RunAgentError): unknown => Object(details).retry_after_seconds;

  it.each([
    ["7", 7],
    ["0", 0],
    [" 12 ", 12],
    ["1000000000", 1e9],
    ["Wed, 21 Oct 2026 07:28:30 GMT", 30],
    ["Wed Oct 21 07:29:00 2026 GMT", 60],
    ["Wed, 21 Oct 2026 07:27:00 GMT", undefined],
    ["-5", undefined],
    ["1.5", undefined],
    ["1e9", undefined],
    ["0x10", undefined],
    ["+3", undefined],
    ["", undefined],
    [" ", undefined],
    ["soon", undefined],
    ["Wed, nonsense", undefined],
    ["2026-10-21T07:28:30Z", undefined],
    ["9".repeat(400), undefined],
    ["NaN", undefined],
    ["Infinity", undefined],
    ["5, 6", undefined],
  ])("%j says %s", (header, seconds) => {
    for (const status of [429, 503]) {
      const error = errorOf(status === 429 ? "RATE_LIMITED" : "SERVER_ERROR", { origin: "wire" });
      expect(secondsOf(withRetryAfter(error, status, header, NOW))).toBe(seconds);
    }
  });

  it.each([null, undefined])("%s says nothing", (header) => {
    const error = errorOf("SERVER_ERROR");
    expect(withRetryAfter(error, 503, header, NOW)).toBe(error);
  });

  it.each([200, 400, 401, 403, 404, 409, 500, 502, 504])("status %i: the header says nothing of what was done", (status) => {
    const error = errorOf("SERVER_ERROR");
    expect(withRetryAfter(error, status, "7", NOW)).toBe(error);
    expect(decide(withRetryAfter(error, status, "7", NOW), SENT)).toBe("ask-version");
  });

  it("429, and 503 with the header, are repeated whatever the version", () => {
    expect(decide(withRetryAfter(errorOf("SERVER_ERROR"), 503, "7", NOW), SENT)).toBe("reconnect");
    expect(decide(withRetryAfter(errorOf("RATE_LIMITED"), 429, null, NOW), SENT)).toBe("reconnect");
  });

  it("keeps what the error has; the word of the body counts first", () => {
    const known = { origin: "wire", requestId: "r1", field: "f", suggestion: "Wait.", details: { first_seq: 3 } } as const;
    const error = withRetryAfter(errorOf("RATE_LIMITED", known), 429, "7", NOW);
    expect(error).toMatchObject({ ...known, code: "RATE_LIMITED", retryable: true, details: { first_seq: 3, retry_after_seconds: 7 } });
    expect(secondsOf(withRetryAfter(errorOf("RATE_LIMITED", { details: { retry_after_seconds: 1 } }), 429, "7", NOW))).toBe(1);
    expect(secondsOf(withRetryAfter(errorOf("RATE_LIMITED", { details: { retry_after_seconds: -1 } }), 429, "7", NOW))).toBe(7);
  });

  it.each(["OWNER_LOST", "AUTHENTICATION_ERROR", "TIMEOUT"])("does not make %s one to repeat", (code) => {
    expect(withRetryAfter(errorOf(code), 503, "7", NOW).retryable).toBe(false);
  });
});

describe("errorOfClose", () => {
  const RESUMED = [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014];
  const BY_CODE = new Map<number, string>();
  for (const code of CODES) {
    const { closeCode } = ERRORS[code];
    if (closeCode !== null && (closeCode === 1009 || closeCode > 4000) && !BY_CODE.has(closeCode)) BY_CODE.set(closeCode, code);
  }
  const ALL = [
    ...Array.from({ length: 16 }, (_, index) => 1000 + index),
    3000,
    3999,
    ...Array.from({ length: 500 }, (_, index) => 4000 + index),
  ];

  it("knows the codes of the table", () => {
    expect(BY_CODE.get(4401)).toBe("AUTHENTICATION_ERROR");
    expect(BY_CODE.get(4404)).toBe("AGENT_NOT_FOUND");
    expect(BY_CODE.size).toBeGreaterThanOrEqual(12);
  });

  it.each([true, false])("says what every code says, accepted: %s", (accepted) => {
    for (const closeCode of ALL) {
      const error = errorOfClose({ code: closeCode, reason: "why" }, accepted);
      const named = accepted ? undefined : BY_CODE.get(closeCode);
      const code =
        closeCode === 4429
          ? "RATE_LIMITED"
          : RESUMED.includes(closeCode) || closeCode === 1015
            ? "CONNECTION_ERROR"
            : (named ?? "STREAM_TRUNCATED");
      expect([closeCode, error.code, error.retryable]).toEqual([closeCode, code, RESUMED.includes(closeCode) || closeCode === 4429]);
      expect(error.details).toEqual({ closeCode, reason: "why" });
      expect(error.message).toContain(String(closeCode));
      expect(error.origin).toBe(closeCode === 4429 || (named !== undefined && code === named) ? "wire" : "local");
    }
  });

  it("shows no raw text of the peer, and lets a failure that is known better go first", () => {
    const error = errorOfClose({ code: 4999, reason: 'a\r\nb"' }, true);
    expect(error.message).not.toMatch(/[\r\n]/);
    const known = errorOf("PROTOCOL_ERROR");
    expect(errorOfClose({ code: 1000, reason: "", error: known }, false)).toBe(known);
  });
});

describe("finalError", () => {
  it.each([
    ["CONNECTION_ERROR", {}, { sent: false, accepted: false }, "CONNECTION_ERROR"],
    ["CONNECTION_ERROR", {}, { sent: true, accepted: false }, "STREAM_TRUNCATED"],
    ["CONNECTION_ERROR", {}, { sent: true, accepted: true }, "STREAM_TRUNCATED"],
    ["CONNECTION_ERROR", { retryable: false }, { sent: true, accepted: true }, "CONNECTION_ERROR"],
    ["RATE_LIMITED", { details: { closeCode: 4429 } }, { sent: true, accepted: true }, "STREAM_TRUNCATED"],
    ["RATE_LIMITED", { details: { closeCode: 4429 } }, { sent: true, accepted: false }, "RATE_LIMITED"],
    ["RATE_LIMITED", { origin: "wire" }, { sent: true, accepted: true }, "RATE_LIMITED"],
    ["TIMEOUT", {}, { sent: true, accepted: true }, "TIMEOUT"],
    ["CURSOR_EXPIRED", {}, { sent: true, accepted: true }, "CURSOR_EXPIRED"],
  ])("%s %j with %j is %s", (code, options, situation, final) => {
    const error = errorOf(code, options);
    const shown = finalError(error, situation);
    expect(shown.code).toBe(final);
    expect(shown.message).toBe(error.message);
    expect(shown.details).toEqual(error.details);
    if (final === "STREAM_TRUNCATED") expect(shown.retryable).toBe(false);
  });

  it("a TIMEOUT of a connection that carried the start is not one to repeat", () => {
    const error = errorOf("TIMEOUT", { retryable: true });
    expect(finalError(error, { sent: true, accepted: false })).toMatchObject({ code: "TIMEOUT", retryable: false, message: error.message });
    expect(finalError(error, { sent: false, accepted: false })).toBe(error);
  });
});
