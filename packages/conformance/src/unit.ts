/** What a proxy passes on, in one piece: rules act on the head of an HTTP message and on frames; bytes are what is between. */
export type Unit =
  | { readonly kind: "head"; readonly bytes: Buffer; readonly head: Head }
  | { readonly kind: "frame"; readonly bytes: Buffer; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Buffer };

/** The head of an HTTP request or answer, as far as a proxy needs it. */
export interface Head {
  /** GET, POST, …; of an answer the empty text. */
  readonly method: string;
  /** Path and query of a request; of an answer the empty text. */
  readonly target: string;
  /** Status of an answer; of a request 0. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What a proxy knows of a frame without parsing all of it. */
export interface FrameLabel {
  readonly type: string | undefined;
  readonly status: string | undefined;
  readonly seq: number | undefined;
}

const RECORD = /^\{"type":"(data|event|heartbeat)","seq":(\d{1,16})[,}]/;
const UNLABELLED: FrameLabel = { type: undefined, status: undefined, seq: undefined };

/** Type, status and seq of a frame's text; undefined where it has none or is not JSON. */
export function labelFrame(text: string): FrameLabel {
  // Nearly every frame is a record in the usual order of fields, and may be megabytes long.
  const [, type, digits] = RECORD.exec(text) ?? [];
  if (type !== undefined) return { type, status: undefined, seq: Number(digits) };
  const value = tryParse(text);
  if (value === undefined) return UNLABELLED;
  return {
    type: typeof value.type === "string" ? value.type : undefined,
    status: typeof value.status === "string" ? value.status : undefined,
    seq: typeof value.seq === "number" ? value.seq : undefined,
  };
}

/** The object that the text is, or undefined: a proxy passes on what it cannot read. */
export function tryParse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
