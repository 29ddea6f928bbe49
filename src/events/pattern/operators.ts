import { parseAddress, rangeOf } from "./address.ts";
import { exactNumber } from "./number.ts";
import type { Bound, Matcher } from "./pattern.ts";
import type { JsonReader, Token } from "./reader.ts";
import { COMPLEXITY_LIMIT, complexityOf, fold, parseWildcard, TOO_COMPLEX } from "./text.ts";

/** A string of a pattern: compared as an address if it reads as one. */
export function exactMatcher(text: string): Matcher {
  const address = parseAddress(text);
  return address ? { kind: "address", text, address } : { kind: "exact", value: text };
}

export function numberMatcher(literal: string): Matcher {
  const value = exactNumber(literal);
  return value === undefined ? { kind: "literal number", text: literal } : { kind: "exact", value };
}

/** Reads `{"operator": value}`; the opening brace has been read. */
export function readMatchExpression(reader: JsonReader): Matcher {
  if (reader.next() !== "name") throw reader.fail("Match expression name not found");
  const read = OPERATORS[reader.name];
  if (!read || !Object.hasOwn(OPERATORS, reader.name)) throw reader.fail(`Unrecognized match type ${reader.name}`);
  const matcher = read(reader);
  closeExpression(reader);
  return matcher;
}

const OPERATORS: Readonly<Record<string, (reader: JsonReader) => Matcher>> = {
  exactly: (reader) => exactMatcher(wantText(reader, reader.next(), "exact match pattern must be a string")),
  prefix: (reader) => readEnd(reader, "prefix"),
  suffix: (reader) => readEnd(reader, "suffix"),
  "equals-ignore-case": (reader) => {
    const text = wantText(reader, reader.next(), "equals-ignore-case match pattern must be a string");
    return { kind: "folded", at: "whole", text, folded: fold(text) };
  },
  wildcard: (reader) => wildcard(reader, wantText(reader, reader.next(), "wildcard match pattern must be a string")),
  "anything-but": readAnythingBut,
  numeric: readNumeric,
  cidr: readCidr,
  exists: (reader) => {
    const token = reader.next();
    if (token !== "true" && token !== "false") throw reader.fail("exists match pattern must be either true or false.");
    return { kind: "exists", value: token === "true" };
  },
};

function closeExpression(reader: JsonReader): void {
  if (reader.next() !== "}") throw reader.fail("Only one key allowed in match expression");
}

function wantText(reader: JsonReader, token: Token, otherwise: string): string {
  if (token !== "string") throw reader.fail(otherwise);
  return reader.text();
}

function wildcard(reader: JsonReader, text: string): Matcher {
  const pieces = parseWildcard(text);
  if ("error" in pieces) throw reader.fail(pieces.error);
  if (complexityOf(pieces) > COMPLEXITY_LIMIT) throw reader.fail(TOO_COMPLEX);
  return { kind: "wildcard", text, pieces };
}

/** `{"prefix": "s"}` or `{"prefix": {"equals-ignore-case": "s"}}`; suffix alike. */
function readEnd(reader: JsonReader, kind: "prefix" | "suffix"): Matcher {
  const token = reader.next();
  if (token !== "{") return { kind, text: wantText(reader, token, `${kind} match pattern must be a string`) };
  if (reader.next() !== "name")
    throw reader.fail(`${kind === "prefix" ? "Prefix" : "Suffix"} expression name not found`);
  if (reader.name !== "equals-ignore-case") throw reader.fail(`Unsupported ${kind} pattern: ${reader.name}`);
  const text = wantText(reader, reader.next(), "equals-ignore-case match pattern must be a string");
  closeExpression(reader);
  return { kind: "folded", at: kind, text, folded: fold(text) };
}

function readAnythingBut(reader: JsonReader): Matcher {
  const token = reader.next();
  if (token === "{") return { kind: "anything but", of: readAnythingButExpression(reader) };
  if (token === "string") return { kind: "anything but", of: [{ kind: "exact", value: reader.text() }] };
  if (token === "number") return { kind: "anything but", of: [comparable(reader)] };
  if (token !== "[") throw reader.fail("Value of anything-but must be an array or single string/number value.");
  const of: Matcher[] = [];
  let type: Token | undefined;
  for (let element = reader.next(); element !== "]"; element = reader.next()) {
    if (element !== "string" && element !== "number")
      throw reader.fail("Inside anything but list, start|null|boolean is not supported.");
    if (type !== undefined && element !== type)
      throw reader.fail(
        "Inside anything but list, either all values are number or string, mixed type is not supported",
      );
    type = element;
    of.push(element === "string" ? { kind: "exact", value: reader.text() } : comparable(reader));
  }
  if (of.length === 0) throw reader.fail("Empty arrays are not allowed");
  return { kind: "anything but", of };
}

function comparable(reader: JsonReader): Matcher {
  return { kind: "exact", value: wantNumber(reader) };
}

/** `{"prefix" | "suffix" | "equals-ignore-case" | "wildcard": "s" or ["s", …]}` */
function readAnythingButExpression(reader: JsonReader): Matcher[] {
  if (reader.next() !== "name") throw reader.fail("Anything-But expression name not found");
  const kind = reader.name;
  if (kind !== "prefix" && kind !== "suffix" && kind !== "equals-ignore-case" && kind !== "wildcard")
    throw reader.fail(`Unsupported anything-but pattern: ${kind}`);
  const of: Matcher[] = [];
  const add = (token: Token): void => {
    const text = wantText(reader, token, `${kind} match pattern must be a string`);
    if (kind === "wildcard") of.push(wildcard(reader, text));
    else if (kind === "equals-ignore-case") of.push({ kind: "folded", at: "whole", text, folded: fold(text) });
    else if (text === "") throw reader.fail("Null prefix/suffix not allowed");
    else of.push({ kind, text });
  };
  const token = reader.next();
  if (token === "[") {
    for (let element = reader.next(); element !== "]"; element = reader.next()) add(element);
    if (of.length === 0) throw reader.fail("Empty arrays are not allowed");
  } else add(token);
  closeExpression(reader);
  return of;
}

function wantNumber(reader: JsonReader): number {
  const value = exactNumber(reader.number);
  if (value === undefined) throw reader.fail(`Cannot compare number : ${reader.number}`);
  return value;
}

function readNumeric(reader: JsonReader): Matcher {
  if (reader.next() !== "[") throw reader.fail("Value of numeric must be an array.");
  const first = readComparison(reader, reader.next());
  let upper: Comparison | undefined;
  const next = reader.next();
  if (next !== "]") {
    if (!first.operator.startsWith(">")) throw reader.fail("Bad numeric range operator");
    upper = readComparison(reader, next);
    if (!upper.operator.startsWith("<")) throw reader.fail("Bad numeric range operator");
    if (first.bound.value >= upper.bound.value) throw reader.fail("Bottom must be less than top");
    if (reader.next() !== "]") throw reader.fail("Bad numeric range operator");
  }
  const below = first.operator.startsWith("<");
  return {
    kind: "numeric",
    text: upper ? `${first.text} and ${upper.text}` : first.text,
    lower: below ? undefined : first.bound,
    upper: below || first.operator === "=" ? first.bound : upper?.bound,
  };
}

type Comparison = { readonly operator: string; readonly bound: Bound; readonly text: string };

function readComparison(reader: JsonReader, token: Token): Comparison {
  if (token !== "string") throw reader.fail(`Invalid member in numeric match: ${shown(reader, token)}`);
  const operator = reader.text();
  if (!["<", "<=", "=", ">", ">="].includes(operator))
    throw reader.fail(`Invalid member in numeric match: ${operator}`);
  const value = reader.next();
  if (value !== "number") throw reader.fail(`Invalid member in numeric match: ${shown(reader, value)}`);
  return {
    operator,
    bound: { value: wantNumber(reader), inclusive: operator.includes("=") },
    text: `${operator} ${reader.number}`,
  };
}

function shown(reader: JsonReader, token: Token): string {
  return token === "string" ? reader.text() : token === "number" ? reader.number : token;
}

function readCidr(reader: JsonReader): Matcher {
  const text = wantText(reader, reader.next(), "cidr match pattern must be a string");
  const [literal = "", mask, more] = text.split("/");
  if (mask === undefined || more !== undefined) throw reader.fail("Malformed CIDR, one '/' required");
  if (!/^[+-]?\d{1,9}$/.test(mask)) throw reader.fail("Malformed CIDR, mask bits must be an integer");
  const maskBits = Number(mask);
  if (maskBits < 0) throw reader.fail("Malformed CIDR, mask bits must not be negative");
  const address = parseAddress(literal);
  if (!address) throw reader.fail(`Nonstandard IP address: ${literal}`);
  // AWS really refuses a mask that covers the whole address.
  if (maskBits >= address.bits)
    throw reader.fail(`IPv${address.bits === 32 ? 4 : 6} mask bits must be < ${address.bits}`);
  return { kind: "cidr", text, range: rangeOf(address, maskBits) };
}
