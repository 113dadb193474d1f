import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Project, run, userEnv } from "./install.ts";

/** A registry of npm packages on this machine. */
export interface Registry {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the client's tarball and what npm installed with it, packed again: for who fetches packages by an `npm:` specifier. */
export async function serveRegistry({ folder, packages }: Project): Promise<Registry> {
  const target = join(folder, "../registry");
  mkdirSync(target);
  const paths = [...packages.values()];
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", target, ...paths], folder, {
    ...userEnv,
    npm_config_loglevel: "error",
  });
  const tarballs = new Map(readdirSync(target).map((name) => [`/-/${name}`, readFileSync(join(target, name))]));
  let url = "";

  const describe = (name: string, path: string): object => {
    const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    const file = `/-/${name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`;
    const integrity = `sha512-${createHash("sha512")
      .update(tarballs.get(file) ?? "")
      .digest("base64")}`;
    const version = { ...manifest, dist: { tarball: url + file, integrity } };
    return { name, "dist-tags": { latest: manifest.version }, versions: { [manifest.version]: version } };
  };

  const server = createServer((request, response) => {
    const wanted = decodeURIComponent(request.url ?? "");
    const path = packages.get(wanted.slice(1));
    const body = path === undefined ? tarballs.get(wanted) : JSON.stringify(describe(wanted.slice(1), path));
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" }).end(body ?? "{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()) };
}
