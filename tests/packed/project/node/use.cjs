// CommonJS.
const server = require("@runagent/server");
const runagent = require("runagent");
const node = require("runagent/node");
const patterns = require("runagent/patterns");

void import("../exercise.mjs").then(async ({ entryOf, exercise }) => {
  const did = await exercise(runagent, patterns, { port: Number(process.argv[2]), name: "require" });
  const sameError = runagent.RunAgentError === server.RunAgentError && runagent.RunAgentClient === node.RunAgentClient;
  console.log(JSON.stringify({ did, entry: entryOf(runagent), sameError }));
});
