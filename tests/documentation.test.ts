import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// Every example in a README or docstring is run, with the packages as they are built.

const root = fileURLToPath(new URL("../", import.meta.url));
// Inside the repository, so that the packages are found by their names.
const folder = join(root, "tests/.tmp");
const blocks = (file: string): string[] =>
  [...readFileSync(join(root, file), "utf8").matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code ?? "");
const [serverCode = "", ...rootClients] = blocks("README.md");

/** What examples for pages need and Node does not have. */
const PAGE_STORAGE = `const kept = new Map();
globalThis.sessionStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};
`;

let server: ChildProcess;
let port = "";

/** Runs code as a module of its own, and gives what it printed. */
function start(
  name: string,
  code: string,
  portInCode = port,
): { child: ChildProcess; output: Promise<string>; firstLine: Promise<string> } {
  const file = join(folder, `${name}.mjs`);
  const own = code.replaceAll("8450", portInCode).replaceAll("npm:runagent", "runagent");
  writeFileSync(file, own.includes("keptPosition") ? `${PAGE_STORAGE}${own}` : own);
  const child = spawn(process.execPath, [file], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "", RUNAGENT_PORT: port },
  });
  let printed = "";
  const output = new Promise<string>((resolve, reject) => {
    child.stderr?.on("data", (data) => {
      printed += data;
    });
    child.on("close", (exit) => (exit === 0 ? resolve(printed) : reject(new Error(`${name} ended with ${exit}:\n${printed}`))));
  });
  const firstLine = new Promise<string>((resolve) => {
    child.stdout?.on("data", (data) => {
      printed += data;
      if (printed.includes("\n")) resolve(printed);
    });
  });
  return { child, output, firstLine };
}

const run = (name: string, code: string): Promise<string> => start(name, code).output;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const { child, firstLine, output } = start("server", serverCode, "0");
  server = child;
  output.catch(() => {});
  const line = await Promise.race([firstLine, output]);
  port = /:(\d+)\n/.exec(line)?.[1] ?? "";
  expect(port).not.toBe("");
});

afterAll(() => {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
});

const STORY = "Once upon a time there were robots. ";

describe("the README", () => {
  it("quick start: a chat, a story in a loop, and again with the cursor", async () => {
    expect(rootClients).toHaveLength(1);
    expect(await run("root-client", rootClients[0] ?? "")).toBe(`You said: Hello\n${STORY}${STORY}`);
  });

  it("names files and folders that are there, and verbs that are there", () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target ?? "");
    const map = [...text.matchAll(/^( {2})?([\w.-]+\/?(?:[\w.-]+\/)*) {2,}\S/gm)].map(([, indent, name]) =>
      indent ? `protocol/${name}` : (name ?? ""),
    );
    expect([...links, ...map].filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const verbs = [...`${text}${readFileSync(join(root, "CONTRIBUTING.md"), "utf8")}`.matchAll(/npm run (\w+)/g)].map(
      ([, verb]) => verb ?? "",
    );
    expect(verbs.filter((verb) => !(verb in scripts))).toEqual([]);
    expect(text).not.toMatch(/FIGURE_/);
  });
});

describe("the README of runagent", () => {
  const [first = "", second = "", third = "", local = "", page = "", ...more] = blocks("packages/client/README.md");

  it("first call and stream", async () => {
    expect(await run("client-1", first)).toBe(`You said: Hello\n${STORY}`);
    expect(more).toEqual([]);
  });

  it("cancel and errors", async () => {
    expect(await run("client-2", second)).toMatch(/^Once upon a time there .*(cancelled|completed)\n$/);
  });

  it("resume elsewhere, over another transport", async () => {
    expect(await run("client-3", third)).toBe(`${STORY}\n`);
  });

  it("agents of this machine", async () => {
    // Whatever is registered here, the last line is about one that is not.
    expect(await run("client-local", local)).toMatch(/(^|\n)never registered\n$/);
  });

  it("a page that keeps the position", async () => {
    expect((await run("client-4", page)).replaceAll(" \n", " ")).toBe(STORY);
  });
});

describe.each(["PATTERNS", "EVENTS", "UI"])("%s.md of runagent", (page) => {
  it.each(blocks(`packages/client/${page}.md`).map((code, index) => ({ index, code })))("example $index", async ({ index, code }) => {
    const printed = [...code.matchAll(/^\/\/ prints: (.*\n)/gm)].map(([, line]) => line ?? "").join("");
    expect(printed).not.toBe("");
    expect(await run(`${page}-${index}`, code)).toBe(printed);
  });
});

describe("the README of @runagent/core", () => {
  it("codec and cursor", async () => {
    expect(await run("core", blocks("packages/core/README.md")[0] ?? "")).toBe("Hel\n1\n");
  });
});

describe("the README of @runagent/conformance", () => {
  it("a fault proxy", async () => {
    expect(await run("conformance", blocks("packages/conformance/README.md")[0] ?? "")).toMatch(/^\d+ \{/);
  });
});

describe("the README of @runagent/server", () => {
  it.each(blocks("packages/server/README.md").map((code, index) => ({ index, code })))("example $index", async ({ index, code }) => {
    const example = start(`server-${index}`, code, "0");
    example.output.catch(() => {});
    expect(await Promise.race([example.firstLine, example.output])).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
    example.child.kill();
  });
});

describe("docstrings", () => {
  const examples = ["core", "client", "server"].flatMap((name) => {
    const base = `packages/${name}/src`;
    return readdirSync(join(root, base), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => {
        const text = readFileSync(join(root, base, file), "utf8");
        const found = [...text.matchAll(/@example\n((?: +\*(?!\/).*\n)+)/g)].map(([, lines]) => (lines ?? "").replace(/^ +\* ?/gm, ""));
        return found.map((code, index) => ({ name: `${name}-${file.replaceAll("/", "-")}-${index}`, code }));
      });
  });

  it.each(examples)("$name", async ({ name, code }) => {
    expect(await run(name, code)).not.toMatch(/Error/);
  });

  it("have at least one example", () => {
    expect(examples.length).toBeGreaterThan(0);
  });
});
