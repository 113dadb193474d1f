/** What the tests share: the chat with a fault proxy before its agent, a pace that the test holds, and tabs whose every complaint is kept. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createFaultProxy, type FaultProxy, type FaultRule } from "@runagent/conformance";
import { build } from "esbuild";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import type { Pace } from "../src/agent.ts";
import { type Chat, serveChat } from "../src/chat.ts";
import type { Turn } from "../src/conversation.ts";
import { replyTo } from "../src/replies.ts";

const SOURCE = fileURLToPath(new URL("../src/", import.meta.url));
/** How long a test waits for what must happen. */
export const WAIT: { readonly timeout: number } = { timeout: 15_000 };
/** What Chromium says by itself about a network that is gone, and about a connection that is given up for a better one. */
const SAID_BY_BROWSER =
  /net::ERR_(INTERNET_DISCONNECTED|CONNECTION_RESET|CONNECTION_CLOSED|FAILED)|closed before the connection is established/;

/** Lets the agent say as many words as the test wants. */
export class Gate {
  /** The invocations that asked for another word. */
  readonly signals: Set<AbortSignal> = new Set();
  /** Words that were said, and after which the next was allowed. */
  said = 0;
  #allowed = 0;
  #waiting: (() => void)[] = [];

  readonly pace: Pace = async (signal: AbortSignal): Promise<void> => {
    this.signals.add(signal);
    while (this.#allowed === 0) {
      const wake = new Promise<void>((resolve) => this.#waiting.push(resolve));
      const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
      await Promise.race([wake, aborted]);
    }
    this.#allowed--;
    this.said++;
    // As slow as a fast talker: a browser paints meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 2));
  };

  /** So many words more. */
  allow(words: number = Number.POSITIVE_INFINITY): void {
    this.#allowed += words;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  get runs(): number {
    return this.signals.size;
  }
}

/** Bundles a program or page of the example from the sources: the tests need no build. */
export async function bundle(name: "page" | "server", outfile: string): Promise<void> {
  const isPage = name === "page";
  await build({
    entryPoints: [join(SOURCE, `${name}.ts`)],
    outfile,
    bundle: true,
    format: "esm",
    platform: isPage ? "browser" : "node",
    target: isPage ? "es2022" : "node20",
    conditions: ["@runagent/source"],
    // The condition for sources knows no browser.
    alias: isPage
      ? { runagent: fileURLToPath(new URL("../../packages/client/src/runtimes/browser.ts", new URL("../", import.meta.url))) }
      : {},
    ...(!isPage && { banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' } }),
    logLevel: "silent",
  });
}

let script: Promise<URL> | undefined;
let scriptFolder: string | undefined;

/** The bundled script of the page, made once. */
export function pageScript(): Promise<URL> {
  script ??= (async () => {
    scriptFolder = await mkdtemp(join(tmpdir(), "browser-chat-"));
    const file = join(scriptFolder, "page.mjs");
    await bundle("page", file);
    return pathToFileURL(file);
  })();
  return script;
}

/** Removes it. */
export async function removePageScript(): Promise<void> {
  if (scriptFolder !== undefined) await rm(scriptFolder, { recursive: true, force: true });
}

/** A chat that is served, and what is between its page and its agent. */
export interface Served {
  readonly chat: Chat;
  readonly gate: Gate;
  readonly proxy: FaultProxy;
}

/** Serves the chat until the test is over. */
export async function serveForTest(options: { rules?: readonly FaultRule[]; tokenSeconds?: number; pace?: Pace } = {}): Promise<Served> {
  const { rules = [], tokenSeconds = 60 } = options;
  const gate = new Gate();
  let proxy: FaultProxy | undefined;
  const chat = await serveChat({
    pagePort: 0,
    agentPort: 0,
    script: await pageScript(),
    pace: options.pace ?? gate.pace,
    tokenSeconds,
    publicUrl: async ({ host, port }) => {
      proxy = await createFaultProxy({ target: { host, port }, seed: 1, rules });
      return `http://127.0.0.1:${proxy.port}`;
    },
  });
  if (proxy === undefined) throw new Error("The proxy was not made.");
  const between = proxy;
  onTestFinished(async () => {
    await between.close();
    await chat.agent.close({ timeoutMs: 100 });
    await chat.close();
  });
  return { chat, gate, proxy };
}

/** A page of the chat, as a person sees it. */
export class Tab {
  readonly page: Page;
  readonly #problems: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(WAIT.timeout);
    page.on("console", (message) => this.#problems.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => this.#problems.push(`uncaught: ${error.message}`));
  }

  /** What the console says, but for what the browser says about lost connections. */
  get problems(): string[] {
    return this.#problems.filter((text) => !SAID_BY_BROWSER.test(text));
  }

  /** Everything the console said. */
  get console(): readonly string[] {
    return this.#problems;
  }

  /** Types a message and sends it. */
  async send(message: string): Promise<void> {
    await this.page.getByLabel("Your message").fill(message);
    await this.page.keyboard.press("Enter");
  }

  /** Waits for a line of the state. */
  async status(text: string | RegExp): Promise<void> {
    await this.page.getByRole("status").filter({ hasText: text }).waitFor();
  }

  /** Every line of the state since the page was loaded. */
  statuses(): Promise<string[]> {
    return this.page.evaluate("globalThis.statuses");
  }

  /** Waits until an answer shows so many words, and no more. */
  async words(count: number, turn = 0): Promise<void> {
    await expect.poll(async () => wordsOf(await this.answer(turn)).length, WAIT).toBe(count);
  }

  /** What an answer shows. */
  async answer(turn = 0): Promise<string> {
    const blocks = this.page.locator(".answer").nth(turn).locator(":is(p, li, pre)");
    return (await blocks.allTextContents()).join("\n");
  }

  /** What the tab keeps of the turns. */
  async kept(): Promise<Turn[]> {
    const texts: string[] = await this.page.evaluate("Object.keys(sessionStorage).sort().map((key) => sessionStorage.getItem(key))");
    return texts.map((text) => JSON.parse(text));
  }

  /** The answer is whole, on the screen and in the storage: nothing is missing, nothing is there twice. */
  async expectWhole(question: string, turn = 0): Promise<void> {
    await this.status("The answer is complete.");
    const whole = replyTo(question);
    expect(wordsOf(await this.answer(turn))).toEqual(shownWords(whole));
    const kept = (await this.kept())[turn];
    expect(kept).toMatchObject({ question, answer: whole, state: "done" });
    expect(kept).not.toHaveProperty("position");
  }
}

/** Opens the page in a tab of a new visitor, or of the same. */
export async function openTab(browser: Browser | BrowserContext, chat: Chat, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = "newContext" in browser ? await browser.newContext(options) : browser;
  if ("newContext" in browser) onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.addInitScript(() => {
    const statuses: string[] = [];
    Object.assign(globalThis, { statuses });
    new MutationObserver(() => {
      const text = document.getElementById("status")?.textContent ?? "";
      if (text !== (statuses.at(-1) ?? "")) statuses.push(text);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  const tab = new Tab(page);
  await page.goto(chat.url);
  return tab;
}

/** The words of a text that is shown. */
function wordsOf(text: string): string[] {
  return text.match(/\S+/g) ?? [];
}

/** The words of a Markdown text as they are shown: without the marks. */
export function shownWords(markdown: string): string[] {
  return wordsOf(markdown.replaceAll(/```\w*\n|```|^- /gm, "").replaceAll(/\*+|`/g, ""));
}
