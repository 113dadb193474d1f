/** The faults that change one frame: what is passed on in its place. */
import type { Random } from "./random.ts";
import type { Action } from "./rules.ts";
import type { StreamReader } from "./stream-reader.ts";
import { tryParse, type Unit } from "./unit.ts";

/** A frame that was read. */
export type FrameUnit = Extract<Unit, { kind: "frame" }>;

/** The bytes that go out in place of the frame; undefined when the action is none that edits one frame. */
export function editFrame(action: Action, unit: FrameUnit, reader: StreamReader, random: Random): Buffer | undefined {
  const rewrite = (payload: string | Buffer): Buffer => reader.writeFrame(payload, unit);
  switch (action.action) {
    case "drop":
      return Buffer.alloc(0);
    case "duplicate":
      return Buffer.concat([unit.bytes, unit.bytes]);
    case "inject":
      return Buffer.concat([reader.writeFrame(action.text), unit.bytes]);
    case "replace":
      return rewrite(action.text ?? JSON.stringify({ ...tryParse(unit.text), ...action.set }));
    case "truncate": {
      const payload = Buffer.from(unit.text);
      return rewrite(payload.subarray(0, action.bytes ?? random.integer(0, Math.max(0, payload.length - 1))));
    }
    case "mutate": {
      const payload = Buffer.from(unit.text);
      for (let count = 0; count < (action.bytes ?? 1) && payload.length > 0; count++) {
        const at = random.integer(0, payload.length - 1);
        payload[at] = ((payload[at] ?? 0) + random.integer(1, 255)) & 0xff;
      }
      return rewrite(payload);
    }
    default:
      return undefined;
  }
}
