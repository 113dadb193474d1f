/** Lines that break, networks that go away, pages that are reloaded: every answer is whole, and the agent runs once. */
import { createRandom } from "@runagent/conformance";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, launchChromium } from "../../../tests/behaviour/harness/chromium.mjs";
import { replyTo } from "../src/replies.ts";
import { openTab, removePageScript, serveForTest, shownWords, WAIT } from "./support.ts";

const STORY = "Tell me a story about lost letters";
const WORDS = shownWords(replyTo(STORY)).length;
const ANSWERING = "Connected. The answer is coming in.";
const OFFLINE = "You are offline. The answer continues when you are back.";

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 1_000_000));

let browser: Browser;
beforeAll(async () => {
  console.log(`TEST_SEED=${seed}`);
  if (hasChromium()) browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await removePageScript();
});

/** A tab in which six words of an answer have come, and no more until the gate opens. */
async function beginAnswer() {
  const served = await serveForTest();
  const tab = await openTab(browser, served.chat);
  await tab.send(STORY);
  served.gate.allow(5);
  await tab.words(6);
  return { ...served, tab };
}

describe.skipIf(!hasChromium())("the network", () => {
  test("goes away and comes back: the page says so, and the answer continues", async () => {
    const { gate, proxy, tab } = await beginAnswer();
    await tab.page.context().setOffline(true);
    proxy.dropAll();
    await tab.status(OFFLINE);
    gate.allow();
    // The agent talks on to its log, to the end; nothing of it comes through.
    await expect.poll(() => gate.said, WAIT).toBe(WORDS);
    await tab.words(6);
    await tab.page.context().setOffline(false);
    await tab.expectWhole(STORY);
    expect(await tab.statuses()).toEqual(expect.arrayContaining([ANSWERING, OFFLINE]));
    expect([gate.runs, tab.problems]).toEqual([1, []]);
  });

  test("goes away five times in one answer", async () => {
    const { chat, gate, proxy } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.send(STORY);
    for (const round of [1, 2, 3, 4, 5]) {
      gate.allow(10);
      await tab.words(10 * round + 1);
      await tab.page.context().setOffline(true);
      proxy.dropAll();
      await tab.status(OFFLINE);
      await tab.page.context().setOffline(false);
      await tab.status(/Connected|Reconnecting/);
    }
    gate.allow();
    await tab.expectWhole(STORY);
    expect([gate.runs, tab.problems]).toEqual([1, []]);
  });

  test("is not there when a message is sent: it is sent when there is one, or not at all when it is stopped before", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    gate.allow();
    await tab.page.context().setOffline(true);
    await tab.status("You are offline.");
    await tab.send("Hello");
    await tab.status(OFFLINE);
    await tab.page.keyboard.press("Escape");
    await tab.page.getByText("You stopped this answer.").waitFor();
    await tab.send(STORY);
    await tab.status(OFFLINE);
    expect(gate.runs).toBe(0);
    await tab.page.context().setOffline(false);
    await tab.expectWhole(STORY, 1);
    expect([gate.runs, tab.problems]).toEqual([1, []]);
  });

  test("is not there when an answer is stopped: it is stopped when there is one", async () => {
    const { gate, proxy, tab } = await beginAnswer();
    await tab.page.context().setOffline(true);
    proxy.dropAll();
    await tab.status(OFFLINE);
    await tab.page.keyboard.press("Escape");
    await tab.status("You are offline. The answer stops when you are back.");
    expect([...gate.signals].map(({ aborted }) => aborted)).toEqual([false]);
    await tab.page.context().setOffline(false);
    await tab.status("Stopped.");
    expect([...gate.signals].map(({ aborted }) => aborted)).toEqual([true]);
    await tab.words(6);
    expect(tab.problems).toEqual([]);
  });

  test("breaks every connection in the middle of every twentieth word", async () => {
    const rules = [{ name: "cut", on: { event: "frame", type: "data", where: "middle", every: 20 }, do: { action: "reset" } } as const];
    const { chat, gate, proxy } = await serveForTest({ rules });
    const tab = await openTab(browser, chat);
    gate.allow();
    await tab.send(STORY);
    await tab.expectWhole(STORY);
    expect(proxy.stats.drops).toBeGreaterThanOrEqual(Math.floor(WORDS / 20));
    expect(await tab.statuses()).toContain("The connection is lost. Reconnecting…");
    expect([gate.runs, tab.problems]).toEqual([1, []]);
  });
});

describe.skipIf(!hasChromium())("a reload", () => {
  test("in the middle of an answer continues it", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.send(STORY);
    gate.allow(20);
    await tab.words(21);
    await tab.page.reload();
    await tab.status(ANSWERING);
    await tab.words(21);
    gate.allow();
    await tab.expectWhole(STORY);
    expect([gate.runs, tab.console]).toEqual([1, []]);
  });

  test("at any moment continues it", { timeout: 60_000 }, async () => {
    const random = createRandom(seed);
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.send(STORY);
    let words = 1;
    while (words < WORDS - 20) {
      const more = random.integer(1, 20);
      gate.allow(more);
      // Not when the words are there, but while they come.
      const wanted = words + random.integer(0, more - 1);
      await expect.poll(async () => shownWords((await tab.kept())[0]?.answer ?? "").length, WAIT).toBeGreaterThanOrEqual(wanted);
      await tab.page.reload();
      words += more;
      await tab.words(words);
    }
    gate.allow();
    await tab.expectWhole(STORY);
    expect([gate.runs, tab.problems]).toEqual([1, []]);
  });

  test("goes on without what another version of the page has left", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.page.evaluate(() => {
      sessionStorage.setItem("chat.turn.0", "not JSON");
      sessionStorage.setItem("chat.turn.1", "{}");
    });
    await tab.page.reload();
    await tab.send(STORY);
    gate.allow();
    await tab.expectWhole(STORY);
    expect(tab.problems).toEqual([]);
  });

  test("in a copy of the tab shows the same answer, and a stop in either stops both", async () => {
    const { gate, tab } = await beginAnswer();
    const kept = await tab.page.evaluate(() => ({ ...sessionStorage }));
    const copy = await tab.page.context().newPage();
    await copy.addInitScript((entries) => Object.assign(sessionStorage, entries), kept);
    await copy.goto(tab.page.url());
    await expect.poll(() => copy.getByRole("status").textContent(), WAIT).toBe(ANSWERING);
    await copy.keyboard.press("Escape");
    for (const page of [copy, tab.page]) await expect.poll(() => page.getByRole("status").textContent(), WAIT).toBe("Stopped.");
    expect(gate.runs).toBe(1);
    await copy.close();
  });

  test("before the server has accepted asks again, and the agent runs once", async () => {
    const rules = [
      { name: "hold", on: { event: "frame", status: "stream_started" }, do: { action: "stall", direction: "both" }, times: 1 } as const,
    ];
    const { chat, gate, proxy } = await serveForTest({ rules });
    const tab = await openTab(browser, chat);
    gate.allow(5);
    await tab.send(STORY);
    await expect.poll(() => gate.runs, WAIT).toBe(1);
    await tab.status("Connecting…");
    expect((await tab.kept())[0]).not.toHaveProperty("position");
    await tab.page.reload();
    await tab.words(6);
    proxy.heal();
    gate.allow();
    await tab.expectWhole(STORY);
    expect([gate.runs, tab.problems]).toEqual([1, []]);
  });

  test("while an answer is being stopped still stops it", async () => {
    const { gate, proxy, tab } = await beginAnswer();
    // From here on nothing comes through, either way.
    proxy.set([{ name: "dead", on: { event: "request" }, do: { action: "stall", direction: "both" } }]);
    proxy.dropAll();
    await tab.page.keyboard.press("Escape");
    await tab.status("Stopping…");
    expect(await tab.kept()).toMatchObject([{ state: "running", stopping: true }]);
    proxy.set([]);
    await tab.page.reload();
    await tab.status("Stopped.");
    expect([...gate.signals].map(({ aborted }) => aborted)).toEqual([true]);
    expect(tab.problems).toEqual([]);
  });
});

describe.skipIf(!hasChromium())("a token", () => {
  test("that lives for seconds is renewed on the open connection", async () => {
    // A quarter of its life is left when it is renewed: two seconds, for a machine that is busy.
    const { chat, gate, proxy } = await serveForTest({ tokenSeconds: 8 });
    const tab = await openTab(browser, chat);
    let tokens = 0;
    tab.page.on("response", (response) => {
      if (response.url().endsWith("/token")) tokens++;
    });
    await tab.send(STORY);
    while (tokens < 3) {
      gate.allow(1);
      await tab.page.waitForEvent("response", (response) => response.url().endsWith("/token"));
    }
    gate.allow();
    await tab.expectWhole(STORY);
    expect(await tab.statuses()).toEqual(["Ready.", "Connecting…", ANSWERING, "The answer is complete."]);
    expect([proxy.stats.connections, gate.runs, tab.console]).toEqual([1, 1, []]);
  });

  test("that is not to be had for a while costs the connection, and no word", async () => {
    const { chat, gate } = await serveForTest({ tokenSeconds: 1 });
    const tab = await openTab(browser, chat);
    await tab.send(STORY);
    gate.allow(5);
    await tab.words(6);
    await tab.page.route("**/token", (route) => route.abort("connectionreset"));
    await tab.status("The connection is lost. Reconnecting…");
    gate.allow(5);
    await tab.page.unroute("**/token");
    await tab.words(11);
    gate.allow();
    await tab.expectWhole(STORY);
    expect([gate.runs, tab.problems]).toEqual([1, []]);
  });
});
