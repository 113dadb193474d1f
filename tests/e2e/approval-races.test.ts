import { createRandom, type Random } from "@runagent/conformance";
import { RunAgentError } from "runagent";
import { expect, it } from "vitest";
import { type Asking, serveAsking } from "../support/asking-server.ts";

// Two handlers, REST, an expiry and a cancel at once: the small version of `npm run bench -- approval-races`.

const seed = Number(process.env.TEST_SEED ?? 20_268);
const RACES = 200;
const AT_ONCE = 20;

/** What one race came to. */
interface Race {
  /** approval_decided events in the log. */
  readonly decisions: number;
  readonly runs: number;
  /** What a decider by REST was told, or that it won. */
  readonly told: string;
  /** How the streams ended. */
  readonly ends: readonly string[];
  readonly problems: readonly string[];
}

/** Lets other work go first, so many turns. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}

async function race(runs: Asking["runs"], client: ReturnType<Asking["client"]>, number: number, random: Random): Promise<Race> {
  const invocationId = `race-${number}`;
  const draw = (most: number): { decision: "approve" | "reject"; after: number } => ({
    decision: random.chance(0.5) ? "approve" : "reject",
    after: random.integer(0, most),
  });
  // A request takes longer than a frame: it gets a start.
  const [first, second, rest] = [draw(90), draw(90), draw(30)];
  const cancels = random.chance(0.3) ? random.integer(0, 30) : undefined;
  const input = random.chance(0.3) ? { expiresIn: random.integer(1, 60) / 1000 } : {};
  let asked: (approvalId: string) => void = () => {};
  const waiting = new Promise<string>((resolve) => {
    asked = resolve;
  });
  const streams = [first, second].map(({ decision, after }) =>
    client.runStream<string>(input, {
      invocationId,
      async onApproval({ approvalId }) {
        asked(approvalId);
        await turns(after);
        return decision;
      },
    }),
  );
  const reads = streams.map(async (stream) => {
    const events: { decision: unknown; approval_id: string }[] = [];
    try {
      for await (const { event } of stream.events({ only: ["approval_decided"] })) events.push(event);
      return { events, end: stream.summary?.status ?? "none" };
    } catch (error) {
      return { events, end: RunAgentError.is(error) ? error.code : String(error) };
    }
  });
  // An approval that expires at once may be decided before anybody is asked.
  const approvalId = await Promise.race([waiting, ...reads.map(async (read) => (await read).events[0]?.approval_id ?? "none")]);
  const byRest = turns(rest.after).then(() => client.decide(invocationId, { approvalId, decision: rest.decision }));
  const cancelled = cancels === undefined ? undefined : turns(cancels).then(() => client.cancel(invocationId));
  const told = await byRest.then(
    () => "won",
    (error: unknown) => (RunAgentError.is(error) ? `${error.code} ${error.field ?? Object(error.details).decision}` : String(error)),
  );
  await cancelled;
  const results = await Promise.all(reads);
  const [{ events } = { events: [] }] = results;
  const ran = runs.get(invocationId) ?? 0;
  const decision = events[0]?.decision;
  const problems = [
    events.length > 1 && "more than one decision",
    cancels === undefined && events.length !== 1 && "no decision",
    ran > 1 && "the tool ran twice",
    ran === 1 && decision !== "approve" && "the tool ran without an approve",
    told === "won" && decision !== rest.decision && "REST was told that it won, and another decision stands",
    told.startsWith("ALREADY_DECIDED") && !told.endsWith(String(decision)) && "ALREADY_DECIDED with another decision than stands",
    told.startsWith("VALIDATION_ERROR") && (cancels === undefined || !told.endsWith("approval_id")) && "VALIDATION_ERROR without a cancel",
    !/^(won|ALREADY_DECIDED|VALIDATION_ERROR)/.test(told) && `REST was told ${told}`,
    ...results.map(({ end }) => !["completed", "CANCELLED"].includes(end) && `a stream ended with ${end}`),
    ...results.map((result) => JSON.stringify(result.events) !== JSON.stringify(events) && "the streams saw other decisions"),
  ].filter((problem) => problem !== false);
  return { decisions: events.length, runs: ran, told, ends: results.map(({ end }) => end), problems };
}

it(`${RACES} races of two handlers, REST, expiry and cancel (seed ${seed}): one decision each, the tool runs at most once`, async () => {
  const { client, runs } = await serveAsking();
  const shared = client();
  const random = createRandom(seed);
  const races: Race[] = [];
  for (let start = 1; start <= RACES; start += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, (_, index) => race(runs, shared, start + index, random));
    races.push(...(await Promise.all(batch)));
  }
  const problems = races.flatMap((each, index) => each.problems.map((problem) => `race ${index + 1}: ${problem}`));
  expect(problems, `seed ${seed}`).toEqual([]);
  // All kinds of ends came to pass, or the races were none.
  const count = (fits: (each: Race) => boolean): number => races.filter(fits).length;
  expect(count(({ told }) => told === "won")).toBeGreaterThan(0);
  expect(count(({ told }) => told.startsWith("ALREADY_DECIDED"))).toBeGreaterThan(0);
  expect(count(({ runs }) => runs === 1)).toBeGreaterThan(0);
  expect(count(({ ends }) => ends.includes("CANCELLED"))).toBeGreaterThan(0);
});
