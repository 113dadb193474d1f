import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

// The gate of `npm run size`, over what is built.

const root = fileURLToPath(new URL("../", import.meta.url));

function measure(...args: string[]): { readonly status: number | null; readonly rows: string[]; readonly errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/size.mjs", ...args], { cwd: root, encoding: "utf8" });
  return { status, rows: stdout.split("\n").filter((line) => line.includes(" from ")), errors: stderr };
}

describe("size", () => {
  it("no entry is above its limit", () => {
    const { status, rows, errors } = measure();
    expect(rows.filter((row) => row.includes("ABOVE"))).toEqual([]);
    expect(errors).toBe("");
    expect(status).toBe(0);
    for (const entry of ["runagent/browser/websocket", "runagent/browser", "runagent/patterns", "runagent/ai-sdk", "runagent/ag-ui"]) {
      expect(rows.filter((row) => row.includes(`"${entry}"`))).not.toEqual([]);
    }
  });

  it("an entry above its limit fails the gate", () => {
    const { status, rows } = measure("--limit", "5");
    expect(rows.filter((row) => row.includes('"runagent/browser"') && row.includes("ABOVE"))).toHaveLength(1);
    expect(status).toBe(1);
  });
});
