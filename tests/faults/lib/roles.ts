/** A side in a process of its own: this program again, in a role. A role is an object of verbs, which the starter calls by name. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

// biome-ignore lint/suspicious/noExplicitAny: what travels between two processes of this program is typed at the call.
type Verbs = Readonly<Record<string, (argument: any) => unknown>>;

interface Call {
  readonly id: number;
  readonly verb: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A role that runs. */
export interface Role {
  /** Calls a verb. The caller knows what it gives. */
  call<Value>(verb: string, argument?: unknown): Promise<Value>;
  /** Ends its process. */
  stop(): Promise<void>;
}

/** Answers calls until the starter goes away. */
export function playRole(verbs: Verbs): void {
  process.on("message", async ({ id, verb, argument }: Call) => {
    let answer: Answer;
    try {
      answer = { id, value: await verbs[verb]?.(argument) };
    } catch (error) {
      answer = { id, error: String(error) };
    }
    process.send?.(answer);
  });
  process.once("disconnect", () => process.exit());
  // A Ctrl-C in a terminal reaches every process; the starter ends this one.
  process.on("SIGINT", () => {});
}

/** Starts this program in a role. `prefix`: a command that runs it, for example in another network namespace. */
export function startRole(name: string, prefix: readonly string[] = []): Role {
  const [command = "", ...args] = [...prefix, process.execPath, process.argv[1] ?? "", "--role", name];
  const child: ChildProcess = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const waiting = new Map<number, (answer: Answer) => void>();
  let calls = 0;
  child.on("message", (answer: Answer) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  child.on("exit", (code, signal) => {
    for (const [id, settle] of waiting) settle({ id, error: `The role ${name} ended with ${signal ?? `code ${code}`}.` });
  });
  return {
    call<Value>(verb: string, argument?: unknown): Promise<Value> {
      const id = ++calls;
      return new Promise<Value>((resolve, reject) => {
        waiting.set(id, ({ value, error }) => (error === undefined ? resolve(value as Value) : reject(new Error(error))));
        child.send({ id, verb, argument } satisfies Call, (error) => error !== null && reject(error));
      });
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill();
      await exited;
    },
  };
}
