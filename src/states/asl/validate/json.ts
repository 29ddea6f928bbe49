/**
 * Why a text is not JSON, in the words of the Java parser that AWS uses (Jackson), for the common mistakes; other
 * mistakes are named as an unexpected character where parsing stopped.
 */

export type JsonProblem = {
  /** Without the place. */
  readonly message: string;
  /** `[Source: (String)"…"; line: 1, column: 4]` */
  readonly location: string;
};

const EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
const SOURCE_MAX = 500;

/** Undefined if the text is JSON. */
export function jsonProblem(text: string): JsonProblem | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    const [message, at] = new Scanner(text).problem();
    return { message, location: locate(text, at) };
  }
}

/** Columns count from 1; like AWS's parser, the place is the one after the offending token. */
function locate(text: string, at: number): string {
  const before = text.slice(0, at).split("\n");
  const shown =
    text.length > SOURCE_MAX
      ? `${text.slice(0, SOURCE_MAX)}"[truncated ${text.length - SOURCE_MAX} chars]`
      : `${text}"`;
  return `[Source: (String)"${shown}; line: ${before.length}, column: ${(before.at(-1)?.length ?? 0) + 1}]`;
}

/** Walks the text until it stops being JSON. */
class Scanner {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  problem(): [message: string, at: number] {
    const open: ("{" | "[")[] = [];
    let expects: "value" | "key" | "key or end" | "value or end" | "colon" | "comma" = "value";
    for (;;) {
      this.#at += /^[ \t\r\n]*/.exec(this.#text.slice(this.#at))?.[0].length ?? 0;
      const character = this.#text[this.#at];
      if (character === undefined) return [this.#endOfInput(open), this.#at];
      if (
        (character === "}" && open.at(-1) === "{" && expects !== "value" && expects !== "colon" && expects !== "key") ||
        (character === "]" && open.at(-1) === "[" && expects !== "value")
      ) {
        open.pop();
        this.#at += 1;
        expects = "comma";
      } else if (expects === "key" || expects === "key or end") {
        if (character !== '"') return this.#unexpected("double-quote to start field name");
        if (!this.#string()) return [this.#openString(), this.#text.length];
        expects = "colon";
      } else if (expects === "colon") {
        if (character !== ":") return this.#unexpected("a colon to separate field name and value");
        this.#at += 1;
        expects = "value";
      } else if (expects === "comma") {
        if (open.length === 0) return this.#token() ?? this.#unexpected(EXPECTED.slice(1, -1));
        if (character !== ",")
          return this.#unexpected(`comma to separate ${open.at(-1) === "{" ? "Object" : "Array"} entries`);
        this.#at += 1;
        expects = open.at(-1) === "{" ? "key" : "value";
      } else if (character === "{" || character === "[") {
        open.push(character);
        this.#at += 1;
        expects = character === "{" ? "key or end" : "value or end";
      } else if (character === '"') {
        if (!this.#string()) return [this.#openString(), this.#text.length];
        expects = "comma";
      } else {
        const known = /^(?:null|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w$])/.exec(
          this.#text.slice(this.#at),
        );
        if (known === null) return this.#token() ?? this.#unexpected(`a valid value ${EXPECTED}`);
        this.#at += known[0].length;
        expects = "comma";
      }
    }
  }

  #string(): boolean {
    // oxlint-disable-next-line no-control-regex -- JSON forbids control characters within strings
    const found = /^"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/.exec(this.#text.slice(this.#at));
    this.#at += found?.[0].length ?? 0;
    return found !== null;
  }

  #openString(): string {
    return "Unexpected end-of-input in VALUE_STRING";
  }

  #endOfInput(open: readonly string[]): string {
    const inside = open.at(-1);
    if (inside === undefined) return "No content to map due to end-of-input";
    return `Unexpected end-of-input: expected close marker for ${inside === "{" ? "Object" : "Array"}`;
  }

  #token(): [string, number] | undefined {
    const word = /^[A-Za-z_$][\w$]*/.exec(this.#text.slice(this.#at))?.[0];
    if (word === undefined) return undefined;
    return [`Unrecognized token '${word}': was expecting ${EXPECTED}`, this.#at + word.length];
  }

  #unexpected(wanted: string): [string, number] {
    const character = this.#text[this.#at] ?? "";
    return [
      `Unexpected character ('${character}' (code ${character.codePointAt(0) ?? 0})): was expecting ${wanted}`,
      this.#at + 1,
    ];
  }
}
