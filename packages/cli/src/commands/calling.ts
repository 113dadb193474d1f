import { Command, InvalidArgumentError, Option } from "commander";
import { type AgentWord, splitWords } from "../calling/agent-words.ts";
import type { CancelOptions } from "../calling/cancel.ts";
import type { DecideOptions } from "../calling/decide.ts";
import { ON_APPROVAL } from "../calling/on-approval.ts";
import type { ResumeStreamOptions, RunOptions, RunStreamOptions } from "../calling/options.ts";

const MIN_SECONDS = 0.001;

/** Adds run, run-stream, resume, decide and cancel. */
export function addCallingCommands(program: Command): void {
  addRun(program);
  addRunStream(program);
  addResume(program);
  addDecide(program);
  addCancel(program);
}

/** A command whose unknown options are the arguments of the agent. */
class AgentCommand extends Command {
  /** As they stand on the command line. */
  agentWords: readonly AgentWord[] = [];

  override parseOptions(words: string[]): ReturnType<Command["parseOptions"]> {
    const { own, agent } = splitWords(words, (flag) => this.#kindOf(flag));
    this.agentWords = agent;
    return super.parseOptions([...own]);
  }

  #kindOf(flag: string): "value" | "flag" | undefined {
    if (flag === "-h" || flag === "--help") return "flag";
    const option = this.options.find(({ long }) => long === flag);
    return option && (option.required ? "value" : "flag");
  }
}

function addRun(program: Command): void {
  const command = addAgentCommand(
    program,
    "run",
    "run an entrypoint once and print its result",
    "Runs an entrypoint once and prints its result.",
  );
  addAddress(command);
  addCall(command, "chat", "seconds the call may take (default: 300)");
  command.addOption(outputOption("text: a text as it is, other values as a line of JSON; json: JSON, whatever it is"));
  command.addHelpText(
    "after",
    help(`
runagent run --id ID --tag chat --local --message="Hello"
runagent run --host localhost --port 8080 --tag chat --input input.json
runagent run --id ID --tag chat --message="Hello" --tags:='["a","b"]' --output json`),
  );
  command.action(async () => {
    const { run } = await import("../calling/run.ts");
    await run(command.opts<RunOptions>(), command.agentWords);
  });
}

function addRunStream(program: Command): void {
  const command = addAgentCommand(
    program,
    "run-stream",
    "run an entrypoint that streams, and print its chunks as they come",
    "Runs an entrypoint that streams, and prints its chunks as they come. Ctrl-C cancels it.",
  );
  addAddress(command);
  addCall(command, "chat_stream", "seconds the call may take (default: as many as it likes)");
  addReading(command);
  command.addHelpText(
    "after",
    help(`
runagent run-stream --id ID --tag chat_stream --local --message="Tell me a story"
runagent run-stream --host localhost --port 8080 --tag chat_stream --message="Test message"
runagent run-stream --id ID --tag explain_stream --input input.json --output json`),
  );
  command.action(async () => {
    const { runStream } = await import("../calling/run-stream.ts");
    await runStream(command.opts<RunStreamOptions>(), command.agentWords);
  });
}

function addResume(program: Command): void {
  const command = program
    .command("resume")
    .summary("go on with a stream that was left or lost")
    .description(
      "Goes on with a stream after a position: one that --detach or an error has printed. Where it runs is known where it was printed.",
    )
    .argument("<position>", "the position");
  addAddress(command);
  addReading(command);
  command
    .option("--approve <id>", "approve what waits under this id; may be given again", collect)
    .option("--reject <id>", "reject what waits under this id; may be given again", collect)
    .option("--reason <text>", "why, for the agent and for those who watch")
    .option("--timeout <seconds>", "seconds the stream may take from now on", parseSeconds);
  command.addHelpText(
    "after",
    examples(`
runagent resume POSITION
runagent resume POSITION --approve APPROVAL
runagent resume POSITION --reject APPROVAL --reason "Too dear."
runagent resume POSITION --id ID --local`),
  );
  command.action(async (position: string) => {
    const { resume } = await import("../calling/run-stream.ts");
    await resume(position, command.opts<ResumeStreamOptions>());
  });
}

function addDecide(program: Command): void {
  const command = program
    .command("decide")
    .summary("decide what an agent asks approval for")
    .description(
      "Approves or rejects what an agent waits for, whoever started it, and reads nothing of its stream. The first decision stands.",
    )
    .argument("<invocation>", "the id of the invocation, or a position in it")
    .argument("<approval>", "the id of the approval, such as ap-1-920e94c9");
  addAddress(command);
  command
    .option("--approve", "the tool may be called")
    .option("--reject", "it may not")
    .option("--reason <text>", "why, for the agent and for those who watch");
  command.addHelpText(
    "after",
    examples(`
runagent decide INVOCATION APPROVAL --approve
runagent decide INVOCATION APPROVAL --reject --reason "Too dear." --host localhost --port 8080`),
  );
  command.action(async (invocation: string, approval: string) => {
    const { decide } = await import("../calling/decide.ts");
    await decide(invocation, approval, command.opts<DecideOptions>());
  });
}

function addCancel(program: Command): void {
  const command = program
    .command("cancel")
    .summary("cancel an invocation")
    .description("Cancels an invocation, whoever started it. Where it runs is known where it was left, and of agents of this machine.")
    .argument("<id>", "the id of the invocation, or a position in it");
  addAddress(command);
  command.option("--after-turn", "let the agent finish its turn");
  command.addHelpText(
    "after",
    examples(`
runagent cancel INVOCATION
runagent cancel INVOCATION --after-turn --host localhost --port 8080`),
  );
  command.action(async (id: string) => {
    const { cancel } = await import("../calling/cancel.ts");
    await cancel(id, command.opts<CancelOptions>());
  });
}

function addAgentCommand(program: Command, name: string, summary: string, description: string): AgentCommand {
  const command = new AgentCommand(name).copyInheritedSettings(program).summary(summary).description(description);
  command.usage("[options] [--name=value …]");
  program.addCommand(command);
  return command;
}

function addAddress(command: Command): void {
  command
    .option("--id <id>", "id of the agent")
    .option("--local", "an agent of this machine, found by its id")
    .option("--host <host>", "host of the server; without --id it is asked which agent it serves")
    .option("--port <port>", "port of the server", parsePort)
    .option("--base-url <url>", "address of a server elsewhere")
    .option("--api-key <key>", "key for the server; RUNAGENT_API_KEY keeps it out of the list of processes");
}

function addCall(command: Command, tag: string, timeout: string): void {
  command
    .option("--tag <tag>", `the entrypoint, such as ${tag}`)
    .option("--input <file>", "arguments as JSON: an object of named ones or a list of positional ones; - reads standard input")
    .option("--timeout <seconds>", timeout, parseSeconds)
    .option("--user-id <id>", "whose memory the agent uses")
    .option("--persistent-memory", "the agent may keep memory for that user");
}

function addReading(command: Command): void {
  command
    .addOption(outputOption("text: texts as they are, other values as a line of JSON each; json: a line of JSON for each record"))
    .option("--events", "show the agent's events on standard error")
    .option("--detach", "print the position, and leave the invocation running")
    .addOption(
      new Option(
        "--on-approval <how>",
        "what to do when the agent asks for approval: ask whoever is at the terminal, stop there (exit code 7), wait for the decision of others, approve or reject all (default: ask on a terminal, else stop)",
      ).choices(ON_APPROVAL),
    );
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function outputOption(description: string): Option {
  return new Option("--output <format>", description).choices(["text", "json"]).default("text");
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError("It must be a whole number from 1 to 65535.");
}

function parseSeconds(text: string): number {
  const seconds = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (seconds >= MIN_SECONDS) return seconds;
  throw new InvalidArgumentError(`It must be a number of seconds from ${MIN_SECONDS} to 999999999, in digits such as 90 or 0.5.`);
}

const AGENT_ARGUMENTS = `
Arguments of the agent:
  --name=value, --name value   a text
  --name                       true
  --name:=JSON                 a number, a list, an object, …: --limit:=5
  -- --id=7                    after --, everything is an argument`;

function help(commands: string): string {
  return `${AGENT_ARGUMENTS}\n${examples(commands)}`;
}

function examples(commands: string): string {
  return `\nExamples:${commands.replaceAll("\n", "\n  ")}`;
}
