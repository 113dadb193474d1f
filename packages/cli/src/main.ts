#!/usr/bin/env node
import module from "node:module";

// Before anything else is loaded; Node 20 has none.
if ("enableCompileCache" in module && typeof module.enableCompileCache === "function") module.enableCompileCache();

// What a stream needs takes longest to load: it begins before the command line is read. Who calls it learns of a failure.
const [, , command] = process.argv;
if (command === "run-stream" || command === "resume") import("./calling/run-stream.ts").catch(() => {});

const { createProgram, isUsageEnd, usageExitCode } = await import("./program.ts");

/** Says what went wrong. Loaded when something did. */
async function fail(error: unknown): Promise<void> {
  const { report } = await import("./terminal/report.ts");
  report(error);
}

process.on("uncaughtException", (error) => {
  void fail(error).finally(() => process.exit(1));
});
// Whoever read has gone, and with it the need to say so. Commands that go on writing see to it themselves.
process.stdout.on("error", (error) => {
  const isMine = process.stdout.listenerCount("error") === 1;
  if (isMine && (!("code" in error) || error.code !== "EPIPE")) void fail(error);
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (isUsageEnd(error)) process.exitCode = usageExitCode(error);
  else await fail(error);
}
