/** Whether everybody can use the page: by ear, by keyboard, in the dark, on a narrow screen, much magnified, without motion. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, launchChromium } from "../../../tests/behaviour/harness/chromium.mjs";
import { openTab, removePageScript, serveForTest, type Tab } from "./support.ts";

const STORY = "Tell me a story about lost letters";
/** WCAG 2.2 AA for text, and for the edges of what can be operated. */
const TEXT_CONTRAST = 4.5;
const EDGE_CONTRAST = 3;

let browser: Browser;
beforeAll(async () => {
  if (hasChromium()) browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await removePageScript();
});

/** Runs in the page: the contrast of every text that is seen, and of the edge of every box that can be operated. */
function measureContrast(): { what: string; kind: "text" | "edge"; ratio: number }[] {
  type Color = readonly [number, number, number, number];
  const parse = (text: string): Color => {
    const [r = 0, g = 0, b = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [r, g, b, alpha];
  };
  const luminance = ([r, g, b]: Color): number => {
    const linear = [r, g, b].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
  };
  const ratioOf = (first: Color, second: Color): number => {
    const [light, dark] = [luminance(first), luminance(second)].sort((a, b) => b - a);
    return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
  };
  const groundOf = (element: Element | null): Color => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color[3] === 1) return color;
    }
    return [255, 255, 255, 1];
  };
  const seen = (element: Element): boolean => element.checkVisibility() && !element.matches(".unseen, .unseen *");
  const measured: { what: string; kind: "text" | "edge"; ratio: number }[] = [];
  for (const element of document.body.querySelectorAll("*")) {
    if (!seen(element)) continue;
    const style = getComputedStyle(element);
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    const what = `${element.tagName} ${element.className} ${element.id}`;
    if (own) measured.push({ what, kind: "text", ratio: ratioOf(parse(style.color), groundOf(element)) });
    if (element instanceof HTMLTextAreaElement) {
      const hint = getComputedStyle(element, "::placeholder").color;
      measured.push({ what: `${what} ::placeholder`, kind: "text", ratio: ratioOf(parse(hint), groundOf(element)) });
    }
    if (element.matches("button, .box")) {
      const edge = style.borderTopWidth === "0px" ? style.backgroundColor : style.borderTopColor;
      measured.push({ what, kind: "edge", ratio: ratioOf(parse(edge), groundOf(element.parentElement)) });
    }
  }
  return measured;
}

async function expectContrast(tab: Tab, least: number): Promise<void> {
  const measured = await tab.page.evaluate(measureContrast);
  expect(measured.length).toBeGreaterThan(least);
  const low = measured.filter(({ kind, ratio }) => ratio < (kind === "text" ? TEXT_CONTRAST : EDGE_CONTRAST));
  expect(low).toEqual([]);
}

/** What has the focus, and whether it shows. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return "nothing";
    const rings = [element, ...(element.closest(".box") === null ? [] : [element.closest(".box")])].filter((one) => one !== null);
    const shows = rings.some(
      (one) => Number.parseFloat(getComputedStyle(one).outlineWidth) >= 2 && getComputedStyle(one).outlineStyle !== "none",
    );
    const { top, bottom } = element.getBoundingClientRect();
    const inView = top >= 0 && bottom <= innerHeight;
    return `${element.id || element.textContent?.trim()}${shows ? "" : " (no ring)"}${inView ? "" : " (out of view)"}`;
  });
}

async function tabTo(page: Page, steps: number): Promise<string[]> {
  const reached: string[] = [];
  for (let step = 0; step < steps; step++) {
    await page.keyboard.press("Tab");
    reached.push(await focused(page));
  }
  return reached;
}

describe.skipIf(!hasChromium())("accessibility", () => {
  test("everything has a role and a name", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    const body = tab.page.locator("body");
    await tab.status("Ready.");
    expect(await body.ariaSnapshot()).toBe(`- link "Skip to the message":
  - /url: "#message"
- banner:
  - heading "A chat that goes on" [level=1]
- main "Conversation":
  - region "Ask, and then try to break it.":
    - heading "Ask, and then try to break it." [level=2]
    - paragraph: "Pull the network away while an answer comes in, or reload the page: it goes on where it stood, word for word."
    - list:
      - listitem:
        - button "Tell me a story about lost letters"
      - listitem:
        - button "What happens when the network goes away?"
      - listitem:
        - button "Show me the code of this page"
- form "Write a message":
  - status: Ready.
  - text: Your message
  - textbox "Your message":
    - /placeholder: Write a message
  - button "Send"
  - paragraph: Enter sends, Shift+Enter starts a new line, Esc stops the answer.`);
    await tab.send("Hello");
    gate.allow(2);
    await tab.words(3);
    expect(await body.ariaSnapshot()).toBe(`- link "Skip to the message":
  - /url: "#message"
- banner:
  - heading "A chat that goes on" [level=1]
- main "Conversation":
  - list "Messages and answers":
    - listitem:
      - heading "You" [level=2]
      - paragraph: Hello
      - heading "Answer" [level=2]
      - paragraph: Hello! It is
- form "Write a message":
  - status: Connected. The answer is coming in.
  - text: Your message
  - textbox "Your message":
    - /placeholder: Write a message
  - button "Stop"
  - paragraph: Enter sends, Shift+Enter starts a new line, Esc stops the answer.`);
    const lang = await tab.page.evaluate("document.documentElement.lang");
    expect([lang, await tab.page.title()]).toEqual(["en", "A chat that goes on"]);
  });

  test("a screen reader hears what happens to the answer, and not each of its words", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    await tab.send(STORY);
    gate.allow();
    await tab.status("The answer is complete.");
    expect(
      await tab.page.locator("#turns").evaluate((turns) => turns.closest("[aria-live], [role=status], [role=log], [role=alert]")),
    ).toBe(null);
    expect(await tab.statuses()).toHaveLength(4);
  });

  test("the keyboard does everything, and the focus shows and is never lost", async () => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat);
    const { page } = tab;
    const starters = ["Tell me a story about lost letters", "What happens when the network goes away?", "Show me the code of this page"];
    expect(await tabTo(page, 6)).toEqual(["Skip to the message", ...starters, "message", "send"]);
    await page.reload();
    await tabTo(page, 1);
    await page.keyboard.press("Enter");
    expect(await focused(page)).toBe("message");
    await page.keyboard.type("I need a story");
    // As an input method sends it, whose Enter only takes a suggestion.
    await page.getByLabel("Your message").dispatchEvent("keydown", { key: "Enter", isComposing: true });
    expect(await page.locator(".question").count()).toBe(0);
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("about lost letters");
    await page.keyboard.press("Enter");
    expect(await page.locator(".question").textContent()).toBe("I need a story\nabout lost letters");
    gate.allow(5);
    await tab.words(6);
    expect([await focused(page), await page.getByLabel("Your message").inputValue()]).toEqual(["message", ""]);
    await page.keyboard.type("Too early");
    await page.keyboard.press("Enter");
    await tab.status("An answer is still coming. Escape stops it.");
    expect(await page.getByLabel("Your message").inputValue()).toBe("Too early");
    expect(await tabTo(page, 1)).toEqual(["stop"]);
    await page.keyboard.press("Enter");
    await tab.status("Stopped.");
    expect(await focused(page)).toBe("message");
    await page.keyboard.press("Shift+Tab");
    expect(await focused(page)).toBe("clear");
    await page.keyboard.press("Space");
    await tab.status("Ready.");
    expect(await focused(page)).toBe("message");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await page.locator(".question").waitFor();
    expect(await focused(page)).toBe("message");
    // From anywhere on the page.
    await page.evaluate("document.activeElement.blur()");
    await page.keyboard.press("Escape");
    await tab.status("Stopped.");
    expect(tab.console).toEqual([]);
  });

  test.each(["light", "dark"] as const)("the contrast of everything is enough, %s", async (colorScheme) => {
    const { chat, gate, proxy } = await serveForTest();
    const tab = await openTab(browser, chat, { colorScheme });
    await tab.status("Ready.");
    const ground = await tab.page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(ground).toBe(colorScheme === "dark" ? "rgb(20, 23, 26)" : "rgb(250, 249, 246)");
    await expectContrast(tab, 12);
    await tab.send("Show me the code");
    gate.allow(70);
    await tab.page.getByText("The loop knows").waitFor();
    await expectContrast(tab, 10);
    await tab.page.context().setOffline(true);
    proxy.dropAll();
    await tab.status(/offline/);
    await expectContrast(tab, 10);
    await tab.page.context().setOffline(false);
    gate.allow(1);
    await tab.status("Connected.");
    await tab.page.keyboard.press("Escape");
    await tab.status("Stopped.");
    await expectContrast(tab, 12);
    await chat.agent.close({ timeoutMs: 0 });
    await tab.send("Hello");
    await tab.status("The answer could not be had.");
    await expectContrast(tab, 12);
  });

  test.each([
    ["320 pixels wide", { width: 320, height: 640 }, 1],
    ["at 200 %", { width: 640, height: 400 }, 2],
    ["at 400 %", { width: 320, height: 256 }, 4],
  ])("nothing is cut off %s", async (_name, viewport, deviceScaleFactor) => {
    const { chat, gate } = await serveForTest();
    const tab = await openTab(browser, chat, { viewport, deviceScaleFactor });
    const { page } = tab;
    const overflow = () =>
      page.evaluate(() => {
        const isOutside = (element: Element): boolean => {
          const { left, right, width } = element.getBoundingClientRect();
          return width > 1 && element.checkVisibility() && (left < 0 || right > document.documentElement.clientWidth);
        };
        // What runs out of its own box shows in the page alone.
        const all = [...document.body.querySelectorAll("*"), ...(document.documentElement.scrollWidth > innerWidth ? [document.body] : [])];
        return all
          .filter((element) => element === document.body || isOutside(element))
          .map(({ tagName, className }) => `${tagName} ${className}`);
      });
    await tab.status("Ready.");
    expect(await overflow()).toEqual([]);
    gate.allow();
    await tab.send(`Show me the code ${"verylongword".repeat(20)}`);
    await tab.status("The answer is complete.");
    expect(await overflow()).toEqual([]);
    const composerShare = await page.evaluate(() => {
      scrollTo(0, document.documentElement.scrollHeight / 3);
      const { top = 0, bottom = 0 } = document.getElementById("composer")?.getBoundingClientRect() ?? {};
      return Math.max(0, Math.min(bottom, innerHeight) - top) / innerHeight;
    });
    expect(composerShare).toBeLessThan(0.5);
    // The end of the answer can be seen beside the composer.
    const last = page.locator(".answer > :last-child");
    await last.scrollIntoViewIfNeeded();
    const covered = await last.evaluate((element) => {
      const { left, bottom } = element.getBoundingClientRect();
      return document.elementFromPoint(left + 5, bottom - 5) !== element;
    });
    expect(covered).toBe(false);
  });

  test("nothing moves for whoever wants it so", async () => {
    const { chat, gate } = await serveForTest();
    const animations = async (reducedMotion: "reduce" | "no-preference") => {
      const tab = await openTab(browser, chat, { reducedMotion });
      await tab.send("Hello");
      gate.allow(2);
      await tab.page.locator(".answer p").waitFor();
      return tab.page.evaluate("document.getAnimations().length");
    };
    expect([await animations("no-preference"), await animations("reduce")]).toEqual([1, 0]);
  });
});
