// What every bundle does in a page: `result` settles when the client has done all of it. Nothing may be said on the console.
import { exercise } from "./exercise.mjs";

export function runInPage(runagent, patterns, name) {
  const said = [];
  for (const level of ["warn", "error"]) console[level] = (...words) => said.push(words.join(" "));
  const port = Number(new URLSearchParams(location.search).get("port"));
  globalThis.result = exercise(runagent, patterns, { port, name }).then((did) => ({ ...did, said }));
}
