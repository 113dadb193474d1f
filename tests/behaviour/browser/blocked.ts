import { atMost, equal, matches } from "../suite/assert.ts";
import type { PageCase } from "./world.ts";

const HOW = ["run", "collect"] as const;
const TRANSPORTS = ["websocket", "sse", "auto"] as const;
/** The page asks the server why, which must not take long. */
const SOON_MS = 5_000;

/** What browsers keep from pages, and what they tell nobody. */
export const blocked: readonly PageCase[] = [
  {
    name: "apiKey is refused unless the page says that everybody may read it",
    async run(world) {
      const page = await world.page();
      const { token: apiKey } = await world.servers.verbs.token({ user: world.id });
      const options = { port: world.portOf("keyed"), apiKey };
      const { field, suggestion, message } = await page.failure("run", { options }, "VALIDATION_ERROR");
      equal(field, "apiKey", "field");
      matches(suggestion, /getToken.*allowApiKeyInBrowser/, "suggestion");
      equal(message.includes(apiKey), false, "the key is shown");
      const allowed = await page.do("run", { options: { ...options, allowApiKeyInBrowser: true }, input: { value: 1 } });
      equal({ ...allowed, ms: 0 }, { value: 1, ms: 0 });
    },
  },
  {
    name: "no key is in a URL",
    needs: "urls",
    async run(world) {
      const page = await world.page();
      const { token: apiKey } = await world.servers.verbs.token({ user: world.id });
      for (const transport of TRANSPORTS) {
        const options = { port: world.portOf("keyed"), apiKey, allowApiKeyInBrowser: true, transport };
        const input = { count: 2 };
        const { value } = await page.do("collect", { options: { ...options, entrypointTag: "count_stream" }, input });
        equal(value, [1, 2], transport);
      }
      const { urls } = page.tab;
      equal(
        urls.some((url) => url.startsWith("ws:")),
        true,
        "WebSockets were seen",
      );
      equal(
        urls.filter((url) => url.includes(apiKey)),
        [],
        "URLs with the key",
      );
    },
  },
  {
    name: "Content-Security-Policy: the error names connect-src and what to add",
    async run(world) {
      const page = await world.page(`${world.pages.origin}/forbidden.html`);
      const host = `127.0.0.1:${world.portOf("open")}`;
      for (const how of HOW) {
        for (const transport of TRANSPORTS) {
          const { suggestion, ms } = await page.failure(how, { options: { port: world.portOf("open"), transport } }, "CONNECTION_ERROR");
          matches(suggestion, new RegExp(`http://${host}.*ws://${host}.*connect-src`), `suggestion of ${how}, ${transport}`);
          atMost(ms, SOON_MS, "milliseconds");
        }
      }
    },
  },
  {
    name: "mixed content: the error says that the agent must be served over https",
    async run(world) {
      const page = await world.page(`${world.pages.secure}/page.html`);
      for (const how of HOW) {
        for (const transport of TRANSPORTS) {
          // A name: what is on this machine counts as safe.
          const options = { baseUrl: "http://agents.example.com:8450", transport, connectTimeoutMs: 3_000 };
          const { message, suggestion } = await page.failure(how, { options }, "CONNECTION_ERROR");
          matches(message, /mixed content/, `message of ${how}, ${transport}`);
          matches(suggestion, /https/, `suggestion of ${how}, ${transport}`);
        }
      }
    },
  },
  {
    name: "an origin that is not on the server's list: the error names allowedOrigins and the page's origin",
    async run(world) {
      for (const [url, target] of [
        [world.pages.origin, "foreign"],
        [world.pages.foreign, "open"],
      ] as const) {
        const page = await world.page(`${url}/page.html`);
        for (const how of HOW) {
          for (const transport of TRANSPORTS) {
            const options = { port: world.portOf(target), transport };
            const { suggestion, ms } = await page.failure(how, { options }, "PERMISSION_ERROR");
            matches(suggestion, new RegExp(`${url}.*allowedOrigins`), `suggestion of ${how}, ${transport}`);
            atMost(ms, SOON_MS, "milliseconds");
          }
        }
      }
    },
  },
  {
    name: "storage that the browser denies (a frame in a sandbox): the error names third-party cookies",
    async run(world) {
      const page = await world.page(`${world.pages.origin}/frame.html`);
      const { code, field, suggestion } = await page.tab.evaluate<{ code?: string; field?: string; suggestion?: string }>(
        'lab.kept("answer")',
        "frame",
      );
      equal({ code, field }, { code: "VALIDATION_ERROR", field: "storage" });
      matches(suggestion, /third-party cookies/, "suggestion");
    },
  },
];
