/**
 * Which Python runs an agent: the one of the folder's virtual environment, else the one that is active, else that of the machine.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VENV_FOLDERS = [".venv", "venv", "env"];

/** The command that starts Python for the agent in a folder. */
export function findPython(folder: string, env: NodeJS.ProcessEnv = process.env): string {
  const active = env.VIRTUAL_ENV === undefined || env.VIRTUAL_ENV === "" ? [] : [env.VIRTUAL_ENV];
  const inside = process.platform === "win32" ? join("Scripts", "python.exe") : join("bin", "python");
  for (const venv of [...VENV_FOLDERS.map((name) => join(folder, name)), ...active]) {
    if (existsSync(join(venv, inside))) return join(venv, inside);
  }
  return process.platform === "win32" ? "python" : "python3";
}

/** The program that runs Python agents: what it is made of is beside it. */
export const PYTHON_WORKER: string = fileURLToPath(new URL("./python/__main__.py", import.meta.url));
