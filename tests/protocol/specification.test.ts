import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import SwaggerParser from "@apidevtools/swagger-parser";
import { fromFile, Parser } from "@asyncapi/parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const protocol = fileURLToPath(new URL("../../protocol/", import.meta.url));
const read = (path: string): string => readFileSync(protocol + path, "utf8");
const sources = (folder: string): string[] =>
  readdirSync(fileURLToPath(new URL(`../../packages/${folder}`, import.meta.url)), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => fileURLToPath(new URL(`../../packages/${folder}/${name}`, import.meta.url)));

const specification = read("PROTOCOL.md");
const defined = [...specification.matchAll(/\*\*\[([a-z0-9]+(?:\.[a-z0-9]+)+)\]\*\*/g)].map(([, id]) => id ?? "");
const mentions = (text: string): string[] => [...text.matchAll(/\[([a-z0-9]+(?:\.[a-z0-9]+)*\.\d+)\]/g)].map(([, id]) => id ?? "");

interface Requirement {
  id: string;
  level: string;
  side: string;
  versions: number[];
  text: string;
}
const requirements: Requirement[] = parse(read("requirements.yaml")).requirements;
const errors: { code: string; http_status: number | null; ws_close_code: number | null; retryable: boolean }[] = parse(
  read("errors.yaml"),
).errors;
const codes = new Set(errors.map(({ code }) => code));

describe("PROTOCOL.md, requirements.yaml and errors.yaml", () => {
  it("define the same requirements in the same order, each once", () => {
    expect(new Set(defined).size).toBe(defined.length);
    expect(requirements.map(({ id }) => id)).toEqual(defined);
  });

  it("state each requirement completely", () => {
    for (const { id, level, side, versions, text } of requirements) {
      expect(level, id).toMatch(/^(MUST|MUST NOT|SHOULD|SHOULD NOT|MAY)$/);
      expect(side, id).toMatch(/^(client|server|both)$/);
      expect(versions.length, id).toBeGreaterThan(0);
      expect(text.length, id).toBeGreaterThan(10);
      const sentence = specification.split("\n").find((line) => line.includes(`**[${id}]**`)) ?? "";
      expect(sentence, `${id} says ${level}`).toContain(level);
    }
  });

  it("refer to nothing that is not defined", () => {
    expect(mentions(specification).filter((id) => !defined.includes(id))).toEqual([]);
  });

  it("are what the comments of the code refer to", () => {
    const wrong = ["core/src", "client/src", "server/src"]
      .flatMap(sources)
      .flatMap((file) => mentions(readFileSync(file, "utf8")).map((id) => ({ file, id })))
      .filter(({ id }) => !defined.includes(id));
    expect(wrong).toEqual([]);
  });

  it("name only codes of the table, and the table is the one of errors.yaml", () => {
    const [, table = ""] = /<!-- errors:begin -->\n([\s\S]*?)<!-- errors:end -->/.exec(specification) ?? [];
    const rows = [...table.matchAll(/^\| `([A-Z_]+)` \| (\d+|–) \| (\d+|–) \| (yes|no) \|/gm)].map(([, code, http, close, retry]) => ({
      code,
      http_status: http === "–" ? null : Number(http),
      ws_close_code: close === "–" ? null : Number(close),
      retryable: retry === "yes",
    }));
    expect(rows).toEqual(
      errors.map(({ code, http_status, ws_close_code, retryable }) => ({ code, http_status, ws_close_code, retryable })),
    );
    const named = [...`${specification}${read("requirements.yaml")}`.matchAll(/\b[A-Z]{3,}(?:_[A-Z]+)+\b/g)].map(([code]) => code);
    const known = (code: string): boolean => codes.has(code) || code === "NOT_FOUND" || code.startsWith("RUNAGENT_");
    expect(named.filter((code) => !known(code))).toEqual([]);
  });
});

describe("the machine-readable descriptions", () => {
  it("asyncapi.yaml parses without a diagnostic", async () => {
    const { document, diagnostics } = await fromFile(new Parser(), `${protocol}asyncapi.yaml`).parse();
    expect(diagnostics.map(({ message, path }) => ({ message, path }))).toEqual([]);
    expect(document?.version()).toBe("3.1.0");
  }, 120_000);

  it("openapi.yaml validates", async () => {
    const document = await SwaggerParser.validate(`${protocol}openapi.yaml`);
    expect(Object.keys(document.paths ?? {}).length).toBeGreaterThanOrEqual(10);
  }, 120_000);
});

describe("fixtures", () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const name of readdirSync(`${protocol}schemas`)) ajv.addSchema(JSON.parse(read(`schemas/${name}`)), name);
  const load = (folder: string): { file: string; schema: string; value: unknown }[] =>
    readdirSync(`${protocol}fixtures/${folder}`).map((file) => ({ file, ...JSON.parse(read(`fixtures/${folder}/${file}`)) }));
  const validates = (schema: string, value: unknown): boolean => {
    const validate = ajv.getSchema(schema);
    if (validate === undefined) throw new Error(`no schema ${schema}`);
    return validate(value) === true;
  };

  it.each(load("valid"))("valid/$file passes $schema", ({ schema, value }) => {
    expect(validates(schema, value)).toBe(true);
  });

  it.each(load("invalid"))("invalid/$file fails $schema", ({ schema, value }) => {
    expect(validates(schema, value)).toBe(false);
  });

  it("cover every schema, both ways", () => {
    const schemas = readdirSync(`${protocol}schemas`).filter((name) => name !== "common.schema.json");
    const covered = (folder: string): Set<string> => new Set(load(folder).map(({ schema }) => schema));
    expect(schemas.filter((name) => !covered("valid").has(name))).toEqual([]);
    expect(schemas.filter((name) => !covered("invalid").has(name))).toEqual([]);
  });
});
