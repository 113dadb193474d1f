// A page in a Chromium of its own, and how much memory it takes. Driven by the bare DevTools protocol: drivers switch on what keeps a copy of
// every answer in the page's process.
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { CHROMIUM_ARGS, chromiumPath } from "../../tests/behaviour/harness/chromium.mjs";

const MIB = 1_048_576;
const SAMPLE_MS = 200;
const START_MS = 20_000;

/** Opens `url` in a browser that nobody else uses. `call(name, argument)` calls a function of the page and awaits its result. */
export async function openPage(url) {
  const profile = mkdtempSync(join(tmpdir(), "runagent-page-"));
  const args = ["--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...CHROMIUM_ARGS, "about:blank"];
  const browser = spawn(await chromiumPath(), args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => browser.once("close", resolve));
  const kill = () => browser.kill("SIGKILL");
  // A bench that fails leaves no browser behind.
  process.once("exit", kill);
  const close = async () => {
    process.off("exit", kill);
    kill();
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    const { send, happens } = await connect(await addressOf(browser));
    const { targetId } = await send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    const evaluate = async (expression) => {
      const { result, exceptionDetails } = await send(
        "Runtime.evaluate",
        { expression, awaitPromise: true, returnByValue: true },
        sessionId,
      );
      if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
    await send("Page.enable", {}, sessionId);
    const loaded = happens("Page.loadEventFired");
    await send("Page.navigate", { url }, sessionId);
    await loaded;
    const call = (name, argument) => evaluate(`${name}(${JSON.stringify(argument)})`);
    return {
      call,
      close,
      meter: createMeter(
        (method) => send(method, {}, sessionId),
        () => send("SystemInfo.getProcessInfo"),
      ),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where the browser listens, as it says itself. */
function addressOf(browser) {
  return new Promise((resolve, reject) => {
    let said = "";
    const late = setTimeout(() => reject(new Error(`The browser did not start: ${said}`)), START_MS);
    browser.once("error", reject);
    browser.once("close", () => reject(new Error(`The browser ended: ${said}`)));
    browser.stderr.on("data", (data) => {
      said += data;
      const address = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(late);
      resolve(address);
    });
  });
}

/** `send` resolves to the result of a command; `happens` when the browser tells of an event. */
async function connect(address) {
  const socket = new WebSocket(address, { perMessageDeflate: false });
  const waiting = new Map();
  const events = new EventEmitter();
  let ids = 0;
  socket.on("message", (data) => {
    const { id, result, error, method } = JSON.parse(data);
    if (method !== undefined) events.emit(method);
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error === undefined) resolve?.(result);
    else reject?.(new Error(error.message));
  });
  socket.on("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("The browser has gone."));
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const send = (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      waiting.set(++ids, { resolve, reject });
      socket.send(JSON.stringify({ id: ids, method, params, ...(sessionId && { sessionId }) }));
    });
  return { send, happens: (method) => once(events, method) };
}

/** As rss.mjs does for its own process: `start` collects garbage and takes the base, `stop` gives the growth since then, in MiB. */
function createMeter(send, getProcesses) {
  let base;
  let peak;
  let stopped = false;
  let sampling;
  const measure = async () => {
    const { processInfo } = await getProcesses();
    // A spare one beside the page's counts, too.
    const rss = processInfo.filter(({ type }) => type === "renderer").reduce((sum, { id }) => sum + residentBytes(id), 0);
    return { rss, heap: (await send("Runtime.getHeapUsage")).usedSize };
  };
  const sample = async () => {
    while (!stopped) {
      const { rss, heap } = await measure();
      peak = { rss: Math.max(peak.rss, rss), heap: Math.max(peak.heap, heap) };
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  };
  return {
    async start() {
      await send("HeapProfiler.collectGarbage");
      base = await measure();
      peak = base;
      sampling = sample();
    },
    async stop() {
      stopped = true;
      await sampling;
      const growth = (name) => (peak[name] - base[name]) / MIB;
      return { base: base.rss / MIB, growth: growth("rss"), heap: growth("heap"), madeOf: `JavaScript heap ${growth("heap").toFixed(1)}` };
    },
  };
}

function residentBytes(pid) {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (match === null) throw new Error(`The process ${pid} of the browser does not say how much memory it has.`);
  return Number(match[1]) * 1024;
}
