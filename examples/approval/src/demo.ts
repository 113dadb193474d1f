/** Runs it all, each program in a process of its own, and checks what they say. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const fileOf = (name: string): string => fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));

/** Runs a program to its end, and shows what it prints. */
function run(env: NodeJS.ProcessEnv, name: string, ...args: string[]): Promise<string> {
  console.log(`\n$ ${[name, ...args.slice(1)].join(" ")}`);
  return new Promise((resolve) => {
    execFile(process.execPath, [fileOf(name), ...args], { env: { ...process.env, ...env } }, (_failed, stdout, stderr) => {
      process.stdout.write(stdout + stderr);
      resolve(stdout);
    });
  });
}

const folder = await mkdtemp(join(tmpdir(), "approval-"));
const ticket = join(folder, "ticket.json");
const server = spawn(process.execPath, [fileOf("server")], { env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
server.stdout.setEncoding("utf8");
const [line] = await once(server.stdout, "data");
process.stdout.write(line);
const env = { RUNAGENT_PORT: /:(\d+)\n/.exec(line)?.[1] };

const asked = await run(env, "ask", ticket);
const clerk = await run({ ...env, RUNAGENT_API_KEY: "key-of-the-clerk" }, "decide", ticket, "approve");
const manager = await run(env, "decide", ticket, "approve", "it is due");
const again = await run(env, "decide", ticket, "reject");
const finished = await run(env, "finish", ticket);

const exited = once(server, "exit");
const last = once(server.stdout, "data");
server.kill("SIGTERM");
const [payments] = await last;
process.stdout.write(`\n${payments}`);
await exited;
await rm(folder, { recursive: true });

const asPromised =
  asked.includes('may call pay with {"amount":480}') &&
  clerk.startsWith("PERMISSION_ERROR") &&
  manager === "The decision to approve stands.\n" &&
  again.startsWith("ALREADY_DECIDED") &&
  finished.includes("with the leave of Max Manager (it is due): receipt 1 over 480.") &&
  payments === "Payments made: 1.\n";
console.log(`Asked, decided and finished in three processes: ${asPromised ? "as promised" : "BROKEN"}.`);
process.exitCode = asPromised ? 0 : 1;
