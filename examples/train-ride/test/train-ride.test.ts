import { expect, test } from "vitest";
import { bundlePrograms, foreignReadmeBlocks, start } from "../../../tests/support/program.ts";
import { STORY } from "../src/agent.ts";

const EXAMPLE = new URL("../", import.meta.url);

test("the story arrives whole, through many tunnels and in two clients", async () => {
  const fileOf = await bundlePrograms(EXAMPLE, "ride");
  const { exitCode, stdout, stderr } = await start(fileOf("ride"), {}).ended;
  expect(stderr).toBe("");
  const [told = "", result] = stdout.split(/\n\n(?=\d+ connections lost)/);
  expect(result).toMatch(/^\d+ connections lost, the agent ran 1 time, the story is whole\.\n$/);
  expect(
    told
      .replaceAll("[tunnel] ", "")
      .replace(/\n\n\[at home.*\]\n\n/, "")
      .trimEnd(),
  ).toBe(STORY);
  expect(exitCode).toBe(0);
});

test("the README shows code that is in the sources", () => {
  expect(foreignReadmeBlocks(EXAMPLE)).toEqual([]);
});
