import { type BrowserContext, type Browser as PlaywrightBrowser, type Page as PlaywrightPage, webkit } from "playwright-core";
import puppeteer, { type Page as PuppeteerPage } from "puppeteer-core";
import { CHROMIUM_ARGS, chromiumPath, hasChromium, launchChromium } from "./chromium.mjs";

const OPEN_MS = 15_000;

/** What only some drivers can do. */
export type Ability = "offline" | "freeze" | "urls";

/** A tab. */
export interface Tab {
  open(url: string): Promise<void>;
  reload(): Promise<void>;
  back(): Promise<void>;
  /** Evaluates an expression, a promise until it settles. `frame`: in the frame within the page. */
  evaluate<T>(expression: string, where?: "page" | "frame"): Promise<T>;
  /** Opens the same page in another tab, as a user duplicates one: with a copy of its session storage. */
  duplicate(): Promise<Tab>;
  close(): Promise<void>;
  /** Every URL that was asked for, WebSockets included. */
  readonly urls: readonly string[];
  setOffline(offline: boolean): Promise<void>;
  setFrozen(frozen: boolean): Promise<void>;
}

/** A browser that was started. */
export interface Browser {
  readonly version: string;
  /** A tab of a visitor who was never here, for a case that needs this. */
  newTab(need?: Ability): Promise<Tab>;
  close(): Promise<void>;
}

/** A browser that the suite may run in. */
export interface BrowserKind {
  readonly title: string;
  /** Why it cannot be started; undefined: it can. */
  readonly missing: string | undefined;
  readonly abilities: readonly Ability[];
  launch(): Promise<Browser>;
}

const { RUNAGENT_FIREFOX, RUNAGENT_WEBKIT } = process.env;

/** Chromium comes with an npm package; the others are the machine's. */
export const BROWSERS: readonly BrowserKind[] = [
  {
    title: "Chromium",
    missing: hasChromium() ? undefined : "there is no package of it for this platform: set RUNAGENT_CHROMIUM",
    abilities: ["offline", "freeze", "urls"],
    launch: async () => new Driven(await launchChromium(), await chromiumPath()),
  },
  {
    title: "Firefox",
    missing: RUNAGENT_FIREFOX ? undefined : "set RUNAGENT_FIREFOX to the path of one",
    abilities: [],
    launch: () => launchFirefox(RUNAGENT_FIREFOX ?? ""),
  },
  {
    title: "WebKit",
    missing: RUNAGENT_WEBKIT ? undefined : "set RUNAGENT_WEBKIT to the path of one that Playwright can drive",
    abilities: ["offline", "urls"],
    launch: async () => new Driven(await webkit.launch({ executablePath: RUNAGENT_WEBKIT ?? "" }), RUNAGENT_WEBKIT ?? ""),
  },
];

/** Playwright pretends that every page is in front, which a page that freezes is not. */
async function freezableTab(executablePath: string): Promise<Tab> {
  const browser = await puppeteer.launch({ executablePath, headless: "shell", args: CHROMIUM_ARGS });
  const tab = puppeteerTab(await browser.newPage());
  return { ...tab, close: () => browser.close() };
}

/** For what is not among the abilities of a browser. */
function cannot(): Promise<never> {
  return Promise.reject(new Error("The driver of this browser cannot do that."));
}

/** A browser that Playwright drives. */
class Driven implements Browser {
  readonly #browser: PlaywrightBrowser;
  readonly #executablePath: string;

  constructor(browser: PlaywrightBrowser, executablePath: string) {
    this.#browser = browser;
    this.#executablePath = executablePath;
  }

  get version(): string {
    return this.#browser.version();
  }

  async newTab(need?: Ability): Promise<Tab> {
    if (need === "freeze") return freezableTab(this.#executablePath);
    const context = await this.#browser.newContext({ ignoreHTTPSErrors: true });
    return tabOf(context, await context.newPage());
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

function tabOf(context: BrowserContext, page: PlaywrightPage): Tab {
  const urls: string[] = [];
  page.setDefaultTimeout(OPEN_MS);
  page.on("request", (request) => urls.push(request.url()));
  page.on("websocket", (socket) => urls.push(socket.url()));
  return {
    urls,
    open: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    // From the cache no event of loading comes.
    back: async () => void (await page.goBack({ waitUntil: "commit" })),
    evaluate: (expression, where = "page") => (where === "page" ? page : (page.frames()[1] ?? page)).evaluate(expression),
    async duplicate() {
      const opened = context.waitForEvent("page");
      await page.evaluate("void open(location.href)");
      const other = await opened;
      await other.waitForLoadState("load");
      return tabOf(context, other);
    },
    setOffline: (offline) => context.setOffline(offline),
    setFrozen: cannot,
    close: () => context.close(),
  };
}

/** Over WebDriver BiDi, without a driver beside the browser. */
async function launchFirefox(executablePath: string): Promise<Browser> {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true, acceptInsecureCerts: true });
  const version = (await browser.version()).replace(/^\D*/, "");
  return {
    version,
    newTab: async () => puppeteerTab(await (await browser.createBrowserContext()).newPage()),
    close: () => browser.close(),
  };
}

function puppeteerTab(page: PuppeteerPage): Tab {
  page.setDefaultTimeout(OPEN_MS);
  return {
    urls: [],
    open: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    back: async () => void (await page.goBack()),
    // Puppeteer has the types of functions; an expression gives whatever it gives.
    evaluate: async <T>(expression: string, where = "page") =>
      (await (where === "page" ? page.mainFrame() : (page.frames()[1] ?? page.mainFrame())).evaluate(expression)) as T,
    async duplicate() {
      const context = page.browserContext();
      const before = new Set(await context.pages());
      await page.evaluate("void open(location.href)");
      for (;;) {
        const other = (await context.pages()).find((candidate) => !before.has(candidate));
        if (other === undefined) continue;
        await other.waitForFunction("globalThis.lab !== undefined");
        return puppeteerTab(other);
      }
    },
    setOffline: cannot,
    async setFrozen(frozen) {
      const session = await page.createCDPSession();
      await session.send("Page.setWebLifecycleState", { state: frozen ? "frozen" : "active" });
      await session.detach();
    },
    close: () => page.browserContext().close(),
  };
}
