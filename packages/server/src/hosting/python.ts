/**
 * Which Python runs an agent: the one of the folder's virtual environment, else the one that is active, else that of the machine.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VENV_FOLDERS = [".venv", "venv", "env"];
const INSIDE = process.platform === "win32" ? join("Scripts", "python.exe") : join("bin", "python");

/**
 * The command that starts Python for the agent in a folder.
 * @param onProblem Is told of a virtual environment that cannot be used.
 */
export function findPython(folder: string, onProblem: (problem: string) => void): string {
  const general = process.platform === "win32" ? "python" : "python3";
  for (const name of VENV_FOLDERS) {
    const command = join(folder, name, INSIDE);
    if (existsSync(command)) return command;
    // Most often the Python that it was made with is gone.
    if (existsSync(join(folder, name, "pyvenv.cfg")))
      onProblem(`${command} is not there: make ${name} anew. ${general} is used in its place.`);
  }
  const active = join(process.env.VIRTUAL_ENV ?? "", INSIDE);
  return process.env.VIRTUAL_ENV && existsSync(active) ? active : general;
}

/** The program that runs Python agents: what it is made of is beside it. */
export const PYTHON_WORKER: string = fileURLToPath(new URL("./python/__main__.py", import.meta.url));
