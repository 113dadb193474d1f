const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has none in its texts.
const STRING_BODY = /"(?:[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;

/** A place in a text; both count from 1. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Where a text stops being JSON. JSON.parse says it in words that differ from version to version, and of short texts not at all. */
export function findJsonError(text: string): TextPlace {
  return placeAt(text, new Scanner(text).errorAt());
}

/** The place of an index. */
export function placeAt(text: string, index: number): TextPlace {
  const before = text.slice(0, index).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** Reads as far as it is JSON. Without recursion: a text may be as deep as it likes. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  errorAt(): number {
    const open: ("[" | "{")[] = [];
    for (;;) {
      // Here a value must begin, or an empty list or object end.
      const bracket = this.#next("[{");
      if (bracket !== undefined) {
        open.push(bracket === "[" ? "[" : "{");
        const closed = this.#next(bracket === "[" ? "]" : "}") !== undefined;
        if (closed) open.pop();
        else if (bracket === "{" && !this.#key()) return this.#at;
        if (!closed) continue;
      } else if (!this.#scalar()) return this.#at;
      // And here one has ended.
      for (let inside = open.at(-1); ; inside = open.at(-1)) {
        if (inside === undefined) {
          this.#take(SPACE);
          return this.#at;
        }
        if (this.#next(",") !== undefined) {
          if (inside === "{" && !this.#key()) return this.#at;
          break;
        }
        if (this.#next(inside === "[" ? "]" : "}") === undefined) return this.#at;
        open.pop();
      }
    }
  }

  #key(): boolean {
    this.#take(SPACE);
    return this.#string() && this.#next(":") !== undefined;
  }

  #scalar(): boolean {
    this.#take(SPACE);
    return this.#text[this.#at] === '"' ? this.#string() : this.#take(SCALAR);
  }

  #string(): boolean {
    if (!this.#take(STRING_BODY) || this.#text[this.#at] !== '"') return false;
    this.#at++;
    return true;
  }

  /** The next character, when it is one of these. */
  #next(characters: string): string | undefined {
    this.#take(SPACE);
    const character = this.#text[this.#at];
    if (character === undefined || !characters.includes(character)) return undefined;
    this.#at++;
    return character;
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const matched = pattern.test(this.#text);
    if (matched) this.#at = pattern.lastIndex;
    return matched;
  }
}
