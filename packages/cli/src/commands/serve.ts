import { type Command, InvalidArgumentError } from "commander";

/** `runagent serve`. */
export function addServe(program: Command): void {
  program
    .command("serve")
    .summary("serve the agent of a folder")
    .description(
      "Serves the functions that runagent.config.json names, in Python, TypeScript or JavaScript, until Ctrl-C. Others find it by its id with --local.",
    )
    .argument("[folder]", "where runagent.config.json is", ".")
    .option("--port <port>", "TCP port (default: 8450, or the next free one)", readPort)
    .option("--host <address>", "address to listen on; 0.0.0.0 for every network of this machine", readText, "127.0.0.1")
    .option("--api-key <key...>", "only callers with one of these keys may call (default: anybody who can reach the port)")
    .option("--allow-origin <origin...>", "origins of web pages that may call, as in https://app.example.com")
    .option(
      "--python <command>",
      "the Python that runs the agent (default: that of the folder's .venv, venv or env, else python3)",
      readText,
    )
    .option("--reload", "load the agent anew when a file of the folder changes", false)
    .addHelpText(
      "after",
      `
Examples:
  runagent serve                          the agent of this folder
  runagent serve ./my-agent --reload      while you work on it
  runagent serve --host 0.0.0.0 --api-key "$KEY"

The agent's own prints, invocations and errors are kept below ~/.runagent: see runagent db logs, runagent invocations.`,
    )
    .action(async (folder: string, options: ServeCommandOptions) => {
      const { serveFolder } = await import("../serving/serve.ts");
      await serveFolder(folder, options);
    });
}

/** What was typed. */
export interface ServeCommandOptions {
  readonly port?: number;
  readonly host: string;
  readonly apiKey?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly python?: string;
  readonly reload: boolean;
}

function readText(text: string): string {
  if (text.trim() !== "") return text;
  throw new InvalidArgumentError("It must not be empty.");
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("It must be a whole number from 0 (any free port) to 65535.");
}
