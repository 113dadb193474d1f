/** What the agent yields and what the client hashes: every chunk follows from its invocation and seq, so that both sides know it. */
import { createHash } from "node:crypto";
import { createRandom } from "@runagent/conformance";

const MIN_BYTES = 10;
const MAX_BYTES = 20_000;
const FILLER = "The quick brown fox jumps over the lazy dog. ".repeat(Math.ceil(MAX_BYTES / 45));

/** The chunk of a record: a text of 10 bytes to 20 KB, small ones more often. `size`: in place of a random one. */
export function contentOf(invocation: string, seq: number, size?: number): string {
  const head = `${invocation}:${seq}:`;
  const random = createRandom(createHash("sha256").update(head).digest().readUInt32LE());
  const bytes = size ?? Math.floor(MIN_BYTES * (MAX_BYTES / MIN_BYTES) ** random.next());
  const start = random.integer(0, 44);
  const filler = bytes <= MAX_BYTES ? FILLER : FILLER.repeat(Math.ceil(bytes / FILLER.length) + 1);
  return head + filler.slice(start, start + Math.max(0, bytes - head.length));
}

/** The hash of a chunk. */
export function hashOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

/** What stands for the hash of the terminal record. */
export function hashOfEnd(status: string, totalChunks: number): string {
  return `${status} after ${totalChunks}`;
}
