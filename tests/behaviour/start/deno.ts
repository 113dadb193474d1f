import * as runagent from "runagent";
import { OtherError } from "../other-copy.ts";
import { runSuite } from "../suite/run.ts";

/** The part of Deno that is used. */
declare const Deno: { readonly args: readonly string[] };

const unhandled: unknown[] = [];
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  unhandled.push(event.reason);
});
addEventListener("error", (event) => {
  event.preventDefault();
  unhandled.push(event.error);
});

const { only, ...start } = JSON.parse(Deno.args[0] ?? "{}");
await runSuite({ ...start, runtime: "deno", runagent, OtherError }, unhandled, (report) => console.log(JSON.stringify(report)), only);
