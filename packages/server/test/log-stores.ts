/** Stores of logs for tests: in memory, of which some calls do something else. */
import { createMemoryLogStore, type InvocationLog, type LogRecord, type LogStore } from "../src/index.ts";
import { deferred } from "./support.ts";

/** A store in memory whose logs differ by `change`. */
export function storeWith(change: (log: InvocationLog) => Partial<InvocationLog>): LogStore {
  const memory = createMemoryLogStore();
  const wrap = (log: InvocationLog): InvocationLog => ({
    epoch: log.epoch,
    append: (epoch, seq, record) => log.append(epoch, seq, record),
    read: (after, limit, bytes) => log.read(after, limit, bytes),
    head: () => log.head(),
    watch: (listener) => log.watch(listener),
    trim: (before, bounds) => log.trim(before, bounds),
    drop: () => log.drop(),
    ...change(log),
  });
  return { durability: "memory", create: async (id) => wrap(await memory.create(id)) };
}

/** Every answer comes in a later turn, as that of a database does. */
export function lateStore(): LogStore {
  const later = async <T>(work: () => T | Promise<T>): Promise<T> => {
    await new Promise((resolve) => setImmediate(resolve));
    return work();
  };
  return storeWith((log) => ({
    append: (epoch, seq, record) => later(() => log.append(epoch, seq, record)),
    read: (after, limit, bytes) => later(() => log.read(after, limit, bytes)),
    head: () => later(() => log.head()),
    watch: (listener) => log.watch(() => setImmediate(listener)),
    trim: (before, bounds) => later(() => log.trim(before, bounds)),
    drop: () => later(() => log.drop()),
  }));
}

/** A store that holds one record back until the test lets it in, or refuses it. */
export interface HoldingStore extends LogStore {
  /** The record has come to the store. */
  readonly held: Promise<void>;
  release(): void;
  fail(): void;
}

/** Holds back the first record that fits. */
export function holdingStore(fits: (text: string) => boolean): HoldingStore {
  const held = deferred();
  const decided = deferred<"store" | "fail">();
  let holds = true;
  const textOf = ({ data }: LogRecord): string => Buffer.from(data).toString();
  const store = storeWith((log) => ({
    async append(epoch, seq, record) {
      if (holds && fits(textOf(record))) {
        holds = false;
        held.resolve();
        if ((await decided.promise) === "fail") throw new Error("disk full");
      }
      return log.append(epoch, seq, record);
    },
  }));
  return { ...store, held: held.promise, release: () => decided.resolve("store"), fail: () => decided.resolve("fail") };
}
