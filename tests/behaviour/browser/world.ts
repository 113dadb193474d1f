import { randomUUID } from "node:crypto";
import type { Ability, Browser, Tab } from "../harness/browsers.ts";
import type { Pages } from "../harness/pages.ts";
import type { Servers } from "../servers/servers.ts";
import type { Call, Lab, Result } from "../start/page.ts";
import { equal, fail, matches } from "../suite/assert.ts";
import type { Target } from "../suite/verbs.ts";

/** One behaviour that only pages have. */
export interface PageCase {
  readonly name: string;
  readonly needs?: Ability;
  run(world: World): Promise<void>;
}

/** What a case works with. */
export class World {
  readonly servers: Servers;
  readonly pages: Pages;
  readonly seed: number;
  /** How often the network goes and comes back. */
  readonly toggles: number;
  /** Unlike every other. */
  readonly id: string = randomUUID();
  readonly #browser: Browser;
  readonly #ids: number[] = [];
  readonly #tabs: Tab[] = [];

  constructor(options: { servers: Servers; pages: Pages; browser: Browser; seed: number; toggles: number }) {
    this.servers = options.servers;
    this.pages = options.pages;
    this.seed = options.seed;
    this.toggles = options.toggles;
    this.#browser = options.browser;
  }

  /** A tab with a page in it. */
  async page(url: string = `${this.pages.origin}/page.html`, need?: Ability): Promise<Page> {
    const tab = await this.#browser.newTab(need);
    this.#tabs.push(tab);
    await tab.open(url);
    return new Page(tab);
  }

  /** What no page has handled is a failure of the case. */
  async checkUnhandled(): Promise<void> {
    for (const tab of this.#tabs) equal(await tab.evaluate("globalThis.lab?.unhandled ?? []"), [], "unhandled in the page");
  }

  portOf(target: Target): number {
    return this.servers.addresses.ports[target];
  }

  async proxy(target: Target): Promise<{ id: number; port: number }> {
    const proxy = await this.servers.verbs.proxy({ target, seed: this.seed, rules: [] });
    this.#ids.push(proxy.id);
    return proxy;
  }

  /** Lets the agent behind this case's gate go on. */
  async open(to: number): Promise<void> {
    await this.servers.verbs.open({ gate: this.id, to });
  }

  async close(): Promise<void> {
    await this.servers.verbs.release({ ids: this.#ids });
    await Promise.all(this.#tabs.map((tab) => tab.close()));
  }
}

type Action = Exclude<keyof Lab, "unhandled">;

/** A page of ours, with what is in it. */
export class Page {
  readonly tab: Tab;

  constructor(tab: Tab) {
    this.tab = tab;
  }

  /** Calls what the page has under this name. */
  do<Name extends Action>(name: Name, ...args: Parameters<Lab[Name]>): Promise<Awaited<ReturnType<Lab[Name]>>> {
    return this.tab.evaluate(`lab.${name}(${JSON.stringify(args).slice(1, -1)})`);
  }

  /** The failure of a call, which must be a RunAgentError of one of these codes with something to do about it. */
  async failure(
    how: "run" | "collect",
    call: Call,
    ...codes: readonly string[]
  ): Promise<Result & { message: string; suggestion: string }> {
    const result = await this.do(how, call);
    const { code = "success", message = "", suggestion = "" } = result;
    if (!codes.includes(code)) fail(`${how}: expected ${codes.join(" or ")}, got ${code}: ${message}`);
    matches(suggestion, /\w.*\.$/, "suggestion");
    return { ...result, message, suggestion };
  }

  async reload(): Promise<void> {
    await this.tab.reload();
  }
}
