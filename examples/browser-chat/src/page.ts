/** The page: puts the conversation, the client and the screen together. */
import { RunAgentClient, type Token } from "runagent";
import { getAnswer, type RunningAnswer } from "./answer.ts";
import { Conversation, type Turn } from "./conversation.ts";
import { isRunning, type Phase, statusOf } from "./status.ts";
import { View } from "./view.ts";

const baseUrl = document.querySelector<HTMLMetaElement>("meta[name=agent-url]")?.content ?? "";

/** The page holds no key: it asks its own server for a token that does not live long, and again before that expires. */
async function getToken(): Promise<Token> {
  const response = await fetch("/token", { method: "POST" });
  if (!response.ok) throw new Error(`The page's server gave no token (HTTP ${response.status}). Reload the page.`);
  return response.json();
}

const client = new RunAgentClient({ agentId: "talker", entrypointTag: "chat_stream", baseUrl, getToken });
const conversation = new Conversation(sessionStorage);
let phase: Phase = "idle";
let running: RunningAnswer | undefined;

const view = new View({
  send: (message) => run(conversation.add(message)),
  stop: () => {
    enter("stopping");
    running?.stop();
  },
  again: (turn) => {
    if (running === undefined) run(turn);
    else view.explain("An answer is still coming. Escape stops it.");
  },
  clear: () => {
    conversation.clear();
    view.empty();
    enter("idle");
  },
});

function enter(next: Phase): void {
  phase = next;
  view.setStatus(statusOf(phase, navigator.onLine), isRunning(phase), phase === "stopping");
}

function run(turn: Turn): void {
  // Whoever asked to stop is not told of anything else before it is done.
  const enterUnlessStopping = (next: Phase): void => {
    if (phase !== "stopping" && phase !== next) enter(next);
  };
  enter(turn.stopping ? "stopping" : "connecting");
  running = getAnswer(turn, client, conversation, {
    connected: () => enterUnlessStopping("answering"),
    reconnecting: () => enterUnlessStopping("reconnecting"),
    grown: () => view.show(turn),
  });
  view.show(turn);
  void running.ended.then(() => {
    running = undefined;
    view.show(turn);
    enter(turn.state === "running" ? "idle" : turn.state);
  });
}

addEventListener("online", () => enter(phase));
addEventListener("offline", () => enter(phase));

// The browser scrolls to where the reader was before a reload.
for (const turn of conversation.turns) view.show(turn);
enter("idle");
const unfinished = conversation.turns.find(({ state }) => state === "running");
if (unfinished !== undefined) run(unfinished);
