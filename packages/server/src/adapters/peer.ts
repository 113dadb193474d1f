/**
 * Loads the framework that an adapter is for. Frameworks are optional peers: who does not use one does not install it,
 * so it is loaded when the first invocation needs it, and its absence is told in one sentence.
 */
import { excerpt, RunAgentError } from "@runagent/core";

/**
 * Loads a framework. The import stands at the caller, as a literal, so that types and bundlers know it:
 * `loadPeer("ai", () => import("ai"), ["streamText"])`.
 * @param name The package, as it is installed.
 * @param needs The exports that the adapter uses.
 * @throws RunAgentError VALIDATION_ERROR when the package is missing, cannot be loaded, or has no such exports.
 */
export async function loadPeer<Module extends object>(
  name: string,
  load: () => Promise<Module>,
  needs: readonly (keyof Module & string)[] = [],
): Promise<Module> {
  let module: Module;
  try {
    module = await load();
  } catch (error) {
    throw toPeerError(name, error);
  }
  const missing = needs.filter((key) => module[key] === undefined);
  if (missing.length === 0) return module;
  throw new RunAgentError(
    "VALIDATION_ERROR",
    `The installed version of ${name} has no ${missing.join(", ")}: it is older or newer than this adapter knows.`,
    { suggestion: `Run: npm install ${name}@latest` },
  );
}

function toPeerError(name: string, error: unknown): RunAgentError {
  const absent = absentPackage(error);
  if (absent === undefined) {
    const reason = error instanceof Error ? error.message : String(error);
    return new RunAgentError("VALIDATION_ERROR", `The package ${name} is installed and cannot be loaded: ${excerpt(reason)}`, {
      suggestion: `Run: npm install ${name}@latest`,
      cause: error,
    });
  }
  const why = absent === name ? "" : `, which ${name} needs,`;
  return new RunAgentError("VALIDATION_ERROR", `The package ${absent}${why} is not installed. Run: npm install ${absent}`, {
    suggestion: `Run: npm install ${absent}`,
    cause: error,
  });
}

/** The package that the loader did not find. Its message has paths of the machine, which are nothing for a client. */
function absentPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  if (error.code !== "ERR_MODULE_NOT_FOUND" && error.code !== "MODULE_NOT_FOUND") return undefined;
  const specifier = /Cannot find (?:package|module) '([^'./][^']*)'/.exec(error.message)?.[1];
  return specifier === undefined ? undefined : /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0];
}
