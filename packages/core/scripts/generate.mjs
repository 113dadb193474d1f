// Makes packages/core/src/gen and the error table of PROTOCOL.md from protocol/.
// `node packages/core/scripts/generate.mjs` writes; with --check it writes nothing and exits 1 when a file differs.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";
import { parse } from "yaml";
import { camel, writeChecks } from "./checks.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const schemaDir = join(root, "protocol/schemas");
const genDir = join(root, "packages/core/src/gen");
const HEADER = "// Made by `npm run generate` from protocol/; do not edit.\n";

/** Which schemas become checks, and in which file: each side loads only what it reads. */
const CHECKS = {
  "client-frames": {
    frames: ["start", "resume", "ack", "filter", "cancel", "approval", "auth"],
    bodies: ["run-request", "run-request-v1", "cancel-request", "approval-request"],
  },
  "server-frames": {
    first: "data",
    frames: ["event", "skipped", "heartbeat", "error"],
    statuses: [
      "stream-started",
      "stream-completed",
      "stream-cancelled",
      "cancel-acknowledged",
      "approval-acknowledged",
      "auth-acknowledged",
    ],
  },
};

const schemas = new Map(
  readdirSync(schemaDir)
    .filter((name) => name.endsWith(".schema.json"))
    .sort()
    .map((name) => [name, JSON.parse(readFileSync(join(schemaDir, name), "utf8"))]),
);
const pascal = (text) => text.replace(/(^|[-_])(\w)/g, (_, __, letter) => letter.toUpperCase());
const titleOf = (file, name) => (name ? (schemas.get(file).$defs[name].title ?? pascal(name)) : schemas.get(file).title);

/** Points every reference into one bundle of definitions, so that a shared definition becomes one type. */
function rewriteRefs(node, file) {
  if (Array.isArray(node)) return node.map((item) => rewriteRefs(item, file));
  if (node === null || typeof node !== "object") return node;
  const out = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === "$ref") {
      const [target, pointer] = value.split("#");
      out.$ref = `#/$defs/${titleOf(target || file, pointer?.replace("/$defs/", ""))}`;
    } else if (key !== "$schema" && key !== "$defs") out[key] = rewriteRefs(value, file);
  }
  return out;
}

async function makeTypes() {
  const $defs = {};
  for (const [file, schema] of schemas) {
    for (const [name, definition] of Object.entries(schema.$defs ?? {})) {
      const title = titleOf(file, name);
      $defs[title] = { ...rewriteRefs(definition, file), title };
    }
    if (file === "common.schema.json") continue;
    // A top-level anyOf says which of the fields must be there: TypeScript would make an intersection of it that helps nobody.
    const { anyOf: _, ...rest } = schema;
    $defs[titleOf(file)] = rewriteRefs(rest, file);
  }
  const body = await compile({ $defs, title: "Bundle", type: "object" }, "Bundle", {
    additionalProperties: false,
    bannerComment: "",
    format: false,
    strictIndexSignatures: true,
    unknownAny: true,
    unreachableDefinitions: true,
  });
  const text = body
    .replace(/export interface Bundle \{\s*\}\n?/, "")
    .replace(/ \*\s*\n \* This interface was referenced by `Bundle`'s JSON-Schema\n \* via the `definition` "[^"]+"\.\n/g, "")
    .replace(/\/\*\*\n \* This interface was referenced by `Bundle`'s JSON-Schema\n \* via the `definition` "[^"]+"\.\n \*\/\n/g, "");
  return HEADER + text.trimStart();
}

/** A record of checks, by what stands in the field `key`: the reader of a frame has looked at that, and at its type, already. */
function checksBy(key, names, check, share) {
  const rows = names.flatMap((name) => {
    const { const: only, enum: kinds = [only] } = schemas.get(`${name}.schema.json`).properties[key];
    if (kinds.includes(undefined)) throw new Error(`${name}.schema.json: its ${key} is no const, so nobody can tell the frame by it.`);
    const code = check(name, ["type", key]);
    return kinds.map((kind) => `  ["${kind}", ${kinds.length > 1 ? share(code, camel(name)) : code}],`);
  });
  return `ReadonlyMap<unknown, Validator> = /* @__PURE__ */ new Map([\n${rows.join("\n")}\n]);`;
}

function makeChecks({ first, frames, statuses = [], bodies = [] }) {
  const text = writeChecks(schemas, (check, share) => {
    const parts =
      first === undefined
        ? []
        : [
            `/** The check of ${first} frames, of which there are many. */\nexport const validate${pascal(first)}: Validator = ${check(first, ["type"])};`,
          ];
    parts.push(`/** The checks of frames, by type. */\nexport const FRAMES: ${checksBy("type", frames, check, share)}`);
    if (statuses.length > 0) {
      parts.push(`/** The checks of status frames, by status. */\nexport const STATUSES: ${checksBy("status", statuses, check, share)}`);
    }
    for (const name of bodies) {
      parts.push(`/** The check of the body ${name}. */\nexport const validate${pascal(name)}: Validator = ${check(name)};`);
    }
    return parts.join("\n\n");
  });
  return `${HEADER}import type { Rule, Validator } from "../validator.ts";\n\n${text}\n`;
}

function readErrors() {
  return parse(readFileSync(join(root, "protocol/errors.yaml"), "utf8")).errors;
}

/** In parts, so that a client's bundle holds the actions and none of the numbers that only a server answers with. */
function makeErrors(errors) {
  const actions = errors.map(({ code, meaning, action }) => `  /** ${meaning} */\n  ${code}: ${JSON.stringify(action)},`);
  const infos = errors.map(
    ({ code, http_status, ws_close_code, retryable }) =>
      `  ${code}: { httpStatus: ${http_status}, closeCode: ${ws_close_code}, retryable: ${retryable}, action: ACTIONS.${code} },`,
  );
  // The first code of a close code is the general one. Those below 4000 are everybody's, but for the one that names a frame too large.
  const closes = new Map();
  for (const { code, ws_close_code: close } of errors) if ((close >= 4000 || close === 1009) && !closes.has(close)) closes.set(close, code);
  const retryable = errors.filter((error) => error.retryable).map(({ code }) => `"${code}"`);
  return `${HEADER}
/** What errors.yaml says of one code. */
export interface ErrorInfo {
  readonly httpStatus: number | null;
  readonly closeCode: number | null;
  readonly retryable: boolean;
  readonly action: string;
}

/** Every error code of the protocol. */
export type ErrorCode =
${errors.map((error) => `  | "${error.code}"`).join("\n")};

/** What to do about each error. */
export const ACTIONS: Readonly<Record<ErrorCode, string>> = {
${actions.join("\n")}
};

/** The codes after which the same call may succeed and cannot run the agent twice. */
export const RETRYABLE: readonly ErrorCode[] = [${retryable.join(", ")}];

/** The code that a WebSocket close code names. */
export const CODE_BY_CLOSE: Readonly<Record<number, ErrorCode>> = {
${[...closes].map(([close, code]) => `  ${close}: "${code}",`).join("\n")}
};

/** The close code of a connection whose peer broke the protocol. */
export const PROTOCOL_ERROR_CLOSE = ${errors.find(({ code }) => code === "PROTOCOL_ERROR").ws_close_code};

/** The closed table of errors, by code. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorInfo>> = /* @__PURE__ */ (() => ({
${infos.join("\n")}
}))();
`;
}

function makeErrorTable(errors) {
  const cell = (value) => (value === null ? "–" : String(value));
  const lines = errors.map(
    (e) =>
      `| \`${e.code}\` | ${cell(e.http_status)} | ${cell(e.ws_close_code)} | ${e.retryable ? "yes" : "no"} | ${e.origin} | ${e.meaning} | ${e.action} |`,
  );
  return ["| code | HTTP | close | retryable | origin | meaning | what to do |", "|---|---|---|---|---|---|---|", ...lines].join("\n");
}

async function main() {
  const files = new Map();
  files.set(join(genDir, "types.ts"), await makeTypes());
  for (const [file, tables] of Object.entries(CHECKS)) files.set(join(genDir, `${file}.ts`), makeChecks(tables));
  const errors = readErrors();
  files.set(join(genDir, "errors.ts"), makeErrors(errors));
  const specification = join(root, "protocol/PROTOCOL.md");
  const between = /(<!-- errors:begin -->\n)[\s\S]*?(\n<!-- errors:end -->)/;
  const text = readFileSync(specification, "utf8");
  files.set(
    specification,
    text.replace(between, (_, begin, end) => begin + makeErrorTable(errors) + end),
  );

  const check = process.argv.includes("--check");
  const changed = [...files].filter(([file, content]) => {
    try {
      return readFileSync(file, "utf8") !== content;
    } catch {
      return true;
    }
  });
  if (check && changed.length > 0) {
    const names = changed.map(([file]) => relative(root, file)).join(", ");
    console.error(`${names}: not what protocol/ makes of it. Run \`npm run generate\` and commit the result.`);
    process.exit(1);
  }
  if (!check) for (const [file, content] of changed) writeFileSync(file, content);
}

await main();
