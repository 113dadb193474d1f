const runagent = require("runagent");
const patterns = require("runagent/patterns");
const { runInPage } = require("../page.mjs");

runInPage(runagent, patterns, "webpack, main.cjs");
