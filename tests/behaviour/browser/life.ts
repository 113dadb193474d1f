import type { Ability } from "../harness/browsers.ts";
import { atLeast, atMost, equal, upTo } from "../suite/assert.ts";
import { Page, type PageCase, type World } from "./world.ts";

/** Far below a heartbeat of the server, which is 15 seconds: only an event of the page can have told. */
const AT_ONCE_MS = 3_000;
const PER_TOGGLE = 5;
const REFUSE = [{ on: { event: "connect" }, do: { action: "reset" } }] as const;
/** Whoever has failed in vain for some time waits longer than this, if chance wills it. */
const WAIT_MS = 1_500;
/** The next frame finds a black hole, and so does whoever connects. */
const BLACK = [
  { on: { event: "frame" }, do: { action: "stall" } },
  { on: { event: "connect" }, do: { action: "stall" } },
] as const;

/** What happens to pages. */
export const life: readonly PageCase[] = [
  {
    name: "offline and online, again and again: nothing lost, nothing doubled",
    needs: "offline",
    async run(world) {
      for (const transport of ["websocket", "sse"] as const) await toggle(world, transport, world.toggles);
    },
  },
  ...(["websocket", "sse"] as const).map((transport) => ({
    name: `a reload in mid-stream goes on: nothing lost, nothing doubled (${transport === "sse" ? "SSE" : "WebSocket"})`,
    async run(world: World) {
      const page = await world.page();
      const [reloads, count] = [4, 2_000];
      const call = { options: { port: world.portOf("open"), transport }, input: { gate: world.id, count } };
      await page.do("goOn", call);
      for (let reload = 1; reload <= reloads; reload++) {
        // The reload comes while chunks do.
        await world.open((count * reload) / (reloads + 1));
        await page.do("reached", 3);
        await page.reload();
        await page.do("goOn", call);
      }
      await world.open(count);
      await page.do("reached", Number.MAX_SAFE_INTEGER);
      equal((await page.do("progress")).error, undefined, "error");
      equal(await page.do("dealtWith"), upTo(count), "chunks");
      equal((await page.do("kept", "answer")).value, undefined, "position after the end");
    },
  })),
  ...(["websocket", "sse"] as const).map((transport) => ({
    name: `two tabs, one duplicated from the other in mid-stream: each gets the whole stream (${transport === "sse" ? "SSE" : "WebSocket"})`,
    async run(world: World) {
      const page = await world.page();
      const count = 60;
      const call = { options: { port: world.portOf("open"), transport }, input: { gate: world.id, count } };
      await page.do("goOn", call);
      await world.open(20);
      await page.do("reached", 20);
      const other = new Page(await page.tab.duplicate());
      equal(await other.do("dealtWith"), upTo(20), "what the duplicate begins with");
      await other.do("goOn", call);
      await world.open(40);
      await Promise.all([page.do("reached", 40), other.do("reached", 20)]);
      await other.reload();
      await other.do("goOn", call);
      await world.open(count);
      await Promise.all([page, other].map((each) => each.do("reached", Number.MAX_SAFE_INTEGER)));
      equal(await page.do("dealtWith"), upTo(count), "first tab");
      equal(await other.do("dealtWith"), upTo(count), "second tab");
    },
  })),
  {
    name: "online: a dead connection is replaced at once, not after the heartbeat",
    needs: "offline",
    async run(world) {
      const { page, proxy } = await streaming(world);
      await goBlack(world, page, proxy.id);
      await page.tab.setOffline(true);
      await world.servers.verbs.rules({ id: proxy.id, rules: [] });
      await page.tab.setOffline(false);
      await goesOnAtOnce(world, page);
    },
  },
  {
    name: "frozen and resumed: a dead connection is replaced at once, not after the heartbeat",
    needs: "freeze",
    async run(world) {
      const { page, proxy } = await streaming(world, { need: "freeze" });
      await goBlack(world, page, proxy.id);
      await page.tab.setFrozen(true);
      await world.servers.verbs.rules({ id: proxy.id, rules: [] });
      await page.tab.setFrozen(false);
      await page.do("mark");
      await goesOnAtOnce(world, page);
    },
  },
  {
    name: "back from another page: the stream goes on at once",
    async run(world) {
      const { page } = await streaming(world);
      await page.tab.open(`${world.pages.origin}/other.html`);
      await page.tab.back();
      // Out of the cache the page is as it was; where the browser did not keep it (the packaged Chromium keeps none), it begins anew.
      const { chunks } = await page.do("progress");
      if (chunks.length > 0) {
        await page.do("mark");
        await goesOnAtOnce(world, page);
        return;
      }
      await page.do("begin", { options: { port: world.portOf("open") }, input: { gate: world.id, count: 4 } });
      await goesOnAtOnce(world, page);
    },
  },
  ...(["visibilitychange", "pageshow"] as const).map((event) => ({
    name: `${event}: who waits to reconnect does it at once`,
    async run(world: World) {
      // Over server-sent events: Firefox itself makes a WebSocket wait after others have failed.
      const { page, proxy } = await streaming(world, { transport: "sse" });
      await page.tab.evaluate("void (Math.random = () => 0.99)");
      await world.servers.verbs.rules({ id: proxy.id, rules: REFUSE });
      await world.servers.verbs.drop({ id: proxy.id });
      await page.do("delayed", WAIT_MS);
      await world.servers.verbs.rules({ id: proxy.id, rules: [] });
      await page.do("mark");
      await page.tab.evaluate(`void (${event === "pageshow" ? "window" : "document"}).dispatchEvent(new Event("${event}"))`);
      await goesOnAtOnce(world, page, WAIT_MS / 2);
    },
  })),
];

/** A page that has read two chunks of four. */
async function streaming(
  world: World,
  { transport = "websocket", need }: { readonly transport?: "websocket" | "sse"; readonly need?: Ability } = {},
): Promise<{ page: Page; proxy: { id: number; port: number } }> {
  const page = await world.page(undefined, need);
  const proxy = await world.proxy("open");
  await page.do("begin", { options: { port: proxy.port, transport }, input: { gate: world.id, count: 4 } });
  await world.open(2);
  await page.do("reached", 2);
  return { page, proxy };
}

/** The line is dead, and nobody has noticed. */
async function goBlack(world: World, page: Page, id: number): Promise<void> {
  await world.servers.verbs.rules({ id, rules: BLACK });
  await world.open(3);
  await world.servers.verbs.dropped({ id, drops: 1 });
  equal((await page.do("progress")).chunks, [1, 2], "chunks");
}

async function goesOnAtOnce(world: World, page: Page, limitMs: number = AT_ONCE_MS): Promise<void> {
  await world.open(4);
  atMost(await page.do("reached", 4), limitMs, "milliseconds");
  const { chunks, error } = await page.do("progress");
  equal({ chunks, error }, { chunks: [1, 2, 3, 4], error: undefined });
}

/** Takes the network away and gives it back, while an agent yields numbered chunks. */
async function toggle(world: World, transport: "websocket" | "sse", toggles: number): Promise<void> {
  const { verbs } = world.servers;
  const [page, proxy] = [await world.page(), await world.proxy("open")];
  const gate = `${world.id}-${transport}`;
  const count = (toggles + 1) * PER_TOGGLE;
  await page.do("begin", { options: { port: proxy.port, transport }, input: { gate, count } });
  await verbs.open({ gate, to: PER_TOGGLE });
  await page.do("reached", PER_TOGGLE);
  const recoveries: number[] = [];
  for (let number = 1; number <= toggles; number++) {
    const goOn = (): Promise<object> | object => verbs.open({ gate, to: (number + 1) * PER_TOGGLE });
    if (number % 2 === 0) {
      // The line dies without a word, and takes what comes with it.
      const { drops } = await verbs.stats({ id: proxy.id });
      await verbs.rules({ id: proxy.id, rules: BLACK });
      await goOn();
      await verbs.dropped({ id: proxy.id, drops: drops + 1 });
      await page.tab.setOffline(true);
    } else {
      await verbs.rules({ id: proxy.id, rules: REFUSE });
      await verbs.drop({ id: proxy.id });
      await page.tab.setOffline(true);
      await goOn();
    }
    equal(await page.tab.evaluate("navigator.onLine"), false, "online");
    await verbs.rules({ id: proxy.id, rules: [] });
    await page.tab.setOffline(false);
    recoveries.push(Math.max(0, await page.do("reached", (number + 1) * PER_TOGGLE)));
  }
  await page.do("reached", Number.MAX_SAFE_INTEGER);
  const { chunks, error, reconnects } = await page.do("progress");
  const seen = new Set(chunks);
  const figures = { toggles, chunks: count, lost: count - seen.size, doubled: chunks.length - seen.size, reconnects };
  const sorted = recoveries.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(0)} ms`;
  console.log(`${transport}: ${JSON.stringify(figures)}, online to next chunk p50 ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)}`);
  equal({ error, lost: figures.lost, doubled: figures.doubled }, { error: undefined, lost: 0, doubled: 0 });
  equal(chunks, upTo(count), "chunks");
  atLeast(reconnects, toggles, "reconnects");
}
