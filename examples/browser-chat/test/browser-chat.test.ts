/** The page in a real browser: what a person does, and what goes wrong meanwhile. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, launchChromium } from "../../../tests/behaviour/harness/chromium.mjs";
import { openTab, removePageScript, serveForTest, WAIT } from "./support.ts";

const STORY = "Tell me a story about lost letters";

let browser: Browser;
beforeAll(async () => {
  if (hasChromium()) browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await removePageScript();
});

describe.skipIf(!hasChromium())("the page", () => {
  test("shows an answer while it comes in, and says when it is complete", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.status("Ready.");
    await tab.send(STORY);
    gate.allow(5);
    await tab.words(6);
    await tab.status("Connected. The answer is coming in.");
    expect(await tab.page.locator(".question").textContent()).toBe(STORY);
    gate.allow();
    await tab.expectWhole(STORY);
    expect(await tab.statuses()).toEqual(["Ready.", "Connecting…", "Connected. The answer is coming in.", "The answer is complete."]);
    expect([gate.runs, tab.console]).toEqual([1, []]);
  });

  test("a starter asks for itself", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    gate.allow();
    await tab.page.getByRole("button", { name: "Show me the code of this page" }).click();
    await tab.expectWhole("Show me the code of this page");
    expect(await tab.page.locator(".answer pre code").textContent()).toContain('keepPosition(stream, "answer")');
    expect(await tab.page.getByText("Ask, and then try to break it.").isVisible()).toBe(false);
    expect(tab.console).toEqual([]);
  });

  test("what anybody says stays text", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    gate.allow();
    const attack = '<img src="/x" onerror="alert(1)"> <b>bold</b>';
    await tab.send(`I need ${attack}`);
    await tab.status("The answer is complete.");
    expect(await tab.answer()).toContain(attack);
    expect(await tab.page.locator("#turns :is(img, b)").count()).toBe(0);
    expect(tab.console).toEqual([]);
  });

  test("the stop button stops the agent, and the next message is answered", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.send(STORY);
    gate.allow(5);
    await tab.words(6);
    await tab.page.getByRole("button", { name: "Stop" }).click();
    await tab.status("Stopped.");
    const [signal] = gate.signals;
    expect(signal?.aborted).toBe(true);
    await tab.words(6);
    expect(await tab.page.getByText("You stopped this answer.").isVisible()).toBe(true);
    expect(await tab.kept()).toMatchObject([{ state: "stopped" }]);
    gate.allow();
    await tab.send("Hello");
    await tab.expectWhole("Hello", 1);
    await tab.page.reload();
    await tab.status("Ready.");
    await tab.words(6);
    expect([gate.runs, tab.console]).toEqual([2, []]);
  });

  test("a new conversation forgets the old one", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.send(STORY);
    gate.allow(3);
    await tab.words(4);
    const button = tab.page.getByRole("button", { name: "New conversation" });
    expect(await button.isVisible()).toBe(false);
    gate.allow();
    await tab.status("The answer is complete.");
    await button.click();
    expect([await tab.kept(), await tab.page.locator("#turns li").count()]).toEqual([[], 0]);
    await tab.page.reload();
    await tab.status("Ready.");
    expect(await tab.page.getByText("Ask, and then try to break it.").isVisible()).toBe(true);
    await tab.send("Hello");
    await tab.expectWhole("Hello");
  });

  test("an answer that fails says why, and another try is a new one", async () => {
    let fails = true;
    const { chat } = await serveForTest({
      pace: async () => {
        if (fails) throw new Error("The talker has lost its voice.");
      },
    });
    const tab = await openTab(browser, chat);
    await tab.send("Hello");
    await tab.status("The answer could not be had.");
    expect(await tab.page.locator(".note").textContent()).toContain("The talker has lost its voice.");
    expect(await tab.kept()).toMatchObject([{ state: "failed" }]);
    await tab.page.reload();
    await tab.page.getByText("The talker has lost its voice.").waitFor();
    fails = false;
    await tab.page.getByRole("button", { name: "Try again" }).click();
    await tab.expectWhole("Hello");
    expect(tab.console).toEqual([]);
  });

  test("the page follows the answer, but for a reader who went back", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat, { viewport: { width: 400, height: 440 } });
    const toEnd = () => tab.page.evaluate(() => document.documentElement.scrollHeight - innerHeight - scrollY);
    await tab.send(STORY);
    gate.allow(100);
    await tab.words(101);
    expect(await tab.page.evaluate("scrollY")).toBeGreaterThan(0);
    expect(await toEnd()).toBeLessThan(2);
    await tab.page.evaluate("scrollTo(0, 0)");
    gate.allow();
    await tab.expectWhole(STORY);
    expect(await tab.page.evaluate("scrollY")).toBe(0);
    await tab.page.reload();
    await tab.status("Ready.");
    expect(await tab.page.evaluate("scrollY")).toBe(0);
    await tab.send("Hello");
    await tab.expectWhole("Hello", 1);
    await tab.page.reload();
    await tab.status("Ready.");
    await expect.poll(toEnd, WAIT).toBeLessThan(2);
  });

  test("a tab keeps the last hundred turns", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.page.evaluate(() => {
      for (let number = 0; number < 105; number++) {
        const turn = { id: String(number), question: `Question ${number}`, answer: "Yes.", state: "done" };
        sessionStorage.setItem(`chat.turn.${number}`, JSON.stringify(turn));
      }
    });
    await tab.page.reload();
    gate.allow();
    await tab.send("Hello");
    await tab.status("The answer is complete.");
    await tab.page.reload();
    await tab.status("Ready.");
    const questions = await tab.page.locator(".question").allTextContents();
    expect([questions.length, questions[0], questions.at(-2), questions.at(-1)]).toEqual([100, "Question 6", "Question 104", "Hello"]);
  });

  test("two tabs have conversations of their own", async () => {
    const { chat, gate } = await serveForTest();
    const first = await openTab(browser, chat);
    const second = await openTab(first.page.context(), chat);
    const other = "Tell me a story about paper boats";
    await first.send(STORY);
    await second.send(other);
    gate.allow(10);
    await expect
      .poll(async () => (await first.kept())[0]?.position !== undefined && (await second.kept())[0]?.position !== undefined, WAIT)
      .toBe(true);
    await first.page.reload();
    await first.status("Connected. The answer is coming in.");
    gate.allow();
    await first.expectWhole(STORY);
    await second.expectWhole(other);
    expect([(await first.kept()).length, (await second.kept()).length, gate.runs]).toEqual([1, 1, 2]);
    expect([first.console, second.console]).toEqual([[], []]);
  });
});
