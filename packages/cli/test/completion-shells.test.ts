import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { agentFiles } from "../src/store/paths.ts";
import { createHome, environment, PROGRAM } from "./support.ts";

// What happens when somebody types Tab: each shell in a terminal of its own, in a folder of hostile names. Whatever runs leaves a file pwned….

const PTY = fileURLToPath(new URL("in-terminal.py", import.meta.url));
const WAIT = { timeout: 20_000, interval: 20 };
const TAB = "\t";
/** Bound below to what writes the line down as it stands, and empties it. */
const SHOW = "\u0007";

interface Shell {
  readonly command: readonly string[];
  /** Typed once: switches completion on, twice, and binds SHOW. The line goes to the file $SHOWN. */
  readonly setUp: string;
}

const SHELLS: Readonly<Record<"bash" | "zsh" | "fish", Shell>> = {
  bash: {
    command: ["bash", "--norc", "--noprofile", "-i"],
    setUp: `source <(runagent completion bash); source <(runagent completion bash)
show() { printf '%s\\n' "$READLINE_LINE" >> "$SHOWN"; READLINE_LINE=; }; bind -x '"\\C-g": show'
`,
  },
  zsh: {
    command: ["zsh", "-f", "-i"],
    setUp: `autoload -U compinit; compinit -u -D; source <(runagent completion zsh); source <(runagent completion zsh)
show() { print -r -- "$BUFFER" >> "$SHOWN"; BUFFER= }; zle -N show; bindkey '^G' show
`,
  },
  fish: {
    command: ["fish", "--no-config", "-i"],
    setUp: `runagent completion fish | source; runagent completion fish | source
function show; commandline -b >> $SHOWN; commandline ''; end; bind \\cg show
`,
  },
};

/** A shell in a terminal. */
class Session {
  readonly folder: string;
  screen = "";
  readonly #home: string = createHome();
  readonly #shown: string;
  readonly #child: ChildProcessWithoutNullStreams;
  #count = 0;

  constructor({ command, setUp }: Shell) {
    this.folder = join(this.#home, "folder");
    this.#shown = join(this.#home, "shown");
    const bin = join(this.#home, "bin");
    for (const path of [this.folder, bin]) mkdirSync(path);
    // What it answers in place of the program, once it is there.
    const answer = join(this.#home, "answer");
    const program = `#!/bin/sh\n[ -f "${answer}" ] && [ "$1" = complete ] && exec cat "${answer}"\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`;
    writeFileSync(join(bin, "runagent"), program);
    chmodSync(join(bin, "runagent"), 0o755);
    this.#fill();
    const env = environment({ home: this.#home, env: { TERM: "xterm", SHOWN: this.#shown, LANG: "C.UTF-8" } });
    env.PATH = `${bin}:${env.PATH}`;
    this.#child = spawn("python3", [PTY, "50", "200", ...command], { cwd: this.folder, env });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.screen += text;
    });
    this.#child.stdin.on("error", () => {}); // A shell that has ended shows nothing, which is told.
    this.#child.stdin.write(setUp);
  }

  #fill(): void {
    const registration = {
      agent_name: "it`touch pwned-name`s $(touch pwned-name) (touch pwned-name)",
      host: "127.0.0.1",
      port: 9,
      pid: process.pid,
    };
    for (const agent_id of ["story-1", "chat.1~x"]) {
      const files = agentFiles(agent_id, join(this.#home, ".runagent"));
      mkdirSync(files.folder, { recursive: true });
      writeFileSync(files.registration, JSON.stringify({ agent_id, ...registration }));
    }
    for (const name of ["bb cc", "cc;touch pwned-dir", "dd$(touch pwned-dir)"]) mkdirSync(join(this.folder, name));
    for (const name of ["x$(touch pwned-file).json", "y`touch pwned-file`.json", "z z.json"]) writeFileSync(join(this.folder, name), "{}");
  }

  /** What becomes of a line when somebody types it. */
  async type(line: string): Promise<string> {
    const count = ++this.#count;
    this.#child.stdin.write(line + SHOW);
    return await vi.waitFor(() => {
      const lines = readFileSync(this.#shown, "utf8").split("\n");
      if (lines.length <= count) throw new Error(`Nothing came of ${JSON.stringify(line)}. The terminal shows: ${this.screen}`);
      return lines[count - 1] ?? "";
    }, WAIT);
  }

  /** The program answers so from now on. */
  answerWith(lines: string): void {
    writeFileSync(join(this.#home, "answer"), lines);
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

describe.each(["bash", "zsh", "fish"] as const)("%s", (name) => {
  const isThere = spawnSync(name, ["--version"]).error === undefined;
  let session: Session;
  beforeAll(async () => {
    if (!isThere) return;
    session = new Session(SHELLS[name]);
    // The shell reads what is typed once it has started.
    expect(await session.type("ready")).toBe("ready");
  }, 30_000);
  afterEach(() => {
    if (isThere) expect(readdirSync(session.folder).filter((file) => file.startsWith("pwned"))).toEqual([]);
  });
  afterAll(() => {
    if (isThere) session.end();
  });

  /** What the line becomes, to the last character that matters. */
  const complete = async (typed: string): Promise<string> => (await session.type(typed + TAB)).trimEnd();

  it.skipIf(!isThere)("is switched on twice without a word", () => {
    expect(session.screen).not.toMatch(/readonly|error|not found|unknown/i);
  });

  it.skipIf(!isThere)("commands, options, ids and choices", async () => {
    expect(await complete("runagent db sta")).toBe("runagent db status");
    expect(await complete("runagent run --pers")).toBe("runagent run --persistent-memory");
    expect(await complete("runagent run --id st")).toBe("runagent run --id story-1");
    expect(await complete("runagent run --id=st")).toBe("runagent run --id=story-1");
    expect(await complete("runagent run-stream --output=j")).toBe("runagent run-stream --output=json");
    expect(await complete("runagent completion po")).toBe("runagent completion powershell");
    expect(await complete("runagent run --message='it is' --count:=5 --tim")).toBe("runagent run --message='it is' --count:=5 --timeout");
    // The list shows the names of agents.
    expect(await session.type(`runagent run --id ${TAB}${TAB}`)).toMatch(/^runagent run --id /);
    expect(await complete("runagent run --id=ch")).toMatch(/^runagent run --id=chat\.1\\?~x$/);
  });

  it.skipIf(!isThere)("files and folders are quoted by the shell", async () => {
    expect(await complete("runagent run --input z")).toBe("runagent run --input z\\ z.json");
    expect(await complete("runagent run --input=z")).toBe("runagent run --input=z\\ z.json");
    expect(await complete("runagent run --input x")).toMatch(/^runagent run --input x\\\$\\\(touch\\ pwned-file\\\)\.json$/);
    expect(await complete("runagent run --input y")).toMatch(/^runagent run --input y\\?`touch\\ pwned-file\\?`\.json$/);
    expect(await complete("runagent serve bb")).toBe("runagent serve bb\\ cc/");
    expect(await complete("runagent serve cc")).toBe("runagent serve cc\\;touch\\ pwned-dir/");
    expect(await complete("runagent init dd")).toMatch(/^runagent init dd\\\$\\\(touch\\ pwned-dir\\\)\/$/);
  });

  it.skipIf(!isThere)("what is typed is not run, and stays", async () => {
    expect(await complete("runagent run --id $(touch pwned-typed) --ta")).toBe("runagent run --id $(touch pwned-typed) --tag");
    expect(await complete("runagent run --message='a;touch pwned-typed' --ta")).toBe("runagent run --message='a;touch pwned-typed' --tag");
    // To bash, whatever stands behind a backtick is a command of its own.
    expect(await complete("runagent run --message=`touch pwned-typed` --ta")).toMatch(
      /^runagent run --message=`touch pwned-typed` --tag?$/,
    );
    expect(await complete('runagent run --message="open --ta')).toContain('--message="open --ta');
    expect(await complete("runagent run --* --ta")).toBe("runagent run --* --tag");
  });

  it.skipIf(name !== "bash")("a word is whole where = breaks none", async () => {
    await session.type("COMP_WORDBREAKS=' '\n");
    expect(await complete("runagent run --id=st")).toBe("runagent run --id=story-1");
  });

  it.skipIf(!isThere)("what is answered is not run either", async () => {
    session.answerWith("plain\tit\nq$(touch pwned-answer)\t$(touch pwned-answer)\nr;touch pwned-answer\t`touch pwned-answer`\n:4\n");
    expect(await complete("runagent run --id p")).toBe("runagent run --id plain");
    for (const letter of ["q", "r", ""]) {
      // Bash takes none of these words, the others quote them.
      expect(await complete(`runagent run --id ${letter}`)).not.toMatch(/[^\\][$;]/);
    }
  });
});
