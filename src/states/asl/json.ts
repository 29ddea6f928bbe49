/**
 * JSON that loses nothing. A value is what JSON.parse gives, except that a number whose text would not survive
 * (`1.0`, `10000000000000001`) is kept as `JSON.rawJSON(text)`, which JSON.stringify prints as it was.
 * Values are immutable: whoever changes one makes a new one.
 */

declare global {
  interface JSON {
    rawJSON(text: string): RawNumber;
    isRawJSON(value: unknown): value is RawNumber;
  }
}

/** A number that has no exact double. */
export type RawNumber = { readonly rawJSON: string };
export type JsonObject = { readonly [key: string]: unknown };

/**
 * A number token that may print differently than it was written: a fraction ending in zero, an exponent, more than 15
 * digits, minus zero. It may also match inside a string, which only costs the slow parser.
 */
const SUSPICIOUS =
  /(?:^|[:,[\s])-?(?:\d[\d.]{15,}|0\.0{6}\d*|\d+\.\d*0|\d+(?:\.\d+)?[eE][+-]?\d+|0(?<=-0))\s*(?:[,\]}]|$)/;

/** Parses JSON text; throws a SyntaxError. */
export function parseJson(text: string): unknown {
  if (!SUSPICIOUS.test(text)) return JSON.parse(text) as unknown;
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number" || context?.source === undefined) return value;
    return String(value) === context.source ? value : JSON.rawJSON(context.source);
  }) as unknown;
}

/** Compact JSON text. */
export function printJson(value: unknown): string {
  return JSON.stringify(value);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

/** The double nearest to a number, or undefined if the value is none. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return JSON.isRawJSON(value) ? Number(value.rawJSON) : undefined;
}

/** Order of two numbers; integers are compared exactly, however long. Undefined unless both are numbers. */
export function compareNumbers(left: unknown, right: unknown): number | undefined {
  const a = numberOf(left);
  const b = numberOf(right);
  if (a === undefined || b === undefined) return undefined;
  if (typeof left !== "number" || typeof right !== "number") {
    const [x, y] = [integerOf(left), integerOf(right)];
    if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function integerOf(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : undefined;
  const text = JSON.isRawJSON(value) ? value.rawJSON : "";
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

/** Deep equality; 1 equals 1.0, and the order of keys carries no meaning. */
export function equalJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (numberOf(left) !== undefined) return compareNumbers(left, right) === 0;
  if (Array.isArray(left)) {
    return Array.isArray(right) && left.length === right.length && left.every((item, i) => equalJson(item, right[i]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && equalJson(left[key], right[key]));
}

/** A text that equal values share: keys in order, numbers in one form. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (isObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(value[key])}`).join(",")}}`;
  }
  const number = numberOf(value);
  return number === undefined ? printJson(value) : String(integerOf(value) ?? number);
}

/** Sets a key even if it is `__proto__`. */
export function put(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/** A value that the validator has found to be a string. */
export function textOf(value: unknown): string {
  if (typeof value !== "string") throw new Error("a definition that was not validated");
  return value;
}

/** JSON that is parsed when its value is looked at and printed when its text is needed, each at most once. */
export class Datum {
  #text: string | undefined;
  #value: unknown;
  #parsed: boolean;
  #doubles: unknown;
  private constructor(text: string | undefined, value: unknown, parsed: boolean) {
    this.#text = text;
    this.#value = value;
    this.#parsed = parsed;
  }
  static ofText(text: string): Datum {
    return new Datum(text, undefined, false);
  }
  static of(value: unknown): Datum {
    return new Datum(undefined, value, true);
  }
  get text(): string {
    return (this.#text ??= printJson(this.#value));
  }
  get value(): unknown {
    if (!this.#parsed) {
      this.#value = parseJson(this.#text ?? "null");
      this.#parsed = true;
    }
    return this.#value;
  }
  /** The value with a double for each number, as far as doubles go. */
  get doubles(): unknown {
    if (this.#doubles === undefined) {
      const exact = this.#text !== undefined && !SUSPICIOUS.test(this.#text);
      this.#doubles = exact ? this.value : withDoubles(this.value);
    }
    return this.#doubles;
  }
}

/** A double for each number that has none. Parts in which nothing changes are shared. */
export function withDoubles(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (JSON.isRawJSON(value)) return Number(value.rawJSON);
  if (Array.isArray(value)) {
    const items = value.map(withDoubles);
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  const given = Object.entries(value);
  const members = given.map(([key, member]): [string, unknown] => [key, withDoubles(member)]);
  return members.every(([, member], i) => member === given[i]?.[1]) ? value : Object.fromEntries(members);
}

/** True if the text has more bytes in UTF-8 than the limit. */
export function exceedsBytes(text: string, limit: number): boolean {
  if (text.length > limit) return true;
  return text.length * 3 > limit && Buffer.byteLength(text) > limit;
}
