/**
 * N3 with a true black hole: server and client in network namespaces of their own, joined by a veth pair. A direction goes black when the
 * sender is told a hardware address that nobody has: packets leave and nobody takes them, and no error comes back.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { serve } from "@runagent/server";
import { RunAgentClient, type TransportName } from "runagent";
import { type Consumed, consume, judge, monotonicMs, startConsumed } from "./consume.ts";
import { AGENT_ID, createFaultAgent } from "./fault-agent.ts";
import { playRole, type Role, startRole } from "./roles.ts";
import type { ScenarioResult } from "./scenarios.ts";

/** The name of the role; it plays the server or the client, as it is called. */
export const HALF_OPEN_ROLE = "half-open";

type Direction = "both" | "to_client" | "to_server";

const NOBODY = "02:00:00:00:00:99";
const RECORDS = 3;
const run = promisify(execFile);
const ip = async (...args: string[]): Promise<string> => (await run("ip", args)).stdout;

interface End {
  readonly namespace: string;
  readonly device: string;
  readonly address: string;
}

interface Found {
  readonly foundMs: number;
  readonly consumed: Consumed;
}

/** Undefined when namespaces can be made here, else why not. */
export async function namespacesWork(): Promise<string | undefined> {
  const name = `ra-try-${process.pid}`;
  try {
    await ip("netns", "add", name);
    await ip("netns", "del", name);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[1] ?? error.message) : String(error);
  }
}

/** Black both ways, then each way. */
export async function runHalfOpenInNamespaces(
  transport: Exclude<TransportName, "auto">,
  heartbeatSeconds: number,
): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const direction of ["both", "to_client", "to_server"] as const) results.push(await runOne(transport, heartbeatSeconds, direction));
  return results;
}

async function runOne(transport: Exclude<TransportName, "auto">, heartbeatSeconds: number, direction: Direction): Promise<ScenarioResult> {
  const id = `${process.pid}`;
  const server: End = { namespace: `ra-s-${id}`, device: "ras0", address: "10.77.0.1" };
  const client: End = { namespace: `ra-c-${id}`, device: "rac0", address: "10.77.0.2" };
  const roles: Role[] = [];
  try {
    await join(server, client);
    const inside = ({ namespace }: End): Role => {
      const role = startRole(HALF_OPEN_ROLE, ["ip", "netns", "exec", namespace]);
      roles.push(role);
      return role;
    };
    const serving = inside(server);
    const calling = inside(client);
    const port = await serving.call<number>("serve", { host: server.address, heartbeatSeconds });
    await calling.call("open", { host: server.address, port, transport });
    const brokenMs = monotonicMs();
    if (direction !== "to_client") await blacken(client, server);
    if (direction !== "to_server") await blacken(server, client);
    await calling.call("found");
    const { foundMs } = await calling.call<Found>("state");
    await Promise.all([whiten(client, server), whiten(server, client)]);
    await serving.call("release");
    await calling.call("ended");
    const { consumed } = await calling.call<Found>("state");
    return sumUp({ transport, heartbeatSeconds, direction, elapsedMs: foundMs - brokenMs, consumed, log: await serving.call("log") });
  } finally {
    await Promise.all(roles.map((role) => role.stop()));
    // They may not all be there when making them failed.
    for (const { namespace } of [server, client]) await ip("netns", "del", namespace).catch(() => {});
  }
}

function sumUp(result: {
  transport: string;
  heartbeatSeconds: number;
  direction: Direction;
  elapsedMs: number;
  consumed: Consumed;
  log: Parameters<typeof judge>[1];
}): ScenarioResult {
  const { transport, heartbeatSeconds, direction, elapsedMs, consumed, log } = result;
  const { lost, duplicated, reordered, problems: found } = judge(consumed, log);
  const problems = [...found, ...consumed.errors.map(({ error }) => `${error.code} ${error.message}`)];
  // A server that hears nothing may get heartbeats out until it waits for its own acknowledgements; the clock starts after the last.
  const limitMs = 1000 * heartbeatSeconds * (direction === "to_server" ? 4 : 2) + 250;
  if (!(elapsedMs <= limitMs)) problems.push(`found after ${elapsedMs.toFixed(0)} ms, later than ${limitMs} ms`);
  return {
    name: `N3 black hole ${direction} between network namespaces, ${transport}`,
    line: `found after ${elapsedMs.toFixed(0)} ms with a heartbeat of ${1000 * heartbeatSeconds} ms; lost ${lost}, duplicated ${duplicated}, reordered ${reordered}`,
    problems,
  };
}

async function join(one: End, other: End): Promise<void> {
  for (const { namespace } of [one, other]) await ip("netns", "add", namespace);
  await ip("link", "add", one.device, "netns", one.namespace, "type", "veth", "peer", "name", other.device, "netns", other.namespace);
  for (const { namespace, device, address } of [one, other]) {
    await ip("-n", namespace, "addr", "add", `${address}/24`, "dev", device);
    await ip("-n", namespace, "link", "set", device, "up");
    await ip("-n", namespace, "link", "set", "lo", "up");
  }
}

/** What `from` sends to `to` is lost. */
async function blacken(from: End, to: End): Promise<void> {
  await setAddress(from, to, NOBODY);
}

async function whiten(from: End, to: End): Promise<void> {
  const [link] = JSON.parse(await ip("-j", "-n", to.namespace, "link", "show", to.device));
  await setAddress(from, to, String(link.address));
}

async function setAddress(from: End, to: End, hardware: string): Promise<void> {
  await ip("-n", from.namespace, "neigh", "replace", to.address, "lladdr", hardware, "dev", from.device, "nud", "permanent");
}

/** Plays the server or the client until the starter goes away. */
export function playHalfOpen(): void {
  const faults = createFaultAgent();
  const consumed = startConsumed();
  let foundMs = Number.NaN;
  let tellFound: () => void = () => {};
  const found = new Promise<void>((resolve) => {
    tellFound = resolve;
  });
  let ended: Promise<void> | undefined;
  playRole({
    serve: async ({ host, heartbeatSeconds }: { host: string; heartbeatSeconds: number }) =>
      (await serve(faults.agent, { host, port: 0, limits: { heartbeatSeconds } })).port,
    release: () => faults.release(),
    log: () => faults.log(),
    open: async ({ host, port, transport }: { host: string; port: number; transport: TransportName }) => {
      const client = new RunAgentClient({
        agentId: AGENT_ID,
        host,
        port,
        transport,
        connectTimeoutMs: 2_000,
        entrypointTag: "open_stream",
      });
      const onReconnect = (): void => {
        if (Number.isNaN(foundMs)) foundMs = monotonicMs();
        tellFound();
      };
      const stream = client.runStream({ count: RECORDS }, { onReconnect, timeoutMs: 60_000 });
      await new Promise<void>((resolve) => {
        ended = consume(stream, consumed, (seq) => {
          if (seq === RECORDS) resolve();
        });
      });
    },
    found: () => found,
    ended: () => ended,
    state: () => ({ foundMs, consumed }),
  });
}
