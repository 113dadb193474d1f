import * as runagent from "runagent/standard";
import { OtherError } from "../other-copy.ts";
import { runSuite } from "../suite/run.ts";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (error) => unhandled.push(error));
process.on("uncaughtException", (error) => unhandled.push(error));

const { only, ...start } = JSON.parse(process.argv[2] ?? "{}");
await runSuite({ ...start, runtime: "standard", runagent, OtherError }, unhandled, (report) => console.log(JSON.stringify(report)), only);
