import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunAgentError } from "@runagent/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { CONFIG_FILE, readAgentConfig } from "../src/hosting/index.ts";

// runagent.config.json: what is taken, and where a mistake is said to be.

async function folderWith(text: string | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "runagent-config-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  if (text !== undefined) await writeFile(join(folder, CONFIG_FILE), text);
  return folder;
}

async function refusalOf(text: string | undefined): Promise<RunAgentError> {
  return readAgentConfig(await folderWith(text)).then(
    () => {
      throw new Error("It was taken.");
    },
    (error) => error,
  );
}

const ENTRY = { file: "main.py", module: "chat", tag: "chat" };
/** One line for each field, from line 2 on; entrypoints from line 4, a line each. */
function textOf(fields: Readonly<Record<string, unknown>>, ...entries: readonly unknown[]): string {
  const lines = Object.entries(fields).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  return [
    "{",
    ...lines,
    '  "agent_architecture": { "entrypoints": [',
    entries.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n"),
    "  ] }",
    "}",
  ].join("\n");
}

describe("what is taken", () => {
  test("a configuration as deployed ones are, with fields that mean nothing here", async () => {
    const folder = await folderWith(
      `\uFEFF${textOf(
        {
          agent_id: "d33c497d-d3f5-462e-8ff4-c28d819b92d6",
          agent_name: "minimal",
          description: "d",
          framework: "langgraph",
          template: "basic",
          version: "1.2.3",
          created_at: "2025-01-01T00:00:00",
          template_source: { repo_url: "https://example.com/x.git", author: "a", path: "p" },
          auth_settings: { type: "none" },
          persistent_folders: [],
          env_vars: { A: "a", B: 1, C: true, D: null },
        },
        { ...ENTRY, extractor: {} },
        { file: "src/app.mts", module: "app.invoke", tag: "app_stream", extractor: { text: "choices[0].text", all: "$..x" }, notes: "n" },
      )}`,
    );
    const config = await readAgentConfig(folder);
    expect(config).toMatchObject({ id: "d33c497d-d3f5-462e-8ff4-c28d819b92d6", name: "minimal", version: "1.2.3" });
    expect(config.env).toEqual({ A: "a", B: "1", C: "true" });
    const [chat, app] = config.entrypoints;
    expect(chat).toMatchObject({ ...ENTRY, language: "python", streaming: false, extract: undefined });
    expect(app).toMatchObject({ file: "src/app.mts", module: "app.invoke", language: "node", streaming: true });
    expect(app?.extract?.('{"choices":[{"text":"t"}],"deep":{"x":1}}')).toBe('{"text":"t","all":1}');
    expect(app?.extract?.('"a text"')).toBe('{"text":null,"all":null}');
  });

  test("name, version and variables may be left out", async () => {
    const config = await readAgentConfig(await folderWith(textOf({ agent_id: "a" }, ENTRY)));
    expect(config).toMatchObject({ id: "a", name: "a", version: "0.0.0", env: {} });
  });
});

describe("a mistake names line and field", () => {
  test.each<[string, string, string, string | undefined]>([
    ["agent_id missing", textOf({ agent_name: "n" }, ENTRY), "1:1: agent_id is missing.", "agent_id"],
    ["agent_id no id", textOf({ agent_id: "../x" }, ENTRY), "2:15: agent_id must be 1 to 128 letters", "agent_id"],
    ["agent_id a number", textOf({ agent_id: 7 }, ENTRY), "2:15: agent_id is wrong: expected string, received number.", "agent_id"],
    ["version a number", textOf({ agent_id: "a", version: 1 }, ENTRY), "3:14: version is wrong: expected string", "version"],
    ["no entrypoints", textOf({ agent_id: "a" }), "3:42: agent_architecture.entrypoints is wrong:", "agent_architecture.entrypoints"],
    ["no architecture", '{\n  "agent_id": "a"\n}', "1:1: agent_architecture is missing.", "agent_architecture"],
    ["a list at the top", "[]", "1:1: The configuration is wrong: expected object, received array.", "The configuration"],
    [
      "an entrypoint without tag",
      textOf({ agent_id: "a" }, ENTRY, { file: "main.py", module: "m" }),
      "5:5: agent_architecture.entrypoints[1].tag is missing.",
      "agent_architecture.entrypoints[1].tag",
    ],
    [
      "two tags alike",
      textOf({ agent_id: "a" }, ENTRY, { file: "other.py", module: "m", tag: "chat" }),
      '5:43: agent_architecture.entrypoints[1].tag is "chat" for the second time',
      "agent_architecture.entrypoints[1].tag",
    ],
    [
      "a tag with a line feed",
      textOf({ agent_id: "a" }, { ...ENTRY, tag: "a\nb" }),
      "4:45: agent_architecture.entrypoints[0].tag must be 1 to 128 characters",
      "agent_architecture.entrypoints[0].tag",
    ],
    [
      "a file of another kind",
      textOf({ agent_id: "a" }, { ...ENTRY, file: "main.rb" }),
      "4:13: agent_architecture.entrypoints[0].file must be a file of Python or JavaScript: .py, .ts",
      "agent_architecture.entrypoints[0].file",
    ],
    [
      "a file that names a property of every object",
      textOf({ agent_id: "a" }, { ...ENTRY, file: "main.constructor" }),
      "4:13: agent_architecture.entrypoints[0].file must be a file of Python or JavaScript",
      "agent_architecture.entrypoints[0].file",
    ],
    [
      "a webhook",
      textOf({ agent_id: "a" }, { webhook_url: "https://example.com", method: "POST", tag: "hook" }),
      "4:20: agent_architecture.entrypoints[0].webhook_url cannot be served here",
      "agent_architecture.entrypoints[0].webhook_url",
    ],
    [
      "an extractor that is no JSONPath",
      textOf({ agent_id: "a" }, { ...ENTRY, extractor: { good: "$.a", bad: "$.a[" } }),
      "agent_architecture.entrypoints[0].extractor.bad is no JSONPath:",
      "agent_architecture.entrypoints[0].extractor.bad",
    ],
    [
      "a variable that is a list",
      textOf({ agent_id: "a", env_vars: { A: [] } }, ENTRY),
      "3:20: env_vars.A must be a text without null characters, a number or a boolean",
      "env_vars.A",
    ],
    [
      "a variable that no process could have",
      textOf({ agent_id: "a", env_vars: { "A=B": "b" } }, ENTRY),
      "3:22: env_vars.A=B is no name",
      "env_vars.A=B",
    ],
    [
      "a value that no process could have",
      textOf({ agent_id: "a", env_vars: { A: "a\0b" } }, ENTRY),
      "3:20: env_vars.A must be a text without null",
      "env_vars.A",
    ],
    ["not JSON", '{\n  "agent_id": "a",\n}', "3:1: This is not JSON: property name expected.", undefined],
    ["a comment", '{\n  // name\n  "agent_id": "a" }', "2:3: This is not JSON: invalid comment token.", undefined],
    ["single quotes", "{'agent_id': 'a'}", "1:2: This is not JSON:", undefined],
    ["nothing", "", "1:1: This is not JSON:", undefined],
  ])("%s", async (_, text, message, field) => {
    const error = await refusalOf(text);
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", field });
    expect(error.message).toContain(`${CONFIG_FILE}:`);
    expect(error.message).toContain(message);
    expect(error.message.split("\n")).toHaveLength(1);
  });

  test("every one, each on a line", async () => {
    const error = await refusalOf(textOf({ agent_id: 1, version: 2 }, ENTRY, { ...ENTRY, module: "" }));
    expect(error.message.split("\n")).toHaveLength(3);
    expect(error.details).toEqual({ problems: error.message.split("\n") });
  });

  test("no configuration, and no folder", async () => {
    const error = await refusalOf(undefined);
    expect(error).toMatchObject({ code: "VALIDATION_ERROR", suggestion: expect.stringContaining("runagent init") });
    expect(error.message).toMatch(/^There is no runagent\.config\.json in \//);
    await expect(readAgentConfig("/no/such/folder")).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    await expect(readAgentConfig(join(await folderWith("{}"), CONFIG_FILE))).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
  });
});
