/** The page's own server, its tokens, the program, and what the README says. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RunAgentClient } from "runagent";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { foreignReadmeBlocks, start } from "../../../tests/support/program.ts";
import { replyTo } from "../src/replies.ts";
import { createTokens, type IssuedToken } from "../src/tokens.ts";
import { bundle, removePageScript, serveForTest } from "./support.ts";

const EXAMPLE = new URL("../", import.meta.url);

afterAll(removePageScript);

/** The cookie that the page sets. */
async function visit(url: string): Promise<string> {
  const response = await fetch(url);
  const [cookie = ""] = response.headers.getSetCookie();
  expect(cookie).toMatch(/^browser-chat-visitor=[\w-]{22}; HttpOnly; SameSite=Strict; Path=\/$/);
  return cookie.split(";")[0] ?? "";
}

async function tokenFor(url: string, cookie: string): Promise<IssuedToken> {
  const response = await fetch(`${url}/token`, { method: "POST", headers: { cookie } });
  expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
  return response.json();
}

describe("the page's server", () => {
  test("serves the page with a policy that allows its agent and nothing else", async () => {
    const { chat, proxy } = await serveForTest();
    const response = await fetch(chat.url);
    expect(response.headers.get("content-security-policy")).toContain(
      `connect-src 'self' http://127.0.0.1:${proxy.port} ws://127.0.0.1:${proxy.port};`,
    );
    expect(await response.text()).toContain(`<meta name="agent-url" content="http://127.0.0.1:${proxy.port}">`);
    for (const [path, type] of [
      ["/style.css", "text/css"],
      ["/icon.svg", "image/svg+xml"],
      ["/page.mjs", "text/javascript"],
    ]) {
      const file = await fetch(chat.url + path);
      expect([path, file.status, file.headers.get("content-type")]).toEqual([path, 200, expect.stringContaining(type ?? "")]);
    }
    for (const path of ["/src/page.ts", "/../package.json", "/%2e%2e/package.json"])
      expect((await fetch(chat.url + path)).status).toBe(404);
    expect((await fetch(chat.url, { method: "PUT" })).status).toBe(405);
  });

  test("gives a visitor tokens, and nobody else", async () => {
    const { chat } = await serveForTest({ pace: async () => {} });
    const cookie = await visit(chat.url);
    const { token, expiresAt } = await tokenFor(chat.url, cookie);
    expect(expiresAt - Date.now()).toBeGreaterThan(58_000);
    const { host, port } = chat.agent;
    const client = new RunAgentClient({ agentId: "talker", entrypointTag: "chat_stream", host, port, apiKey: token });
    onTestFinished(() => client.close());
    expect(await client.runStream({ message: "Hello" }).text()).toBe(replyTo("Hello"));
    const refused = [
      { headers: {} },
      { headers: { cookie: "browser-chat-visitor=short" } },
      { headers: { cookie, "sec-fetch-site": "cross-site" } },
      { headers: { cookie, "sec-fetch-site": "same-site" } },
    ];
    for (const { headers } of refused) {
      expect((await fetch(`${chat.url}/token`, { method: "POST", headers: { ...headers } as Record<string, string> })).status).toBe(403);
    }
    expect((await fetch(`${chat.url}/token`, { headers: { cookie } })).status).toBe(405);
  });

  test("answers to its own name only", async () => {
    const { chat } = await serveForTest();
    const status = await new Promise((resolve, reject) => {
      request(`${chat.url}/`, { headers: { host: "evil.example" } }, ({ statusCode }) => resolve(statusCode))
        .on("error", reject)
        .end();
    });
    expect(status).toBe(421);
  });

  test("lets no other page call the agent", async () => {
    const { chat } = await serveForTest();
    const { token } = await tokenFor(chat.url, await visit(chat.url));
    const ask = (origin: string) => fetch(`${chat.agent.url}/api/v1`, { headers: { origin, authorization: `Bearer ${token}` } });
    expect([(await ask(chat.url)).status, (await ask("https://evil.example")).status]).toEqual([200, 403]);
  });
});

describe("a token", () => {
  const tokens = createTokens(Buffer.alloc(32, 1), 60);
  const { token, expiresAt } = tokens.issue("visitor-1");

  test("says who, and until when", () => {
    expect(tokens.check(token)).toEqual({ id: "visitor-1", expiresAt });
  });

  test.each([
    ["of another visitor", token.replace("visitor-1", "visitor-2")],
    ["with a later expiry", token.replace(String(expiresAt), String(expiresAt + 1))],
    ["with another signature", token.replace(/.$/, (last) => (last === "A" ? "E" : "A"))],
    ["with a shorter signature", token.slice(0, -1)],
    ["of another server", createTokens(Buffer.alloc(32, 2), 60).issue("visitor-1").token],
    ["that is none", "x"],
    ["that is empty", ""],
  ])("%s is refused", (_name, forged) => {
    expect(tokens.check(forged)).toBe(null);
  });
});

test("the program serves page and agent, and ends when it is told to", async () => {
  const folder = await mkdtemp(fileURLToPath(new URL("node_modules/.test-", EXAMPLE)));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(fileURLToPath(new URL("page", EXAMPLE)), join(folder, "page"), { recursive: true });
  await Promise.all([bundle("server", join(folder, "dist/server.mjs")), bundle("page", join(folder, "dist/page.mjs"))]);
  const program = start(join(folder, "dist/server.mjs"), { PORT: "0", AGENT_PORT: "0", PACE_MS: "1" });
  const [, url = "", agent = ""] = await program.prints(/^Open (\S+) \(the agent listens on (\S+)\)$/m);
  const { token } = await tokenFor(url, await visit(url));
  expect((await fetch(`${url}/page.mjs`)).status).toBe(200);
  const client = new RunAgentClient({ agentId: "talker", entrypointTag: "chat_stream", baseUrl: agent, apiKey: token });
  expect(await client.runStream({ message: "Hello" }).text()).toBe(replyTo("Hello"));
  await client.close();
  program.signal("SIGTERM");
  expect(await program.ended).toMatchObject({ exitCode: 0, stderr: "" });
});

test("the program says what is wrong with its settings", async () => {
  const folder = await mkdtemp(fileURLToPath(new URL("node_modules/.test-", EXAMPLE)));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await bundle("server", join(folder, "server.mjs"));
  const { exitCode, stderr } = await start(join(folder, "server.mjs"), { PORT: "0", AGENT_PORT: "70000" }).ended;
  expect([exitCode, stderr]).toEqual([1, "port must be a whole number from 0 to 65535, not 70000.\n"]);
});

test("the README shows code that is in the sources", () => {
  expect(foreignReadmeBlocks(EXAMPLE)).toEqual([]);
});
