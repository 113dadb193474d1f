// Makes packages/core/src/gen and the error table of PROTOCOL.md from protocol/.
// `node packages/core/scripts/generate.mjs` writes; with --check it writes nothing and exits 1 when a file differs.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv2020 from "ajv/dist/2020.js";
import standaloneCode from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import { compile } from "json-schema-to-typescript";
import { parse } from "yaml";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const schemaDir = join(root, "protocol/schemas");
const genDir = join(root, "packages/core/src/gen");
const HEADER = "// Made by `npm run generate` from protocol/; do not edit.\n";

/** Which schemas become validators, and in which file: each side loads only what it reads. */
const VALIDATORS = {
  "client-frames": ["start", "resume", "ack", "cancel", "approval", "auth", "run-request", "run-request-v1", "cancel-request"],
  "server-frames": [
    "stream-started",
    "data",
    "event",
    "heartbeat",
    "stream-completed",
    "stream-cancelled",
    "error",
    "cancel-acknowledged",
    "approval-acknowledged",
    "auth-acknowledged",
  ],
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

/** A schema without what only people read, so that the validators stay small. */
function withoutProse(node) {
  if (Array.isArray(node)) return node.map(withoutProse);
  if (node === null || typeof node !== "object") return node;
  const isProse = ([key, value]) => typeof value === "string" && ["title", "description", "tsType"].includes(key);
  return Object.fromEntries(
    Object.entries(node)
      .filter((entry) => !isProse(entry))
      .map(([key, value]) => [key, withoutProse(value)]),
  );
}

async function makeValidators(names) {
  const ajv = new Ajv2020({ code: { source: true, esm: true, lines: true }, strict: true, validateFormats: false });
  for (const [file, schema] of schemas) ajv.addSchema(withoutProse(schema), file);
  const exported = Object.fromEntries(names.map((name) => [`validate${pascal(name)}`, `${name}.schema.json`]));
  const source = standaloneCode(ajv, exported).replace(/export default [^;]+;/, "");
  const bundled = await build({
    stdin: { contents: source, loader: "js", resolveDir: root },
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const types = ['import type { Validator } from "../validator.ts";', ""].concat(
    Object.keys(exported).map((name) => `export declare const ${name}: Validator;`),
  );
  return { code: HEADER + bundled.outputFiles[0].text, types: `${HEADER + types.join("\n")}\n` };
}

function readErrors() {
  return parse(readFileSync(join(root, "protocol/errors.yaml"), "utf8")).errors;
}

function makeErrors(errors) {
  const rows = errors.map((error) =>
    [
      `  /** ${error.meaning} ${error.action} */`,
      `  ${error.code}: { httpStatus: ${error.http_status}, closeCode: ${error.ws_close_code}, retryable: ${error.retryable}, action: ${JSON.stringify(error.action)} },`,
    ].join("\n"),
  );
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

/** The closed table of errors, by code. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorInfo>> = {
${rows.join("\n")}
};
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
  for (const [file, names] of Object.entries(VALIDATORS)) {
    const { code, types } = await makeValidators(names);
    files.set(join(genDir, `${file}.js`), code);
    files.set(join(genDir, `${file}.d.ts`), types);
  }
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
