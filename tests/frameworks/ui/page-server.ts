/** Bundles the page with one of the versions of `@ai-sdk/react`, and serves it from an origin of its own. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A page that is served. */
export interface PageServer {
  /** As browsers send it. */
  readonly origin: string;
  close(): void;
}

const here = fileURLToPath(new URL(".", import.meta.url));
const newest = fileURLToPath(new URL("../newest/node_modules/", import.meta.url));
const PAGE =
  '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>Chat</title><script type="module" src="/page.mjs"></script>';

/** @param version 6, or the newest. */
export async function servePage(version: "ai 6" | "ai 7"): Promise<PageServer> {
  const names = ["ai", "@ai-sdk/react", "react", "react-dom"];
  const { outputFiles } = await build({
    entryPoints: [`${here}page.ts`],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions: ["@runagent/source"],
    define: { "process.env.NODE_ENV": '"development"' },
    alias: version === "ai 7" ? Object.fromEntries(names.map((name) => [name, newest + name])) : {},
    logLevel: "silent",
  });
  const script = outputFiles[0]?.text ?? "";
  const server = createServer(({ url = "/" }, response) => {
    if (url === "/page.mjs") response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(script);
    else response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(PAGE);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  // A server that listens on TCP has an address of this kind.
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
