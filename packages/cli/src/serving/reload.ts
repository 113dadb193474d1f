/**
 * `runagent serve --reload`: loads the agent anew when its files change.
 */
import { basename, extname, relative } from "node:path";
import { CONFIG_FILE, type HostedAgent } from "@runagent/server/hosting";
import { watch } from "chokidar";
import type { ServeLog } from "./serve-log.ts";

/** Editors and tools write several files, or one several times: what follows within these milliseconds is one change. */
const SETTLE_MS = 100;
const SOURCES: ReadonlySet<string> = new Set([".py", ".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx"]);
/** What an agent installs. */
const IGNORED: ReadonlySet<string> = new Set(["node_modules", "__pycache__", "venv", "env", ".venv", ".git"]);

/** Watches the folder of an agent until it is closed. */
export async function reloadOnChange(hosted: HostedAgent, log: ServeLog): Promise<{ close(): Promise<void> }> {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const reload = async (): Promise<void> => {
    const files = [...changed].join(", ");
    changed.clear();
    try {
      // A newer change tells of itself.
      if (!(await hosted.reload())) return;
      log.problems(hosted.problems);
      log.say(
        hosted.problems.length === 0 ? `${files} changed: the agent is loaded anew.` : `${files} changed: the agent has mistakes now.`,
      );
    } catch (error) {
      log.problems([error instanceof Error ? error.message : String(error)]);
      log.say(`${files} changed: the agent stays as it was.`);
    }
  };
  const watcher = watch(hosted.folder, {
    ignoreInitial: true,
    ignored: (path, stats) => IGNORED.has(basename(path)) || (stats?.isFile() === true && !isSource(path)),
  });
  watcher.on("all", (event, path) => {
    if (event === "addDir" || event === "unlinkDir") return;
    changed.add(relative(hosted.folder, path));
    clearTimeout(timer);
    timer = setTimeout(() => void reload(), SETTLE_MS);
  });
  watcher.on("error", (error) => log.say(`The folder cannot be watched: ${error instanceof Error ? error.message : String(error)}`));
  await new Promise<void>((resolve) => watcher.once("ready", resolve));
  return {
    async close() {
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

/** What an agent writes itself, its data and its logs, must not load it anew. */
function isSource(path: string): boolean {
  const name = basename(path);
  return name === CONFIG_FILE || name === ".env" || SOURCES.has(extname(name));
}
