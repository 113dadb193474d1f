/** What the page is doing. */
export type Phase = "idle" | "connecting" | "answering" | "reconnecting" | "stopping" | "done" | "stopped" | "failed";

/** A line for people, and how it looks. */
export interface Status {
  readonly text: string;
  readonly tone: "quiet" | "good" | "busy" | "bad";
}

const STATUSES: Readonly<Record<Phase, Status>> = {
  idle: { text: "Ready.", tone: "quiet" },
  connecting: { text: "Connecting…", tone: "busy" },
  answering: { text: "Connected. The answer is coming in.", tone: "good" },
  reconnecting: { text: "The connection is lost. Reconnecting…", tone: "busy" },
  stopping: { text: "Stopping…", tone: "busy" },
  done: { text: "The answer is complete.", tone: "quiet" },
  stopped: { text: "Stopped.", tone: "quiet" },
  failed: { text: "The answer could not be had.", tone: "bad" },
};

/** True while an answer is on its way. */
export function isRunning(phase: Phase): boolean {
  return phase === "connecting" || phase === "answering" || phase === "reconnecting" || phase === "stopping";
}

/** The line for a phase; the browser's word that there is no network explains more than any other. */
export function statusOf(phase: Phase, online: boolean): Status {
  if (online) return STATUSES[phase];
  if (phase === "stopping") return { text: "You are offline. The answer stops when you are back.", tone: "busy" };
  if (isRunning(phase)) return { text: "You are offline. The answer continues when you are back.", tone: "busy" };
  return { text: "You are offline.", tone: "bad" };
}
