// Approvals on which several decide at once: two handlers of two streams, one by REST, and now and then an expiry and a cancel. Each approval
// has at most one decision in the log, all who lost are told which one stands, and the tool runs at most once. The server is a process of
// its own. --full: 10,000 races, 2,000 without. --seed N repeats who decides what, and when.
import { createRandom } from "@runagent/conformance";
import { defineAgent, serve } from "@runagent/server";
import { RunAgentClient } from "runagent";
import { figure, percentile, readFlags } from "./lib/figures.mjs";
import { runRoles, startRole } from "./lib/roles.mjs";

const AT_ONCE = 20;
/** Within so many turns of the event loop a handler answers; a request gets a start, because it takes longer. */
const HANDLER_TURNS = 90;
const REST_TURNS = 30;

await runRoles({ server: serverRole }, main);

function serverRole() {
  const runs = {};
  const errors = [];
  const agent = defineAgent({
    id: "race",
    entrypoints: {
      async *pay_stream({ expiresIn }, ctx) {
        const more = expiresIn === undefined ? {} : { expiresIn };
        const { decision } = await ctx.requireApproval({ tool_name: "pay", arguments: { amount: 480 }, ...more });
        if (decision === "approve") runs[ctx.invocationId] = (runs[ctx.invocationId] ?? 0) + 1;
        yield decision;
      },
    },
  });
  const onError = (error) => errors.push(String(error));
  return { start: async () => (await serve(agent, { port: 0, onError })).port, runs: () => runs, errors: () => errors };
}

async function turns(count) {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}

async function race(client, number, random) {
  const invocationId = `race-${number}`;
  const draw = (most) => ({ decision: random.chance(0.5) ? "approve" : "reject", after: random.integer(0, most) });
  const handlers = [draw(HANDLER_TURNS), draw(HANDLER_TURNS)];
  const rest = draw(REST_TURNS);
  const cancelAfter = random.chance(0.2) ? random.integer(0, REST_TURNS) : undefined;
  const input = random.chance(0.3) ? { expiresIn: random.integer(1, 60) / 1000 } : {};
  const start = performance.now();
  let asked;
  const waiting = new Promise((resolve) => {
    asked = resolve;
  });
  const reads = handlers.map(({ decision, after }) => {
    const onApproval = async ({ approvalId }) => {
      asked(approvalId);
      await turns(after);
      return decision;
    };
    return readDecisions(client.runStream(input, { invocationId, onApproval }));
  });
  const approvalId = await Promise.race([waiting, ...reads.map(async (read) => (await read).approvalId)]);
  const byRest = turns(rest.after).then(() => client.decide(invocationId, { approvalId, decision: rest.decision }));
  const cancelled = cancelAfter === undefined ? undefined : turns(cancelAfter).then(() => client.cancel(invocationId));
  const told = await byRest.then(
    () => ({ code: "won" }),
    ({ code, field, details }) => ({ code, field, decision: details?.decision }),
  );
  await cancelled;
  const results = await Promise.all(reads);
  return { invocationId, results, told, rest, cancels: cancelAfter !== undefined, ms: performance.now() - start };
}

async function readDecisions(stream) {
  const decisions = [];
  let approvalId = "none";
  try {
    for await (const { event } of stream.events({ only: ["approval_decided"] })) {
      decisions.push(event.decision);
      approvalId = event.approval_id;
    }
    return { decisions, approvalId, end: stream.summary.status };
  } catch (error) {
    return { decisions, approvalId, end: error.code ?? String(error) };
  }
}

/** What is wrong with a race, if anything is. */
function findFault({ results, told, rest, cancels }, ran) {
  const [{ decisions }] = results;
  const [decision] = decisions;
  if (results.some((result) => result.decisions.join() !== decisions.join())) return "two streams saw other decisions";
  if (!cancels && decisions.length !== 1) return `${decisions.length} decisions`;
  if (decisions.length > 1) return "more than one decision";
  if (ran > (decision === "approve" ? 1 : 0)) return `the tool ran ${ran} times after ${decision}`;
  if (results.some(({ end }) => end !== "completed" && !(cancels && end === "CANCELLED")))
    return `a stream ended with ${results.map(({ end }) => end)}`;
  if (told.code === "won") return decision === rest.decision ? undefined : "REST won, and another decision stands";
  if (told.code === "ALREADY_DECIDED") return told.decision === decision ? undefined : "a loser was told of another decision";
  if (told.code === "VALIDATION_ERROR" && told.field === "approval_id" && cancels) return undefined;
  return `REST was told ${told.code}`;
}

async function run(port, count, random) {
  const client = new RunAgentClient({ agentId: "race", entrypointTag: "pay_stream", port });
  const races = [];
  let started = 0;
  const worker = async () => {
    while (started++ < count) races.push(await race(client, started, random));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await client.close();
  return races;
}

async function main() {
  const { full, seed } = readFlags();
  const count = Number(process.env.RACES ?? (full ? 10_000 : 2_000));
  const server = startRole(import.meta.url, "server");
  const start = performance.now();
  const races = await run(await server.call("start"), count, createRandom(seed));
  const seconds = (performance.now() - start) / 1000;
  const [runs, errors] = await Promise.all([server.call("runs"), server.call("errors")]);
  server.stop();
  console.log(`${count} approvals, each with two handlers and one decider by REST, seed ${seed}, in ${seconds.toFixed(1)} s`);
  const toldOf = (code) => races.filter(({ told }) => told.code === code).length;
  const decided = races.map(({ results }) => results[0].decisions.length);
  figure("decisions of one approval, at most", Math.max(...decided), "", { atMost: 1 });
  figure("approvals without a decision, all of them cancelled", decided.filter((number) => number === 0).length, "");
  figure("runs of one tool, at most", Math.max(0, ...Object.values(runs)), "", { atMost: 1 });
  figure("REST won", toldOf("won"), "races");
  figure("REST lost, and was told which decision stands", toldOf("ALREADY_DECIDED"), "races");
  figure("REST came after a cancel, and was told so", toldOf("VALIDATION_ERROR"), "races");
  figure(
    "a race, p50 (with 20 at once)",
    percentile(
      races.map(({ ms }) => ms),
      0.5,
    ),
    "ms",
  );
  const faults = races.map((each) => findFault(each, runs[each.invocationId] ?? 0)).filter((fault) => fault !== undefined);
  figure("races with a fault", faults.length, "", { exactly: 0 });
  if (faults.length > 0) console.log(`    the first: ${faults[0]}`);
  figure("errors of the server", errors.length, "", { exactly: 0 });
  if (errors.length > 0) console.log(`    the first: ${errors[0]}`);
}
