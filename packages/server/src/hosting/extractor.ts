/**
 * The `extractor` of a configuration: the output of an entrypoint, put together from parts of what its function gave.
 */
import { compile, type JSONPathQuery } from "json-p3";

/** By output field: a JSONPath. */
export type ExtractorFields = Readonly<Record<string, string>>;

/** From the JSON text of a value to that of the output. */
export type Extractor = (text: string) => string;

/**
 * Compiles the JSONPath of each field (RFC 9535; deployed configurations leave out the `$`).
 * @param onProblem Is told of a field whose expression is none.
 */
export function readExtractor(fields: ExtractorFields, onProblem: (field: string, problem: string) => void): Extractor {
  const queries = Object.entries(fields).flatMap(([field, path]): [string, JSONPathQuery][] => {
    try {
      return [[field, compile(withRoot(path))]];
    } catch (error) {
      const why = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
      onProblem(field, `is no JSONPath: ${why}`);
      return [];
    }
  });
  return (text) => {
    const value = JSON.parse(text);
    return JSON.stringify(Object.fromEntries(queries.map(([field, query]) => [field, query.match(value)?.value ?? null])));
  };
}

function withRoot(path: string): string {
  const trimmed = path.trim();
  if (trimmed.startsWith("$")) return trimmed;
  return trimmed.startsWith("[") || trimmed.startsWith(".") ? `$${trimmed}` : `$.${trimmed}`;
}
