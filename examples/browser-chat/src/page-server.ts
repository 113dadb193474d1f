/**
 * A small static server for the page, on an origin of its own, with the one route that a page needs from its own site: `/token`.
 * Your application has both already; the visitor is then whoever is logged in.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Tokens } from "./tokens.ts";

const HOST = "127.0.0.1";
const PAGE = new URL("../page/", import.meta.url);
const COOKIE = "browser-chat-visitor";

/** What the page's server is told. */
export interface PageServerOptions {
  readonly port: number;
  readonly tokens: Tokens;
  /** The bundled script of the page. */
  readonly script: URL;
  /** Where the page finds the agent. */
  readonly agentUrl: () => string;
}

/** The page's server while it listens. */
export interface PageServer {
  /** Exactly as browsers send it. */
  readonly origin: string;
  close(): Promise<void>;
}

interface File {
  readonly type: string;
  readonly read: () => string | Buffer;
}

/** Serves the page until `close` is called. */
export async function servePage({ port, tokens, script, agentUrl }: PageServerOptions): Promise<PageServer> {
  const file = (type: string, url: URL): File => ({ type, read: () => readFileSync(url) });
  const files: ReadonlyMap<string, File> = new Map([
    [
      "/",
      {
        type: "text/html; charset=utf-8",
        read: () => readFileSync(new URL("index.html", PAGE), "utf8").replace("{{agentUrl}}", agentUrl()),
      },
    ],
    ["/style.css", file("text/css; charset=utf-8", new URL("style.css", PAGE))],
    ["/icon.svg", file("image/svg+xml", new URL("icon.svg", PAGE))],
    ["/page.mjs", file("text/javascript; charset=utf-8", script)],
  ]);
  let origin = "";
  const server = createServer((request, response) => {
    if (`http://${request.headers.host}` !== origin) refuse(response, 421, `This page lives at ${origin}`);
    else if (request.url === "/token") answerToken(request, response, tokens);
    else answerFile(request, response, files, agentUrl());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, resolve);
  });
  // A server that listens on TCP has an address of this kind.
  origin = `http://${HOST}:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { origin, close };
}

/** A token for the visitor that the cookie names: the cookie never leaves this origin, and the token does not live long. */
function answerToken(request: IncomingMessage, response: ServerResponse, tokens: Tokens): void {
  const visitor = visitorOf(request);
  const { "sec-fetch-site": site = "same-origin" } = request.headers;
  if (request.method !== "POST") refuse(response, 405, "POST only.");
  else if (visitor === undefined || site !== "same-origin") refuse(response, 403, "Open the page first.");
  else
    response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(JSON.stringify(tokens.issue(visitor)));
}

function answerFile(request: IncomingMessage, response: ServerResponse, files: ReadonlyMap<string, File>, agentUrl: string): void {
  const file = files.get(request.url ?? "");
  if (file === undefined || request.method !== "GET") {
    refuse(response, file === undefined ? 404 : 405, file === undefined ? "There is nothing here." : "GET only.");
    return;
  }
  const headers: Record<string, string> = {
    "Content-Type": file.type,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": policyFor(agentUrl),
  };
  if (request.url === "/" && visitorOf(request) === undefined) {
    headers["Set-Cookie"] = `${COOKIE}=${randomBytes(16).toString("base64url")}; HttpOnly; SameSite=Strict; Path=/`;
  }
  response.writeHead(200, headers).end(file.read());
}

/** What the page may load, and where it may connect to: its own server, and the agent over HTTP and WebSocket. */
function policyFor(agentUrl: string): string {
  const connect = `connect-src 'self' ${agentUrl} ${agentUrl.replace(/^http/, "ws")}`;
  return `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; ${connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

function visitorOf({ headers }: IncomingMessage): string | undefined {
  const [, visitor] = new RegExp(`(?:^|; ?)${COOKIE}=([\\w-]{22})(?:;|$)`).exec(headers.cookie ?? "") ?? [];
  return visitor;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" }).end(message);
}
