/**
 * What a framework gives, as JSON: its objects hold classes, bytes, errors and cycles that no event can carry. What
 * has no meaning in JSON is left out; nothing here throws.
 */

/** An event nests it a few levels deeper, and is read to 64. */
const MAX_DEPTH = 56;

/** Gives the value that stands for an object of a framework; anything else comes back as it is. */
export type Replace = (value: object) => unknown;

/** The value as JSON: a copy, without what JSON does not know. */
export function toJson(value: unknown, replace: Replace = (object) => object): unknown {
  return convert(value, replace, []) ?? null;
}

/** undefined stands for what is left out. */
function convert(value: unknown, replace: Replace, parents: object[]): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value + 0 : null; // Of -0, which JSON does not know, 0.
    case "bigint":
      return value.toString();
    case "object":
      return value === null ? null : convertObject(value, replace, parents);
    default:
      return undefined;
  }
}

function convertObject(object: object, replace: Replace, parents: object[]): unknown {
  if (parents.includes(object)) return "[circular]";
  if (parents.length >= MAX_DEPTH) return "[too deep]";
  parents.push(object);
  const converted = convertWithin(object, replace, parents);
  parents.pop();
  return converted;
}

/** Of an object that is the last of its `parents`. */
function convertWithin(object: object, replace: Replace, parents: object[]): unknown {
  const replaced = attempt(() => replace(object));
  if (replaced !== object) return convert(replaced, replace, parents);
  if (object instanceof Error) return { name: object.name, message: object.message };
  if (ArrayBuffer.isView(object)) return Buffer.from(object.buffer, object.byteOffset, object.byteLength).toString("base64");
  if (Array.isArray(object)) return Array.from(object, (entry) => convert(entry, replace, parents) ?? null);
  if (object instanceof Map) return convert([...object], replace, parents);
  if (object instanceof Set) return convert([...object], replace, parents);
  if ("toJSON" in object && typeof object.toJSON === "function") {
    const { toJSON } = object;
    const json = attempt(() => toJSON.call(object));
    if (json !== object) return convert(json, replace, parents);
  }
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(object)) {
    const value = attempt(() => Reflect.get(object, key));
    const converted = convert(value, replace, parents);
    if (converted === undefined) continue;
    // Assigned, this key would be the prototype.
    if (key === "__proto__") Object.defineProperty(copy, key, { value: converted, enumerable: true, configurable: true, writable: true });
    else copy[key] = converted;
  }
  return copy;
}

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined; // A getter or a toJSON of the framework threw: what it would say is not known.
  }
}
