/** The two places where the proxy writes HTTP itself. */
import type { ProxyContext } from "./proxy-context.ts";
import type { Action } from "./rules.ts";

/** Servers on loopback answer to their own name only, against DNS rebinding; the client said the proxy's. */
export function withHost(head: Buffer, { host, port }: ProxyContext["target"]): Buffer {
  return Buffer.from(head.toString("latin1").replace(/^(host:[ \t]*)[^\r\n]*/im, `$1${host}:${port}`), "latin1");
}

/** The whole answer of an `answer` action. */
export function writeAnswer({ status, headers = {}, body = "" }: Extract<Action, { action: "answer" }>): string {
  const all = { "Content-Length": String(Buffer.byteLength(body)), Connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Fault\r\n${lines.join("")}\r\n${body}`;
}
