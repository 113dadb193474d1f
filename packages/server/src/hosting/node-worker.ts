/**
 * The program that runs the TypeScript and JavaScript functions of an agent: started by the host, see worker-messages.ts.
 */
import { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { errorFromWire, RunAgentError, validateWith, type WireError } from "@runagent/core";
import type { Entrypoint } from "../agent.ts";
import { jsonSchemaOf } from "../describe.ts";
import { toToldError } from "../thrown.ts";
import { onLines } from "./lines.ts";
import { type LoadedFunction, loadFunctions } from "./load-functions.ts";
import { NodeCall } from "./node-call.ts";
import { stackOf } from "./stack.ts";
import type { WorkerCommand } from "./worker-messages.ts";

const commands = new Socket({ fd: 3, readable: true, writable: false });
const messages = new Socket({ fd: 4, readable: false, writable: true });
// The host is gone, and its end of the commands tells the same.
messages.on("error", () => {});

/** How often, in milliseconds, it is looked whether the host lives; long enough for agents to clean up first. */
const HOST_CHECK_MS = 5_000;

const calls: Map<number, NodeCall> = new Map();
let functions: ReadonlyMap<string, LoadedFunction> = new Map();
let maxChunkBytes = 0;

onLines(commands, (line) => {
  // The host wrote it.
  const command = JSON.parse(line) as WorkerCommand;
  if (command.op === "load") void load(command);
  else if (command.op === "start") start(command);
  else if (command.op === "ack") calls.get(command.id)?.ack(command.bytes);
  else if (command.op === "answer") calls.get(command.id)?.answer(command.number, command.answer, command.error && toError(command.error));
  else if (command.op === "cancel") calls.get(command.id)?.cancel(toError(command.error));
  else send("pong", 0, "null");
});
commands.on("close", end);

function send(kind: string, id: number, json: string): void {
  messages.write(`${kind} ${id} ${json}\n`);
}

async function load({ folder, entrypoints, max_chunk_bytes }: Extract<WorkerCommand, { readonly op: "load" }>): Promise<void> {
  maxChunkBytes = max_chunk_bytes;
  functions = await loadFunctions(folder, entrypoints);
  const described = [...functions.values()].map(({ tag, entrypoint, yields, error }) => {
    if (entrypoint === undefined) return { tag, error };
    const input_schema = jsonSchemaOf(entrypoint.input, "input") ?? null;
    return { tag, yields, description: entrypoint.description ?? null, input_schema };
  });
  send("ready", 0, JSON.stringify({ language: "node", version: process.versions.node, entrypoints: described }));
  watchHost();
}

/** In a thread: code of the agent that never returns would keep this one from seeing that the host was killed, and run on for ever. */
function watchHost(): void {
  const { ppid } = process;
  const watch = `setInterval(() => { if (process.ppid !== ${ppid}) process.kill(process.pid, "SIGKILL"); }, ${HOST_CHECK_MS});`;
  new Worker(watch, { eval: true, execArgv: [] }).unref();
}

function start({ id, ...request }: Extract<WorkerCommand, { readonly op: "start" }>): void {
  const { entrypoint, error } = functions.get(request.tag) ?? {};
  if (entrypoint === undefined) {
    fail(id, new RunAgentError("EXECUTION_ERROR", `The agent cannot be loaded: ${error ?? request.tag}`), false);
    return;
  }
  const call = new NodeCall(request, entrypoint, maxChunkBytes, (kind, json) => send(kind, id, json));
  calls.set(id, call);
  const input = readInput(entrypoint, request.kwargs);
  let isInput = false;
  input.catch((reason: unknown) => {
    isInput = RunAgentError.is(reason) && reason.code === "VALIDATION_ERROR";
  });
  call.run(input).then(
    (end) => {
      calls.delete(id);
      send(end.kind, id, end.json);
    },
    (reason: unknown) => {
      calls.delete(id);
      if (call.cancelled) send("cancelled", id, "null");
      else fail(id, reason, isInput);
    },
  );
}

/** The arguments, checked here because here is the schema: what is wrong with them is the caller's fault. */
async function readInput({ input }: Entrypoint, kwargs: unknown): Promise<unknown> {
  return input === undefined ? kwargs : validateWith(input, kwargs, "input", "VALIDATION_ERROR");
}

/** @param isInput What the caller has sent is wrong, as the entrypoint's schema says: so is the caller told. */
function fail(id: number, reason: unknown, isInput: boolean): void {
  const error = toToldError(reason, isInput);
  // The agent's own words, for its log; what the caller did wrong is none.
  if (!isInput) process.stderr.write(`${stackOf(reason)}\n`);
  send("failed", id, JSON.stringify(error.toWire()));
}

function toError(error: WireError): RunAgentError {
  return errorFromWire(error, "CANCELLED").changed({ origin: "local" });
}

/** Nobody is there any more: what runs may clean up. */
function end(): void {
  for (const call of calls.values()) call.cancel(new RunAgentError("OWNER_LOST", "The server that ran the agent is gone."));
  setTimeout(() => process.exit(0), 2_000).unref();
  Promise.allSettled([...calls.values()].map((call) => call.ended)).then(
    () => process.exit(0),
    () => {},
  );
}
