import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { createCertificate } from "../../support/certificate.ts";

/** Serves the pages, from origins that are not the agents'. */
export interface Pages {
  /** An origin that the servers allow. */
  readonly origin: string;
  /** The same pages from an origin that no server allows. */
  readonly foreign: string;
  /** The same over TLS, with a certificate that nobody signed. */
  readonly secure: string;
  close(): void;
}

const HEADERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  // Scripts of the page alone, and no connections but to itself.
  "/forbidden.html": { "content-security-policy": "script-src 'self'; connect-src 'self'" },
};

/** Pages without a file: each loads the module that its name says. */
const BODIES: Readonly<Record<string, string>> = {
  "/suite.html": page("browser.mjs"),
  "/page.html": page("page.mjs"),
  "/forbidden.html": page("page.mjs"),
  // Without allow-same-origin a frame has an origin of its own, and no storage.
  "/frame.html": `<!doctype html><title>Frame</title><iframe sandbox="allow-scripts" src="/page.html"></iframe>`,
  "/other.html": "<!doctype html><title>Another page</title>",
};

function page(module: string): string {
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Behaviour</title><script type="module" src="/${module}"></script>`;
}

/** Serves the modules in `folder`, and the pages for them. */
export async function servePages(folder: string): Promise<Pages> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname;
    const body = BODIES[path] ?? readModule(folder, path);
    if (body === undefined) {
      response.writeHead(404).end();
      return;
    }
    const type = path.endsWith(".html") ? "text/html; charset=utf-8" : "text/javascript; charset=utf-8";
    // A frame in a sandbox asks for its module as a foreign page would.
    response.writeHead(200, { "content-type": type, "access-control-allow-origin": "*", ...HEADERS[path] }).end(body);
  };
  const plain = createServer(answer);
  const secure = createSecureServer(createCertificate(), answer);
  const ports = await Promise.all([listen(plain), listen(secure)]);
  return {
    origin: `http://127.0.0.1:${ports[0]}`,
    foreign: `http://localhost:${ports[0]}`,
    secure: `https://127.0.0.1:${ports[1]}`,
    close() {
      for (const server of [plain, secure]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function readModule(folder: string, path: string): string | undefined {
  try {
    return path.endsWith(".mjs") ? readFileSync(join(folder, basename(path)), "utf8") : undefined;
  } catch {
    return undefined; // Nobody has bundled such a module.
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A TCP server that listens has one.
  return (server.address() as AddressInfo).port;
}
