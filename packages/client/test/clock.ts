import { Timers } from "../src/timers.ts";

/** Timers by a clock that a test moves. */
export interface TestClock {
  readonly timers: Timers;
  /** Awake: each timer fires in its time. */
  readonly pass: (ms: number) => void;
  /** Time goes on, and nothing fires. */
  readonly sleep: (ms: number) => void;
  /** Fires what is due. */
  readonly fire: () => void;
  readonly pending: ReadonlyMap<object, unknown>;
}

/** A clock that the test moves; a machine that sleeps moves it too, and fires what was due only when it wakes. */
export function createClock(): TestClock {
  let now = 0;
  const pending = new Map<object, { at: number; callback: () => void }>();
  const timers = new Timers({
    now: () => now,
    setTimeout(callback, ms) {
      const timer = {};
      pending.set(timer, { at: now + ms, callback });
      return timer;
    },
    clearTimeout: (timer) => void pending.delete(Object(timer)),
  });
  const fire = (): void => {
    for (const [timer, { at, callback }] of [...pending].sort(([, a], [, b]) => a.at - b.at)) {
      if (at <= now && pending.delete(timer)) callback();
    }
  };
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end; ) {
      const next = Math.min(end, ...[...pending.values()].map(({ at }) => Math.max(at, now)));
      now = next;
      fire();
    }
  };
  const sleep = (ms: number): void => {
    now += ms;
  };
  return { timers, pass, sleep, fire, pending };
}
