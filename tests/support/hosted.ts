/**
 * For the tests of hosting: an agent in a folder of its own, hosted, served and called over real sockets.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@runagent/server";
import { type HostedAgent, type HostOptions, hostAgent } from "@runagent/server/hosting";
import { RunAgentClient } from "runagent";
import { afterEach, vi } from "vitest";

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** By tag: the file and the name of its function, or that with an extractor. */
export type Entries = Readonly<Record<string, string | { readonly at: string; readonly extractor: Readonly<Record<string, string>> }>>;

/** The text of a configuration; `at` is "file:name". */
export function configOf(entries: Entries, more: Readonly<Record<string, unknown>> = {}): string {
  const entrypoints = Object.entries(entries).map(([tag, entry]) => {
    const { at, ...rest } = typeof entry === "string" ? { at: entry } : entry;
    const [file, module] = at.split(":");
    return { file, module, tag, ...rest };
  });
  return JSON.stringify({ agent_id: "hosted", ...more, agent_architecture: { entrypoints } }, null, 2);
}

/** Writes files into a new folder that is there until the test ends. */
export async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "runagent-hosted-"));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** An agent that is hosted and served. */
export interface Hosted {
  readonly hosted: HostedAgent;
  readonly folder: string;
  readonly url: string;
  /** What it printed, and what was said about its processes, as "stream: text". */
  readonly log: string[];
  client<Tag extends string>(tag: Tag): RunAgentClient<Tag>;
  /** Resolves when a line of the log matches. */
  logged(pattern: RegExp): Promise<void>;
}

/** Hosts and serves the agent of a folder until the test ends. */
export async function hostFolder(folder: string, options: HostOptions = {}): Promise<Hosted> {
  const log: string[] = [];
  const hosted = await hostAgent(folder, { onLog: (stream, text) => log.push(`${stream}: ${text}`), ...options });
  cleanUps.push(() => hosted.close());
  const server = await serve(hosted.agent, { port: 0 });
  cleanUps.push(() => server.close({ timeoutMs: 100 }));
  return {
    hosted,
    folder,
    url: server.url,
    log,
    client(tag) {
      const client = new RunAgentClient({ agentId: "hosted", entrypointTag: tag, host: "127.0.0.1", port: server.port });
      cleanUps.push(() => client.close());
      return client;
    },
    logged: (pattern) => vi.waitFor(() => expectMatch(log, pattern), { timeout: 20_000, interval: 10 }),
  };
}

function expectMatch(log: readonly string[], pattern: RegExp): void {
  if (!log.some((line) => pattern.test(line))) throw new Error(`No line matches ${pattern}:\n${log.join("\n")}`);
}
