/**
 * What the tests of the Python worker share: the worker in a process of its own, spoken to over its descriptors as the server does it,
 * and the Pythons of this machine.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type JsonObject, parseJsonObject } from "@runagent/core";
import { afterAll, vi } from "vitest";

export const WORKER: string = fileURLToPath(new URL("../src/hosting/python/__main__.py", import.meta.url));

const MAX_CHUNK_BYTES = 1_000_000;
const WINDOW = 65_536;
const ENDS = ["done", "result", "failed", "cancelled"];
/** What a call says while it runs. */
const ITEMS = ["chunk", "event", "turn", "approval"];

/** A Python of this machine. */
export interface Python {
  readonly version: string;
  readonly command: string;
}

/** A message of the worker; `text` is its JSON as it came. */
export interface Message {
  readonly kind: string;
  readonly id: number;
  readonly text: string;
  readonly value: unknown;
}

/** What a call is made with. */
export interface Call {
  readonly args?: readonly unknown[];
  readonly kwargs?: JsonObject;
  readonly user_id?: string;
  readonly persistent_memory?: boolean;
  readonly window?: number;
  /** false: chunks and events are not acknowledged. Default true. */
  readonly ack?: boolean;
}

const running = new Set<ChildProcess>();
const folders: string[] = [];

afterAll(async () => {
  await Promise.all([...running].map((child) => child.kill("SIGKILL") && once(child, "close")));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** python3, and the oldest and the newest Python that can run agents. */
export function findPythons(): Python[] {
  const versions = join(homedir(), ".pyenv/versions");
  const installed = existsSync(versions) ? readdirSync(versions).map((name) => join(versions, name, "bin/python3")) : [];
  const found = ["python3", "python3.9", "python3.13", ...installed].flatMap(readPython);
  const [first] = found;
  const able = found.filter(({ version }) => minorOf(version) >= 9).sort((a, b) => minorOf(a.version) - minorOf(b.version));
  const chosen = [first, able[0], able.at(-1)].filter((python) => python !== undefined);
  return [...new Map(chosen.map((python) => [python.version, python])).values()];
}

/** A Python that is too old, when there is one. */
export function findOldPython(): Python | undefined {
  const versions = join(homedir(), ".pyenv/versions");
  const installed = existsSync(versions) ? readdirSync(versions).map((name) => join(versions, name, "bin/python3")) : [];
  return installed.flatMap(readPython).find(({ version }) => minorOf(version) < 9);
}

function readPython(command: string): Python[] {
  const program = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)";
  try {
    const [version = "", executable = ""] = execFileSync(command, ["-c", program], { encoding: "utf8", stdio: "pipe" }).split("\n");
    return version.startsWith("3.") ? [{ version, command: executable }] : [];
  } catch {
    return []; // There is no such program, or its pyenv shim leads nowhere.
  }
}

function minorOf(version: string): number {
  return Number(version.split(".")[1]);
}

/** Writes the files of an agent into a folder of their own. */
export function writeAgent(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "python-agent-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/**
 * Starts a worker and lets it load an agent.
 * @param entrypoints By tag: "file:function".
 */
export function startWorker(
  python: Python,
  files: Readonly<Record<string, string>>,
  entrypoints: Readonly<Record<string, string>>,
): PythonPeer {
  return new PythonPeer(python, writeAgent(files), entrypoints);
}

/** The server's end of a worker. */
export class PythonPeer {
  readonly folder: string;
  readonly messages: Message[] = [];
  /** Exit code and signal. */
  readonly ended: Promise<readonly [number | null, string | null]>;
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #commands: Writable;
  readonly #unacknowledged: Set<number> = new Set();
  #lastId = 0;

  /** @param fresh The server loads the agent anew when its files change. */
  constructor(python: Python, folder: string, entrypoints: Readonly<Record<string, string>>, fresh = false) {
    this.folder = folder;
    const env = { PATH: process.env.PATH, HOME: folder };
    const stdio = ["ignore", "pipe", "pipe", "pipe", "pipe"] as const;
    this.#child = spawn(python.command, ["-X", "utf8", WORKER], { cwd: folder, env, stdio: [...stdio] });
    running.add(this.#child);
    const [, stdout, stderr, commands, messages] = this.#child.stdio as unknown as [null, Readable, Readable, Writable, Readable];
    this.#commands = commands.on("error", () => {});
    stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    let rest = "";
    messages.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    });
    this.ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        running.delete(this.#child);
        resolve([code, signal]);
      });
    });
    const told = Object.entries(entrypoints).map(([tag, at]) => ({ tag, file: at.split(":")[0], module: at.split(":")[1] }));
    this.send({ op: "load", folder, entrypoints: told, max_chunk_bytes: MAX_CHUNK_BYTES, fresh });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  send(...commands: JsonObject[]): void {
    this.write(commands.map((command) => `${JSON.stringify(command)}\n`).join(""));
  }

  write(text: string): void {
    this.#commands.write(text);
  }

  /** The server goes away. */
  leave(): void {
    this.#commands.end();
  }

  /** What `ready` says of each entrypoint, by tag. */
  async ready(): Promise<Record<string, JsonObject>> {
    const { value } = await this.message((message) => message.kind === "ready");
    const { entrypoints } = value as { readonly entrypoints: readonly JsonObject[] };
    return Object.fromEntries(entrypoints.map((entry) => [String(entry.tag), entry]));
  }

  /** Starts a call and gives its id. */
  start(tag: string, call: Call = {}): number {
    const command = this.prepare(tag, call);
    this.send(command);
    return Number(command.id);
  }

  /** The command that starts a call. */
  prepare(tag: string, { args = [], kwargs = {}, user_id, persistent_memory = false, window = WINDOW, ack = true }: Call = {}): JsonObject {
    const id = ++this.#lastId;
    if (!ack) this.#unacknowledged.add(id);
    return { op: "start", id, tag, args, kwargs, invocation_id: `inv-${id}`, user_id: user_id ?? null, persistent_memory, window };
  }

  cancel(id: number): void {
    this.send({ op: "cancel", id });
  }

  /** Answers the turn or approval of a call that comes next, or that waits: the one of this number. */
  async answer(id: number, number: number, answer: JsonObject): Promise<void> {
    await this.message((message) => message.id === id && numberOf(message) === number);
    this.send({ op: "answer", id, number, answer: null, ...answer });
  }

  /** What there is of a call so far. */
  of(id: number): Message[] {
    return this.messages.filter((message) => message.id === id);
  }

  chunks(id: number): unknown[] {
    return this.of(id).flatMap(({ kind, value }) => (kind === "chunk" ? [value] : []));
  }

  /** The first message that fits. */
  message(fits: (message: Message) => boolean): Promise<Message> {
    return this.#until(() => this.messages.find(fits), "The message did not come");
  }

  /** Resolves when the agent has printed this. */
  printed(text: string | RegExp): Promise<unknown> {
    const isThere = (): boolean =>
      [this.stdout, this.stderr].some((log) => (typeof text === "string" ? log.includes(text) : text.test(log)));
    return this.#until(() => isThere() || undefined, `${text} was not printed`);
  }

  /** How a call ended. */
  end(id: number): Promise<Message> {
    return this.message((message) => message.id === id && ENDS.includes(message.kind));
  }

  /** Calls an entrypoint and gives its end. */
  call(tag: string, call: Call = {}): Promise<Message> {
    return this.end(this.start(tag, call));
  }

  /** Calls an entrypoint that streams, and gives its chunks and its end. */
  async stream(tag: string, call: Call = {}): Promise<{ readonly chunks: unknown[]; readonly end: Message }> {
    const id = this.start(tag, call);
    const end = await this.end(id);
    return { chunks: this.chunks(id), end };
  }

  /** Calls an entrypoint that must give a result. */
  async result(tag: string, call: Call = {}): Promise<unknown> {
    const { kind, text, value } = await this.call(tag, call);
    if (kind !== "result") throw new Error(`${tag} ended with ${kind} ${text}.`);
    return value;
  }

  #until<T>(look: () => T | undefined, problem: string): Promise<T> {
    const found = (): T => {
      const value = look();
      if (value !== undefined) return value;
      const last = this.messages.slice(-3).map(({ kind, id, text }) => `${kind} ${id} ${text.slice(0, 300)}`);
      throw new Error(`${problem}. The last messages: ${last.join("; ")}. The log: ${this.stdout}${this.stderr}`);
    };
    return vi.waitFor(found, { timeout: 20_000, interval: 5 });
  }

  #take(line: string): void {
    const parts = /^(\w+) (\d+) (.*)$/.exec(line);
    if (parts === null) throw new Error(`The worker wrote what is no message: ${line}`);
    const [, kind = "", id = "", text = ""] = parts;
    // In an object, so that it is held against our own limits.
    const { value } = parseJsonObject(`{"value":${text}}`, "message", "PROTOCOL_ERROR");
    this.messages.push({ kind, id: Number(id), text, value });
    if (ITEMS.includes(kind) && !this.#unacknowledged.has(Number(id))) this.send({ op: "ack", id: Number(id), bytes: text.length });
  }
}

/** By which a call asks. */
function numberOf({ kind, value }: Message): unknown {
  if (kind === "turn") return value;
  return kind === "approval" ? (value as JsonObject).number : undefined;
}
