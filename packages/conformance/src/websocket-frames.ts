/**
 * WebSocket framing (RFC 6455, section 5.2), as far as a proxy needs it: where a frame ends, what text it holds, and
 * how a frame of another text is written. It judges nothing: what is not a whole text message passes as bytes.
 */
import type { ByteQueue } from "./byte-queue.ts";
import type { Random } from "./random.ts";
import type { Unit } from "./unit.ts";

const TEXT = 0x1;
const CLOSE = 0x8;
const FIN = 0x80;
const MASKED = 0x80;

/** Takes one frame from the queue; undefined when it has not come whole. */
export function takeWebSocketFrame(queue: ByteQueue): Unit | undefined {
  const start = queue.peek(2);
  if (start === undefined) return undefined;
  const [first = 0, second = 0] = start;
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const maskBytes = (second & MASKED) === 0 ? 0 : 4;
  const headerBytes = 2 + lengthBytes + maskBytes;
  const header = queue.peek(headerBytes);
  if (header === undefined) return undefined;
  const payloadBytes = lengthBytes === 0 ? short : lengthBytes === 2 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
  if (queue.length < headerBytes + payloadBytes) return undefined;
  const mask = Buffer.from(header.subarray(headerBytes - maskBytes, headerBytes));
  const bytes = queue.take(headerBytes + payloadBytes);
  // A whole text message without extensions: the only thing that frames of the protocol are.
  if (first !== (FIN | TEXT)) return { kind: "bytes", bytes };
  const payload = bytes.subarray(headerBytes);
  return { kind: "frame", bytes, text: (maskBytes === 0 ? payload : applyMask(payload, mask)).toString() };
}

/** The bytes of a text message. From a client it is masked, with a key of `random`. */
export function writeTextFrame(payload: string | Buffer, side: "client" | "server", random: Random): Buffer {
  return writeFrame(TEXT, Buffer.from(payload), side, random);
}

/** The bytes of a close frame, which a server sends. */
export function writeCloseFrame(code: number, reason: string, random: Random): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return writeFrame(CLOSE, payload, "server", random);
}

function writeFrame(opcode: number, payload: Buffer, side: "client" | "server", random: Random): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.alloc(2 + lengthBytes);
  header[0] = FIN | opcode;
  header[1] = (side === "client" ? MASKED : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) header.writeUInt16BE(length, 2);
  if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  if (side === "server") return Buffer.concat([header, payload]);
  const mask = Buffer.from([random.integer(0, 255), random.integer(0, 255), random.integer(0, 255), random.integer(0, 255)]);
  return Buffer.concat([header, mask, applyMask(payload, mask)]);
}

/** Masks and unmasks alike. */
function applyMask(payload: Buffer, mask: Buffer): Buffer {
  const result = Buffer.from(payload);
  for (let index = 0; index < result.length; index++) result[index] = (result[index] ?? 0) ^ (mask[index & 3] ?? 0);
  return result;
}
