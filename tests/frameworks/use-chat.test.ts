/** `useChat` of `@ai-sdk/react`, both versions, in Chromium, against a server that knows nothing of it. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { hasChromium, launchChromium } from "../behaviour/harness/chromium.mjs";
import { STORY, serveWorld, type World } from "./ui/agent.ts";
import { type PageServer, servePage } from "./ui/page-server.ts";

const WAIT = { timeout: 15_000 };

let browser: Browser;
beforeAll(async () => {
  if (hasChromium()) browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
});

describe.skipIf(!hasChromium()).each(["ai 6", "ai 7"] as const)("useChat of %s", (version) => {
  let pages: PageServer;
  beforeAll(async () => {
    pages = await servePage(version);
  });
  afterAll(() => pages?.close());

  async function open(asked = "keeps=question"): Promise<World & { readonly page: Page; readonly problems: string[] }> {
    const world = await serveWorld({ allowedOrigins: [pages.origin] });
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT.timeout);
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(`${pages.origin}/?port=${world.proxy.port}&${asked}`);
    return { ...world, page, problems };
  }

  async function send(page: Page, text: string): Promise<void> {
    await page.getByLabel("Message").fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  }

  const answer = (page: Page) => page.locator("article.assistant");
  const expectAnswer = (page: Page, text: string) =>
    expect.poll(async () => (await answer(page).allTextContents()).join("|"), WAIT).toBe(text);
  const expectStatus = (page: Page, status: string) => expect.poll(() => page.locator("output").textContent(), WAIT).toBe(status);

  test("text streams in, a tool has its output, reasoning and data are shown", async () => {
    const { page, gate, problems, book } = await open();
    await send(page, "story");
    gate.allow(3);
    await expectAnswer(page, STORY.slice(0, 3).join(""));
    await expectStatus(page, "streaming");
    gate.allow();
    await expectAnswer(page, STORY.join(""));
    await expectStatus(page, "ready");
    await send(page, "weather");
    await expectStatus(page, "ready");
    const second = answer(page).nth(1);
    await second.locator("pre.data-chunk").waitFor();
    expect(await second.locator("p").allTextContents()).toEqual(["A question about the weather.", "Let me look.", "It is 7 °C."]);
    expect(await second.locator(".tool").textContent()).toBe('weather output-available {"degrees":7}');
    expect(await second.getAttribute("id")).toBe(book.invocations[1]);
    expect(problems).toEqual([]);
  });

  test.each(["keeps=nothing", "keeps=question", "keeps=all", "keeps=all&strict"])(
    "a reload in mid-stream: nothing is lost or doubled (%s)",
    async (asked) => {
      const { page, gate, problems, book, statusOf } = await open(asked);
      await send(page, "story");
      gate.allow(10);
      await expectAnswer(page, STORY.slice(0, 10).join(""));
      await page.reload();
      await expectAnswer(page, STORY.slice(0, 10).join(""));
      gate.allow(10);
      await expectAnswer(page, STORY.slice(0, 20).join(""));
      await page.reload();
      gate.allow();
      await expectAnswer(page, STORY.join(""));
      await expectStatus(page, "ready");
      expect(await page.locator("article.user").count()).toBe(asked === "keeps=nothing" ? 0 : 1);
      expect([book.invocations.length, await statusOf(book.invocations[0])]).toEqual([1, "completed"]);
      await page.reload();
      await expectStatus(page, "ready");
      expect(await answer(page).count()).toBe(asked.startsWith("keeps=all") ? 1 : 0);
      expect(problems).toEqual([]);
    },
  );

  test("the connection drops in mid-stream: nothing is lost or doubled", async () => {
    const { page, gate, proxy, book } = await open();
    await send(page, "story");
    for (const count of [5, 15, 30]) {
      gate.allow(count - (count === 5 ? 0 : count === 15 ? 5 : 15));
      await expectAnswer(page, STORY.slice(0, count).join(""));
      proxy.dropAll();
    }
    gate.allow();
    await expectAnswer(page, STORY.join(""));
    await expectStatus(page, "ready");
    expect(book.invocations).toHaveLength(1);
  });

  test("stop() stops the agent, and the next message is answered", async () => {
    const { page, gate, book, statusOf, problems } = await open();
    await send(page, "story");
    gate.allow(4);
    await expectAnswer(page, STORY.slice(0, 4).join(""));
    await page.getByRole("button", { name: "Stop" }).click();
    await expectStatus(page, "ready");
    await vi.waitFor(async () => expect(await statusOf(book.invocations[0])).toBe("cancelled"), WAIT);
    expect(book.signals[0]?.aborted).toBe(true);
    await expectAnswer(page, STORY.slice(0, 4).join(""));
    await send(page, "messages");
    await answer(page).nth(1).getByText("One two three.").waitFor();
    expect(problems).toEqual([]);
  });

  test.each([
    ["Approve", 'send_mail output-available "sent"', "Sent to ada. ", ["send_mail ada"]],
    ["Deny", "send_mail output-denied null", "Not sent to ada. ", []],
  ])("%s", async (name, tool, text, ran) => {
    const { page, gate, book, problems } = await open();
    await send(page, "mail");
    const button = page.getByRole("button", { name });
    await button.waitFor();
    await expectStatus(page, "ready");
    gate.allow();
    await button.click();
    await page.getByText(text).waitFor();
    await expectStatus(page, "ready");
    expect(await page.locator(".tool").allTextContents()).toEqual([tool]);
    await expectAnswer(page, `I will write. ${tool}${text}`);
    expect([book.ran, book.invocations.length, problems]).toEqual([ran, 1, []]);
  });

  test.each(["keeps=nothing", "keeps=all", "keeps=all&strict"])(
    "a reload while people are asked, and one while the tool runs (%s)",
    async (asked) => {
      const { page, gate, book, problems } = await open(asked);
      await send(page, "mail");
      await page.getByRole("button", { name: "Approve" }).waitFor();
      await page.reload();
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByText(/send_mail (approval-responded|input-available)/).waitFor();
      await expectStatus(page, "submitted");
      await page.reload();
      await page.getByText(/send_mail (approval-responded|input-available)/).waitFor();
      expect(await page.getByRole("button", { name: "Approve" }).count()).toBe(0);
      gate.allow();
      await expectAnswer(page, 'I will write. send_mail output-available "sent"Sent to ada. ');
      await expectStatus(page, "ready");
      expect([book.ran, book.invocations.length, problems]).toEqual([["send_mail ada"], 1, []]);
    },
  );

  test("an error is shown, what came before it stays, and it can be said again", async () => {
    const { page } = await open();
    await send(page, "failLater");
    await page.getByText("The model has gone.").waitFor();
    await expectStatus(page, "error");
    await expectAnswer(page, "Half of ");
    await send(page, "messages");
    await page.getByText("One two three.").waitFor();
    await expectStatus(page, "ready");
  });
});
