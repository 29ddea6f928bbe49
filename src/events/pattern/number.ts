/**
 * Numbers of patterns and events are binary64. One that does not survive the trip to double and back (a 20-digit id)
 * is kept as its literal text and can only match that text.
 */

/** A number kept as text, as `JSON.rawJSON` makes it: it stringifies to itself. */
export type RawNumber = { readonly rawJSON: string };

type RawJson = { rawJSON(text: string): RawNumber; isRawJSON(value: unknown): boolean };
const json = JSON as unknown as RawJson;

/** The number a literal stands for, or undefined if a double cannot hold it exactly enough to give it back. */
export function exactNumber(literal: string): number | undefined {
  const value = Number(literal);
  if (!Number.isFinite(value)) return undefined;
  if (literal.length <= 15) return value;
  return decimal(literal) === decimal(String(value)) ? value : undefined;
}

/** Digits without leading and trailing zeros, and the power of ten: the same for equal decimals. */
function decimal(literal: string): string {
  const found = /^(-?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(literal);
  if (!found) return literal;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = found;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + (digits.length - significant.length)}`;
}

/** Parses JSON text, keeping numbers that a double would change as raw numbers. Throws SyntaxError as `JSON.parse` does. */
export function parseKeepingNumbers(text: string): unknown {
  if (!/[\d.]{16}|\d[eE][+-]?\d{3}/.test(text)) return JSON.parse(text) as unknown;
  type Revive = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;
  const parse = JSON.parse as (text: string, reviver: Revive) => unknown;
  return parse(text, function (_key, value, context) {
    if (typeof value !== "number" || context.source === undefined) return value;
    return exactNumber(context.source) === undefined ? json.rawJSON(context.source) : value;
  });
}

export function isRawNumber(value: unknown): value is RawNumber {
  return typeof value === "object" && value !== null && json.isRawJSON(value);
}
