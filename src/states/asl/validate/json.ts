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

type Open = { readonly close: "}" | "]"; readonly at: number };

/** Walks the text until it stops being JSON. */
class Scanner {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  problem(): [message: string, at: number] {
    const open: Open[] = [];
    let expects: "value" | "key" | "key or end" | "value or end" | "colon" | "comma" = "value";
    for (;;) {
      this.#at += /^[ \t\r\n]*/.exec(this.#text.slice(this.#at))?.[0].length ?? 0;
      const character = this.#text[this.#at];
      const inside = open.at(-1);
      if (character === undefined) return [this.#endOfInput(inside), this.#at];
      const mayClose = expects === "comma" || expects.endsWith("or end");
      if ((character === "}" || character === "]") && inside !== undefined && mayClose) {
        if (character !== inside.close) return this.#wrongClose(character, inside);
        open.pop();
        this.#at += 1;
        expects = "comma";
      } else if (expects === "key" || expects === "key or end") {
        if (character !== '"') return this.#unexpected("was expecting double-quote to start field name");
        const problem = this.#string("Unexpected end-of-input in field name");
        if (problem !== undefined) return problem;
        expects = "colon";
      } else if (expects === "colon") {
        if (character !== ":") return this.#unexpected("was expecting a colon to separate field name and value");
        this.#at += 1;
        expects = "value";
      } else if (expects === "comma" && inside !== undefined) {
        const kind = nameOf(inside);
        if (character !== ",") return this.#unexpected(`was expecting comma to separate ${kind} entries`);
        this.#at += 1;
        expects = inside.close === "}" ? "key" : "value";
      } else if (expects !== "comma" && (character === "{" || character === "[")) {
        open.push({ close: character === "{" ? "}" : "]", at: this.#at });
        this.#at += 1;
        expects = character === "{" ? "key or end" : "value or end";
      } else {
        const problem = expects === "comma" ? this.#noValue() : this.#scalar(character);
        if (problem !== undefined) return problem;
        expects = "comma";
      }
    }
  }

  #scalar(character: string): [string, number] | undefined {
    if (character === '"')
      return this.#string("Unexpected end-of-input: was expecting closing quote for a string value");
    const rest = this.#text.slice(this.#at);
    const known = /^(?:null|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w$.])/.exec(rest);
    if (known !== null) {
      this.#at += known[0].length;
      return undefined;
    }
    if (/^-?0\d/.test(rest)) return ["Invalid numeric value: Leading zeroes not allowed", this.#at + 2];
    return this.#noValue();
  }

  #noValue(): [string, number] {
    const word = /^[A-Za-z_$][\w$]*/.exec(this.#text.slice(this.#at))?.[0];
    if (word === undefined) return this.#unexpected(`expected a valid value ${EXPECTED}`);
    return [`Unrecognized token '${word}': was expecting ${EXPECTED}`, this.#at + word.length];
  }

  /** Goes past a string, or says what is wrong within. */
  #string(unfinished: string): [string, number] | undefined {
    for (this.#at += 1; ; this.#at += 1) {
      const character = this.#text[this.#at];
      if (character === undefined) return [unfinished, this.#at];
      const code = character.charCodeAt(0);
      if (character === '"') {
        this.#at += 1;
        return undefined;
      }
      if (code < 0x20) {
        const what = `Illegal unquoted character ((CTRL-CHAR, code ${code}))`;
        return [`${what}: has to be escaped using backslash to be included in string value`, this.#at + 1];
      }
      if (character !== "\\") continue;
      this.#at += 1;
      const escaped = this.#text[this.#at];
      if (escaped === undefined) return [unfinished, this.#at];
      if (!'"\\/bfnrtu'.includes(escaped))
        return [`Unrecognized character escape '${escaped}' (code ${escaped.charCodeAt(0)})`, this.#at + 1];
      if (escaped !== "u") continue;
      const digits = /^[0-9a-fA-F]{0,4}/.exec(this.#text.slice(this.#at + 1))?.[0].length ?? 0;
      if (digits < 4) {
        this.#at += digits + 1;
        return this.#unexpected("expected a hex-digit for character escape sequence");
      }
    }
  }

  #endOfInput(inside: Open | undefined): string {
    if (inside === undefined) return "No content to map due to end-of-input";
    const marker = locate(this.#text, inside.at);
    return `Unexpected end-of-input: expected close marker for ${nameOf(inside)} (start marker at ${marker})`;
  }

  #wrongClose(character: string, inside: Open): [string, number] {
    const start = locate(this.#text, inside.at);
    const wanted = `expected '${inside.close}' (for ${nameOf(inside)} starting at ${start})`;
    return [`Unexpected close marker '${character}': ${wanted}`, this.#at + 1];
  }

  #unexpected(wanted: string): [string, number] {
    const character = this.#text[this.#at] ?? "";
    return [`Unexpected character ('${character}' (code ${character.codePointAt(0) ?? 0})): ${wanted}`, this.#at + 1];
  }
}

function nameOf({ close }: Open): string {
  return close === "}" ? "Object" : "Array";
}
