// Each side of a bench is a process of its own, so that memory and CPU are that side's: the same file again, in a role.
// A role is an object of verbs; who started it calls them by name and awaits their results.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createRssMeter } from "./rss.mjs";

/** Starts a file in a role. `call(verb, argument)` resolves to what the verb returns there; `stop()` ends the process. */
export function startRole(url, role) {
  const child = fork(fileURLToPath(url), [role], { execArgv: ["--expose-gc"] });
  const waiting = new Map();
  let calls = 0;
  child.on("message", ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(`${role}: ${error}`));
  });
  child.on("exit", (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`The ${role} process ended with ${signal ?? `code ${code}`}.`));
  });
  return {
    call: (verb, argument) =>
      new Promise((resolve, reject) => {
        const id = ++calls;
        waiting.set(id, { resolve, reject });
        child.send({ id, verb, argument });
      }),
    stop: () => child.kill(),
  };
}

/** Runs `main`, or the role that this process was started in: `roles` has a function for each, which makes its verbs. */
export async function runRoles(roles, main) {
  const role = roles[process.argv[2]];
  if (role === undefined) {
    await main();
    return;
  }
  const meter = createRssMeter();
  const verbs = { startMeter: () => meter.start(), stopMeter: () => meter.stop(), ...role() };
  process.on("message", ({ id, verb, argument }) => {
    // A verb that throws at once is answered like one that rejects.
    Promise.resolve(argument)
      .then(verbs[verb])
      .then(
        (result) => process.send({ id, result }),
        (error) => process.send({ id, error: error.stack }),
      );
  });
  process.on("disconnect", () => process.exit());
}
