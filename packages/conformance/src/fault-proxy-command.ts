#!/usr/bin/env node
/** The command `runagent-fault-proxy`: a fault proxy for tests in any language. It runs until SIGINT or SIGTERM. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { RunAgentError } from "@runagent/core";
import { createFaultProxy, type FaultProxyOptions } from "./fault-proxy.ts";
import { parseRules } from "./rules.ts";

const HELP = `Usage: runagent-fault-proxy --target HOST:PORT [--listen PORT] [--seed N] [--rules FILE|JSON]

Passes connections on to the target and breaks them as the rules say. Prints {"port":…,"seed":…} as one line when it listens,
runs until SIGINT or SIGTERM, and then prints its figures as one line.

  --target HOST:PORT   where connections go
  --listen PORT        port on 127.0.0.1; default a free one
  --seed N             decides every random choice; default a random one
  --rules FILE|JSON    a JSON list of rules, or a file that holds one; default none
`;

/** The options that the arguments say; undefined when they ask for help. @throws RunAgentError VALIDATION_ERROR that names the argument. */
function readArguments(): FaultProxyOptions | undefined {
  const string = { type: "string" } as const;
  const options = { target: string, listen: string, seed: string, rules: string, help: { type: "boolean", short: "h" } } as const;
  const { values } = parse(() => parseArgs({ options }));
  if (values.help) return undefined;
  const [, host, port] = /^(.+):(\d+)$/.exec(values.target ?? "") ?? [];
  if (host === undefined) throw invalid("target", "must be HOST:PORT, for example 127.0.0.1:8450");
  const { rules } = values;
  return {
    target: { host, port: readNumber("target", port, 65_535) },
    port: readNumber("listen", values.listen ?? "0", 65_535),
    seed: readNumber("seed", values.seed ?? String(Math.floor(Math.random() * 2 ** 32)), 2 ** 32 - 1),
    rules: rules === undefined ? [] : parseRules(rules.trimStart().startsWith("[") ? rules : parse(() => readFileSync(rules, "utf8"))),
  };
}

function parse<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw new RunAgentError("VALIDATION_ERROR", cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function readNumber(name: string, text: string | undefined, max: number): number {
  const value = Number(text);
  if (text !== "" && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw invalid(name, `must be a whole number from 0 to ${max}`);
}

function invalid(name: string, problem: string): RunAgentError {
  return new RunAgentError("VALIDATION_ERROR", `--${name} ${problem}.`, { field: name, suggestion: "See runagent-fault-proxy --help." });
}

async function main(): Promise<void> {
  const options = readArguments();
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const proxy = await createFaultProxy(options);
  process.stdout.write(`${JSON.stringify({ port: proxy.port, seed: proxy.seed })}\n`);
  const stop = (): void => {
    process.stdout.write(`${JSON.stringify(proxy.stats)}\n`);
    void proxy.close();
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
}

try {
  await main();
} catch (error) {
  const message = RunAgentError.is(error) ? `${error.message} ${error.suggestion}` : String(error);
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
