import { expect, test } from "vitest";
import { bundlePrograms, foreignReadmeBlocks, start } from "../../../tests/support/program.ts";

const EXAMPLE = new URL("../", import.meta.url);

test("the district that was begun is measured to its end, and no other is begun", async () => {
  const fileOf = await bundlePrograms(EXAMPLE, "survey");
  const { exitCode, stdout, stderr } = await start(fileOf("survey"), {}).ended;
  expect(stderr).toBe("");
  expect(stdout.split("\n")).toEqual([
    "District 1 is measured.",
    "[stop after this district, please]",
    "District 2 is measured.",
    "[cancelled after turn 2]",
    "2 districts begun, 4 measurements delivered: as promised.",
    "",
  ]);
  expect(exitCode).toBe(0);
});

test("the README shows code that is in the sources", () => {
  expect(foreignReadmeBlocks(EXAMPLE)).toEqual([]);
});
