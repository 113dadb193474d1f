import { expect, test } from "vitest";
import { bundlePrograms, foreignReadmeBlocks, start } from "../../../tests/support/program.ts";
import { ANSWER } from "../src/agent.ts";

const EXAMPLE = new URL("../", import.meta.url);

test("the desk shows each step in order, the answer, and the tools alone", async () => {
  const fileOf = await bundlePrograms(EXAMPLE, "desk");
  const { exitCode, stdout, stderr } = await start(fileOf("desk"), {}).ended;
  expect(stderr).toBe("");
  expect(stdout.split("\n")).toEqual([
    "[front desk answers]",
    '[weather is called with {"city":"Lisbon","at":"12:00"}]',
    '[call-1 gave {"sky":"rain","degrees":17}]',
    "[front desk hands over to tailor]",
    "[tailor answers]",
    ANSWER,
    `[the message is complete: ${ANSWER.length} characters]`,
    "[umbrella 7 is yours]",
    "[turn 1 is over]",
    `[stream_completed, ${ANSWER.split(" ").length} chunks]`,
    "",
    "The tools alone: the server sends nothing else.",
    "weather",
    "",
    "The story of the run is whole.",
    "",
  ]);
  expect(exitCode).toBe(0);
});

test("the README shows code that is in the sources", () => {
  expect(foreignReadmeBlocks(EXAMPLE)).toEqual([]);
});
