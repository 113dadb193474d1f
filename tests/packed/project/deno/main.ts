import * as runagent from "runagent";
import * as named from "runagent/deno";
import * as patterns from "runagent/patterns";
import * as standard from "runagent/standard";
import { entryOf, exercise } from "../exercise.mjs";

const port = Number(Deno.args[0]);
const did = await exercise(runagent, patterns, { port, name: "deno" });
const byStandard = await exercise(standard, patterns, { port, name: "standard" });
console.log(JSON.stringify({ did, byStandard, entry: entryOf(runagent), same: runagent.RunAgentClient === named.RunAgentClient }));
