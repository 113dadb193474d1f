import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { run, userEnv } from "./install.ts";

/** What a user types, in a project that has the command, with a home of its own. */
export interface Terminal {
  /** Runs `runagent` to its end, and gives what it wrote to standard output. */
  runagent(...args: readonly string[]): Promise<string>;
  /** Starts `runagent serve`, and gives its port and how to end it. */
  serve(...args: readonly string[]): Promise<{ readonly port: string; end(): Promise<number | null> }>;
}

/** @param program The file that npm put on the PATH of scripts. */
export function createTerminal(program: string, home: string): Terminal {
  const env = { ...userEnv, HOME: home };
  return {
    async runagent(...args) {
      const [stdout] = await run(program, args, home, env);
      return stdout;
    },
    async serve(...args) {
      const child = spawn(program, ["serve", "--port", "0", ...args], { cwd: home, env, stdio: ["ignore", "ignore", "pipe"] });
      const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
      const port = await portOf(child);
      return {
        port,
        end: () => {
          child.kill("SIGTERM");
          return ended;
        },
      };
    },
  };
}

async function portOf(child: ChildProcess): Promise<string> {
  let said = "";
  if (child.stderr === null) throw new Error("The command has no standard error.");
  for await (const line of createInterface({ input: child.stderr })) {
    said += `${line}\n`;
    const [, port] = /^Listening on \S+:(\d+)$/.exec(line) ?? [];
    if (port !== undefined) {
      // Whoever is not read is held up.
      child.stderr.resume();
      return port;
    }
  }
  throw new Error(`runagent serve did not start: ${said}`);
}
