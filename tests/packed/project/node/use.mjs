// ES modules: each entry that Node may take, by its name.
import * as server from "@runagent/server";
import * as runagent from "runagent";
import * as browser from "runagent/browser";
import * as browserWebSocket from "runagent/browser/websocket";
import * as node from "runagent/node";
import * as patterns from "runagent/patterns";
import * as standard from "runagent/standard";
import { entryOf, exercise } from "../exercise.mjs";

const port = Number(process.argv[2]);
const did = await exercise(runagent, patterns, { port, name: "module" });
const byStandard = await exercise(standard, patterns, { port, name: "standard" });
const names = [node, browser, browserWebSocket, standard].map((entry) => Object.keys(entry).join());
console.log(
  JSON.stringify({
    did,
    byStandard,
    entry: entryOf(runagent),
    named: [node, browser, standard].map(entryOf),
    sameNames: new Set([...names, Object.keys(runagent).join()]).size === 1,
    sameError: runagent.RunAgentError === server.RunAgentError,
  }),
);
