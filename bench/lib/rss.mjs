// How much the resident memory of this process grows.

const SAMPLE_MS = 50;
const MIB = 1_048_576;

/** `start` collects garbage and takes the base; `stop` gives both, in MiB, the largest growth since then and what it was made of. */
export function createRssMeter() {
  let timer;
  let base;
  let peak;
  const sample = () => {
    const rss = process.memoryUsage.rss();
    if (rss > peak.rss) peak = process.memoryUsage();
  };
  return {
    start() {
      clearInterval(timer);
      globalThis.gc();
      base = process.memoryUsage();
      peak = base;
      timer = setInterval(sample, SAMPLE_MS).unref();
    },
    stop() {
      sample();
      clearInterval(timer);
      const { rss, heapTotal, heapUsed, external, arrayBuffers } = peak;
      const inMib = Object.entries({ rss, heapTotal, heapUsed, external, arrayBuffers }).map(([name, bytes]) => {
        return `${name} ${((bytes - base[name]) / MIB).toFixed(1)}`;
      });
      return { base: base.rss / MIB, growth: (peak.rss - base.rss) / MIB, madeOf: inMib.join(", ") };
    },
  };
}
