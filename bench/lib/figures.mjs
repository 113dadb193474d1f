// How a bench reads its flags, reduces what it measured, and prints it beside its limits.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";

/** The flags of every bench: `--full` for the size that the published figure has, `--seed N` where something is random. */
export function readFlags() {
  const { values } = parseArgs({ options: { full: { type: "boolean", default: false }, seed: { type: "string" } } });
  return { full: values.full, seed: values.seed === undefined ? randomInt(1_000_000) : Number(values.seed) };
}

/** Prints a figure. Beyond its limit (`atMost`, `atLeast`, `exactly`) it is marked, and the bench fails. */
export function figure(name, value, unit, { atMost, atLeast, exactly } = {}) {
  const bad = value > atMost || value < atLeast || (exactly !== undefined && value !== exactly) || Number.isNaN(value);
  const limit = exactly ?? atMost ?? atLeast;
  const kind = exactly !== undefined ? "exactly" : atMost !== undefined ? "at most" : "at least";
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1);
  console.log(
    `  ${name.padEnd(52)} ${`${shown} ${unit}`.padEnd(18)}${limit === undefined ? "" : ` (${kind} ${limit})`}${bad ? " MISSED" : ""}`,
  );
  if (bad) process.exitCode = 1;
  return !bad;
}

/** Prints what an RSS meter found, and what the growth was made of when it is above `atMost` MiB. */
export function memoryFigure(name, { base, growth, madeOf }, atMost) {
  if (!figure(`${name} (from ${base.toFixed(0)} MiB)`, growth, "MiB", { atMost })) console.log(`    in MiB: ${madeOf}`);
}

/** The value that the fraction `p` of the values does not exceed; NaN of none. */
export function percentile(values, p) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)];
}

/** Milliseconds on a clock that the processes of a machine share. */
export function now() {
  return performance.timeOrigin + performance.now();
}
