/**
 * A JSON reader that hands out one token at a time and knows where it is. Errors of event patterns carry the line and
 * column of the place where AWS's parser stands when it objects, so this reader moves as that parser does: it has read
 * the head of a value (the whole of a number or literal, but only the opening quote of a string) when it hands out the
 * value, or the field name before it; the rest of a string is read when someone asks for the text.
 */
export type Token = "{" | "}" | "[" | "]" | "name" | "string" | "number" | "true" | "false" | "null" | "end";

/** What is wrong with a pattern; `message` is the sentence without the location. */
export class PatternError extends Error {
  override readonly name = "PatternError";
  readonly location: string;
  constructor(reason: string, location: string) {
    super(reason);
    this.location = location;
  }
}

/** Deeper nesting is refused, so that hostile patterns cannot exhaust the stack. */
const DEPTH_LIMIT = 1000;
/** AWS quotes this much of the pattern. */
const QUOTED_CHARACTERS = 500;

export class JsonReader {
  readonly #source: string;
  #at = 0;
  #token: Token = "end";
  /** The head of the value after a field name, already read. */
  #ahead: Token | undefined;
  #name = "";
  #number = "";
  /** Where an unread string's content begins, or -1. */
  #string = -1;
  readonly #open: ("{" | "[")[] = [];
  #expectComma = false;

  constructor(source: string) {
    this.#source = source;
  }

  get token(): Token {
    return this.#token;
  }
  /** The field name, when the token is `name`. */
  get name(): string {
    return this.#name;
  }
  /** The literal text, when the token is `number`. */
  get number(): string {
    return this.#number;
  }

  /** Reads a string's text, when the token is `string`. */
  text(): string {
    this.#string = -1;
    return this.#readString();
  }

  /** Moves to the next token. */
  next(): Token {
    if (this.#ahead !== undefined) {
      const ahead = this.#ahead;
      this.#ahead = undefined;
      return this.#enter(ahead);
    }
    if (this.#token === "string" && this.#string >= 0) this.text();
    this.#space();
    const within = this.#open.at(-1);
    const character = this.#source[this.#at];
    if (character === undefined) {
      if (within === undefined) return (this.#token = "end");
      throw this.fail(`Unexpected end-of-input: expected close marker for ${within === "{" ? "Object" : "Array"}`);
    }
    if (within !== undefined && character === (within === "{" ? "}" : "]")) {
      this.#at++;
      this.#open.pop();
      this.#expectComma = true;
      return (this.#token = character === "}" ? "}" : "]");
    }
    if (within === undefined) return this.#expectComma ? this.#unexpected("end of input") : this.#enter(this.#head());
    this.#comma(within);
    if (within === "[") return this.#enter(this.#head());
    return this.#field();
  }

  /** An error at the place where the reader stands. */
  fail(reason: string): PatternError {
    const before = this.#source.slice(0, this.#at);
    const line = before.split("\n").length;
    const column = this.#at - before.lastIndexOf("\n");
    const rest = this.#source.length - QUOTED_CHARACTERS;
    const quoted =
      rest > 0 ? `"${this.#source.slice(0, QUOTED_CHARACTERS)}"[truncated ${rest} chars]` : `"${this.#source}"`;
    return new PatternError(reason, ` at [Source: (String)${quoted}; line: ${line}, column: ${column}]`);
  }

  #enter(token: Token): Token {
    if (token === "{" || token === "[") {
      if (this.#open.length >= DEPTH_LIMIT) throw this.fail(`Nesting depth exceeds ${DEPTH_LIMIT}`);
      this.#open.push(token);
      this.#expectComma = false;
    } else this.#expectComma = true;
    return (this.#token = token);
  }

  #comma(within: "{" | "["): void {
    if (!this.#expectComma) return;
    if (this.#source[this.#at] !== ",")
      this.#unexpected(`comma to separate ${within === "{" ? "Object" : "Array"} entries`);
    this.#at++;
    this.#expectComma = false;
    this.#space();
  }

  #field(): Token {
    if (this.#source[this.#at] !== '"') this.#unexpected("double-quote to start field name");
    this.#at++;
    this.#name = this.#readString();
    this.#space();
    if (this.#source[this.#at] !== ":") this.#unexpected("a colon to separate field name and value");
    this.#at++;
    this.#space();
    this.#ahead = this.#head();
    return (this.#token = "name");
  }

  #head(): Token {
    const character = this.#source[this.#at];
    if (character === undefined) throw this.fail("Unexpected end-of-input within/between Object entries");
    if (character === "{" || character === "[") {
      this.#at++;
      return character;
    }
    if (character === '"') {
      this.#string = ++this.#at;
      return "string";
    }
    if (character === "-" || (character >= "0" && character <= "9")) return this.#readNumber();
    for (const literal of ["true", "false", "null"] as const) {
      if (!this.#source.startsWith(literal, this.#at)) continue;
      if (/[\w$]/.test(this.#source[this.#at + literal.length] ?? "")) break;
      this.#at += literal.length;
      return literal;
    }
    const word = /^[\w$]+/.exec(this.#source.slice(this.#at, this.#at + 256));
    if (!word)
      return this.#unexpected("a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')");
    this.#at += word[0].length;
    throw this.fail(
      `Unrecognized token '${word[0]}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')`,
    );
  }

  #readNumber(): Token {
    const pattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    const after = found ? this.#source[this.#at + found[0].length] : undefined;
    if (!found || (after !== undefined && /[\w.$+-]/.test(after))) {
      this.#at++;
      throw this.fail(`Invalid numeric value`);
    }
    this.#at += found[0].length;
    this.#number = found[0];
    return "number";
  }

  /** Reads from after the opening quote to after the closing one. */
  #readString(): string {
    const start = this.#at;
    for (; ; this.#at++) {
      const code = this.#source.charCodeAt(this.#at);
      if (Number.isNaN(code))
        throw this.fail("Unexpected end-of-input: was expecting closing quote for a string value");
      if (code === 0x22) break;
      if (code === 0x5c) this.#escape();
      else if (code < 0x20)
        throw this.fail(
          `Illegal unquoted character ((CTRL-CHAR, code ${code})): has to be escaped using backslash to be included in string value`,
        );
    }
    const raw = this.#source.slice(start, this.#at++);
    return raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
  }

  #escape(): void {
    const character = this.#source[++this.#at];
    if (character === "u") {
      if (!/^[0-9a-fA-F]{4}$/.test(this.#source.slice(this.#at + 1, this.#at + 5)))
        throw this.fail("Unexpected character: expected a hex-digit for character escape sequence");
      this.#at += 4;
    } else if (character === undefined || !'"\\/bfnrt'.includes(character)) {
      throw this.fail(`Unrecognized character escape ${quote(character)}`);
    }
  }

  #space(): void {
    while (/^[ \t\r\n]$/.test(this.#source[this.#at] ?? "")) this.#at++;
  }

  #unexpected(wanted: string): never {
    const character = this.#source[this.#at];
    if (character === undefined) throw this.fail("Unexpected end-of-input");
    this.#at++;
    throw this.fail(`Unexpected character (${quote(character)}): was expecting ${wanted}`);
  }
}

function quote(character: string | undefined): string {
  return character === undefined ? "end-of-input" : `'${character}' (code ${character.charCodeAt(0)})`;
}
