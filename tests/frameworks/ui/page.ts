/** A page with `useChat`, as an app would have it; what it is told stands in its address. */
import { type UIMessage, useChat } from "@ai-sdk/react";
import { isToolUIPart, lastAssistantMessageIsCompleteWithApprovalResponses } from "ai";
import { createElement as h, type ReactNode, StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { RunAgentChatTransport } from "runagent/ai-sdk";
import { RunAgentClient } from "runagent/browser";

const asked = new URLSearchParams(location.search);
const client = new RunAgentClient({
  agentId: "assistant",
  entrypointTag: "chat_stream",
  host: "127.0.0.1",
  port: Number(asked.get("port")),
});
const transport = new RunAgentChatTransport({ client });
/** What an app keeps of a chat over a reload: everything, what the user wrote, or nothing. */
const keeps = asked.get("keeps");

function restored(): UIMessage[] {
  const messages: UIMessage[] = JSON.parse(sessionStorage.getItem("messages") ?? "[]");
  return messages.filter(({ role }) => keeps === "all" || role === "user");
}

function Chat(): ReactNode {
  const [text, setText] = useState("");
  const chat = useChat({
    id: "chat-1",
    transport,
    resume: true,
    messages: restored(),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const { messages, status, error } = chat;
  useEffect(() => {
    if (keeps !== "nothing" && messages.length > 0) sessionStorage.setItem("messages", JSON.stringify(messages));
  }, [messages]);
  const decide = (id: string, approved: boolean): void => void chat.addToolApprovalResponse({ id, approved });
  const partView = (part: UIMessage["parts"][number], key: number): ReactNode => {
    if (part.type === "text" || part.type === "reasoning") return h("p", { key, className: part.type }, part.text);
    if (!isToolUIPart(part)) return part.type === "step-start" ? null : h("pre", { key, className: part.type }, JSON.stringify(part));
    const asks = part.state === "approval-requested" ? part.approval.id : undefined;
    return h(
      "div",
      { key, className: "tool" },
      `${part.type === "dynamic-tool" ? part.toolName : part.type} ${part.state} ${JSON.stringify(part.output ?? null)}`,
      asks !== undefined && h("button", { type: "button", onClick: () => decide(asks, true) }, "Approve"),
      asks !== undefined && h("button", { type: "button", onClick: () => decide(asks, false) }, "Deny"),
    );
  };
  return h(
    "main",
    null,
    h("output", null, status),
    h("div", { role: "alert" }, error?.message),
    messages.map(({ id, role, parts }) => h("article", { key: id, className: role, id }, parts.map(partView))),
    h("input", { "aria-label": "Message", value: text, onChange: (event: { target: HTMLInputElement }) => setText(event.target.value) }),
    h("button", { type: "button", onClick: () => void chat.sendMessage({ text }) }, "Send"),
    h("button", { type: "button", onClick: () => void chat.stop() }, "Stop"),
  );
}

const root = document.createElement("div");
document.body.append(root);
createRoot(root).render(asked.has("strict") ? h(StrictMode, null, h(Chat)) : h(Chat));
