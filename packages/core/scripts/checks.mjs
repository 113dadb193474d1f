// Makes checks from JSON Schemas: for each frame or body a function over its fields, of the rules that src/validator.ts knows.
// A keyword that no rule can say is an error: a check that overlooked one would let anything pass.

const PROSE = ["$schema", "$defs", "title", "description", "tsType"];
const KEYWORDS = {
  boolean: [],
  string: ["const", "enum", "minLength", "maxLength", "pattern"],
  integer: ["const", "minimum", "maximum"],
  number: ["minimum", "maximum", "exclusiveMinimum"],
  array: ["items"],
  object: ["properties", "required", "additionalProperties"],
};

/** A name as code has it. */
export const camel = (text) => text.replace(/[-_](\w)/g, (_, letter) => letter.toUpperCase());
const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
/** True where anything may stand. */
const isOpen = (schema) =>
  schema === undefined || schema === true || (schema !== false && Object.keys(schema).every((key) => PROSE.includes(key)));

/**
 * Makes the text of a file of checks from the schemas, a Map by file name.
 * @param write Is given `check(name, known)`, the code of the check for the schema of that name without the fields in `known`; returns the text.
 */
export function writeChecks(schemas, write) {
  // A pattern or list inside a function would be made anew with each call: every rule is a constant.
  const constants = new Map();
  const share = (code, name, key = code) => {
    if (!constants.has(key)) {
      const names = ["value", "look", ...[...constants.values()].map((constant) => constant.name)];
      let own = name;
      for (let number = 2; names.includes(own); number++) own = `${name}${number}`;
      constants.set(key, { name: own, code });
    }
    return constants.get(key).name;
  };
  const check = (name, known) => objectRule({ schemas, file: `${name}.schema.json`, share }, schemas.get(`${name}.schema.json`), known);
  const text = write(check, share);
  const lines = [...constants.values()].map(({ name, code }) => `const ${name}: ${code.startsWith("(") ? "Validator" : "Rule"} = ${code};`);
  return `${lines.join("\n")}\n\n${text}`;
}

/** The schema that a reference points to, and the file that its own references are relative to. */
function resolve({ schemas, file, share }, schema) {
  if (schema.$ref === undefined) return { schema, place: { schemas, file, share } };
  refuseIf(!Object.keys(schema).every((key) => key === "$ref" || PROSE.includes(key)), { file }, "keywords beside $ref", schema);
  const [name, pointer = ""] = schema.$ref.split("#");
  const target = schemas.get(name || file);
  const found = pointer === "" ? target : target?.$defs?.[pointer.replace("/$defs/", "")];
  if (found === undefined) throw new Error(`${file}: nothing is at ${schema.$ref}.`);
  return resolve({ schemas, file: name || file, share }, found);
}

/** The code of a function that looks at each field. */
function objectRule(place, schema, known = []) {
  const { properties = {}, required = [], additionalProperties } = schema;
  const names = Object.keys(properties);
  refuseIf(!isOpen(additionalProperties), place, "additionalProperties", schema);
  refuseIf(schema.type !== "object", place, "a frame that is no object", schema);
  refuseIf(!required.every((name) => names.includes(name)), place, "required fields without a schema", schema);
  refuseIf(!names.every((name) => /^[a-z]\w*$/.test(name)), place, "a field whose name is no word", schema);
  refuseOthers(place, schema, KEYWORDS.object);
  const looks = names
    .filter((name) => !known.includes(name))
    .flatMap((name) => lookAt(place, name, properties[name], required.includes(name)));
  return `(value, look) => ${looks.join(" ?? ") || "undefined"}`;
}

/** Nothing for a field that may be missing and may be anything. */
function lookAt(place, name, schema, isRequired) {
  const resolved = resolve(place, schema).schema;
  const types = [resolved.type].flat();
  const isNullable = types.includes("null");
  const isClosed = isRequired || resolved.enum !== undefined || resolved.const !== undefined;
  refuseIf(types.length > (isNullable ? 2 : 1) || (isNullable && isClosed), place, `the type ${types.join(" or ")} of ${name}`, schema);
  const rule = ruleOf(place, schema, name);
  if (rule === "true" && !isRequired) return [];
  return `look(value.${name}, ${JSON.stringify(name)}, ${rule}${isNullable ? ", 2" : isRequired ? "" : ", 1"})`;
}

function ruleOf(from, reference, field) {
  const { schema, place } = resolve(from, reference);
  if (isOpen(schema)) return "true";
  const type = [schema.type].flat().find((name) => name !== "null");
  refuseIf(KEYWORDS[type] === undefined, place, `type ${type}`, schema);
  refuseOthers(place, schema, KEYWORDS[type]);
  const name = camel(reference.$ref?.split("/").at(-1).replace(".schema.json", "") ?? field);
  if (type === "object" && schema.properties !== undefined) {
    const code = objectRule(place, schema);
    return reference.$ref === undefined ? code : place.share(code, name, `${place.file} ${reference.$ref}`);
  }
  if (type === "object" || type === "array") {
    refuseIf(!isOpen(schema.items) || !isOpen(schema.additionalProperties) || schema.required, place, "the contents", schema);
    return JSON.stringify(type);
  }
  const code = type === "string" ? textRule(place, schema) : type === "boolean" ? '"boolean"' : numberRule(place, schema, type);
  return /^["\d]/.test(code) ? code : place.share(code, name);
}

/** One pattern says all of it; `.` with the flags u and s is one character of any kind, which is how JSON Schema counts. */
function textRule(place, { const: only, enum: choices = only === undefined ? undefined : [only], minLength, maxLength, pattern }) {
  const isBounded = minLength !== undefined || maxLength !== undefined;
  if (choices !== undefined) {
    refuseIf(isBounded || pattern !== undefined, place, "an enum beside other keywords", choices);
    return `/^(${choices.map(escaped).join("|")})$/`;
  }
  if (!isBounded) return pattern === undefined ? '"string"' : `/${pattern}/u`;
  const length = `.{${minLength ?? 0},${maxLength ?? ""}}$`;
  if (pattern === undefined) return `/^${length}/su`;
  refuseIf(!/^\^[^|.]*$/.test(pattern), place, "a length beside this pattern", pattern);
  return `/^(?=${length})${pattern.slice(1)}/su`;
}

function numberRule(place, { const: only, minimum, exclusiveMinimum, maximum }, type) {
  if (only !== undefined) {
    refuseIf((minimum ?? exclusiveMinimum ?? maximum) !== undefined, place, "a const beside other keywords", only);
    return String(only);
  }
  refuseIf((minimum === undefined) === (exclusiveMinimum === undefined), place, "a number without one lower bound", type);
  const kind = exclusiveMinimum === undefined ? `${type} >=` : `${type} >`;
  return `[${[`"${kind}"`, minimum ?? exclusiveMinimum, maximum].filter((part) => part !== undefined).join(", ")}]`;
}

function refuseOthers(place, schema, known) {
  const others = Object.keys(schema).filter((key) => key !== "type" && !PROSE.includes(key) && !known.includes(key));
  refuseIf(others.length > 0, place, others.join(", "), schema);
}

function refuseIf(is, { file }, what, schema) {
  if (is) throw new Error(`${file}: no rule of packages/core/src/validator.ts says ${what}: ${JSON.stringify(schema)}.`);
}
