import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundlePrograms, foreignReadmeBlocks, type Program, start } from "../../../tests/support/program.ts";

const EXAMPLE = new URL("../", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "approval-"));

let fileOf: (name: "server" | "ask" | "decide" | "finish" | "demo") => string;

beforeAll(async () => {
  fileOf = await bundlePrograms(EXAMPLE, "server", "ask", "decide", "finish", "demo");
});

afterAll(() => rmSync(folder, { recursive: true }));

async function startServer(): Promise<{ server: Program; port: string }> {
  const server = start(fileOf("server"), { PORT: "0" });
  const [, port = ""] = await server.prints(/http:\/\/127\.0\.0\.1:(\d+)\n/);
  return { server, port };
}

test("the demo asks, decides and finishes in three processes", async () => {
  const { exitCode, stdout, stderr } = await start(fileOf("demo"), { TMPDIR: folder }).ended;
  expect(stderr).toBe("");
  expect(stdout).toMatch(/\n\$ ask\nA bill of 480 has come\. \nThe agent asks whether it may call pay with \{"amount":480\}\.\n/);
  expect(stdout).toMatch(/\nPERMISSION_ERROR: This key may not decide the approval "ap-1-\w+"\.\n/);
  expect(stdout).toMatch(/\nALREADY_DECIDED: The approval "ap-1-\w+" was decided before: approve\.\n/);
  expect(stdout).toMatch(/Asked, decided and finished in three processes: as promised\.\n$/);
  expect(exitCode).toBe(0);
});

test("what the manager rejects is not paid", async () => {
  const { server, port } = await startServer();
  const env = { RUNAGENT_PORT: port };
  const ticket = join(folder, "ticket.json");
  expect(await start(fileOf("ask"), env, [ticket]).ended).toMatchObject({ exitCode: 0, stderr: "" });
  expect(JSON.parse(readFileSync(ticket, "utf8"))).toMatchObject({
    approvalId: expect.stringMatching(/^ap-1-/),
    text: "A bill of 480 has come. ",
  });

  const decided = await start(fileOf("decide"), env, [ticket, "reject", "it is too much"]).ended;
  expect(decided).toMatchObject({ exitCode: 0, stdout: "The decision to reject stands.\n", stderr: "" });

  const finished = await start(fileOf("finish"), env, [ticket]).ended;
  expect(finished).toMatchObject({ exitCode: 0, stderr: "" });
  expect(finished.stdout).toBe("A bill of 480 has come. It is not paid: Max Manager says it is too much.\n");

  server.signal("SIGTERM");
  expect(await server.ended).toMatchObject({ stdout: expect.stringContaining("Payments made: 0.\n"), stderr: "" });
});

test("the README shows code that is in the sources", () => {
  expect(foreignReadmeBlocks(EXAMPLE)).toEqual([]);
});
