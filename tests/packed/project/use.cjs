// Runs in a project that installed the tarballs: CommonJS.
const server = require("@runagent/server");
const client = require("runagent");
const { exercise } = require("./exercise.cjs");

void exercise(server, client, "require");
