/** The 18 intrinsic functions. */
import { createHash } from "node:crypto";
import { canonicalText, equalJson, isObject, numberOf, parseJson, printJson } from "../json.ts";
import type { Scope } from "../scope.ts";
import { javaRandomInteger } from "./random.ts";

/** Thrown by a function that cannot work with its arguments; the message is the reason that AWS puts after the call. */
export class IntrinsicError extends Error {
  override readonly name = "IntrinsicError";
}

type Intrinsic = {
  readonly least: number;
  readonly most: number;
  readonly apply: (values: readonly unknown[], scope: Pick<Scope, "random" | "uuid">) => unknown;
};

const RANGE_MAX = 1000;
const TEXT_MAX = 10_000;
const INTEGER_MAX = 2 ** 31 - 1;
const INTEGER_MIN = -(2 ** 31);

function fail(reason: string): never {
  throw new IntrinsicError(reason);
}

function text(value: unknown, what: string): string {
  return typeof value === "string" ? value : fail(`${what} must be a string`);
}

function boundedText(value: unknown, what: string): string {
  const given = text(value, what);
  return given.length <= TEXT_MAX ? given : fail(`${what} must have at most ${TEXT_MAX} characters`);
}

function list(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : fail(`${what} must be an array`);
}

function number(value: unknown, what: string): number {
  return numberOf(value) ?? fail(`${what} must be a number`);
}

/** A 32-bit integer; fractions are rounded as Java's Math.round does. */
function integer(value: unknown, what: string): number {
  const rounded = Math.floor(number(value, what) + 0.5);
  return rounded >= INTEGER_MIN && rounded <= INTEGER_MAX
    ? rounded
    : fail(`${what} must be between ${INTEGER_MIN} and ${INTEGER_MAX}`);
}

/** A value as Java prints it: AWS formats objects as `{a=1, b=[x, y]}`. */
function javaText(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(javaText).join(", ")}]`;
  if (!isObject(value)) return printJson(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}=${javaText(inner)}`)
    .join(", ")}}`;
}

/** States.Format: `{}` takes the next argument, `\{`, `\}` and `\\` are literal. */
function format(values: readonly unknown[]): string {
  const template = text(values[0], "The first argument");
  let out = "";
  let used = 1;
  for (let i = 0; i < template.length; i += 1) {
    const character = template[i];
    if (character === "\\") {
      i += 1;
      const next = template[i] ?? "";
      out += next === "{" || next === "}" || next === "\\" ? next : `\\${next}`;
    } else if (character === "{") {
      if (template[i + 1] !== "}") fail("Invalid template in States.Format: matching '}' not found for '{'.");
      if (used >= values.length)
        fail("The number of arguments to States.Format does not match the number of {} in its template");
      const value = values[used];
      out += javaText(value);
      used += 1;
      i += 1;
    } else if (character === "}") {
      fail("Invalid template in States.Format: matching '{' not found for '}'.");
    } else {
      out += character;
    }
  }
  return used === values.length
    ? out
    : fail("The number of arguments to States.Format does not match the number of {} in its template");
}

function partition(values: readonly unknown[]): unknown[] {
  const items = list(values[0], "The first argument");
  const size = integer(values[1], "The chunk size");
  if (size < 1) fail("The chunk size must be a positive integer");
  const chunks: unknown[] = [];
  for (let i = 0; i < items.length; i += size) chunks.push(items.slice(i, i + size));
  return chunks;
}

function range(values: readonly unknown[]): number[] {
  const [start, end, step] = [
    integer(values[0], "The start"),
    integer(values[1], "The end"),
    integer(values[2], "The increment"),
  ];
  if (step === 0) fail("The increment must not be zero");
  const count = Math.max(0, Math.floor((end - start) / step) + 1);
  if (count > RANGE_MAX) fail(`The range must have at most ${RANGE_MAX} items`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

function item(values: readonly unknown[]): unknown {
  const items = list(values[0], "The first argument");
  const index = Math.trunc(number(values[1], "The index"));
  if (items.length === 0) return null;
  return index >= 0 && index < items.length
    ? items[index]
    : fail(`The index ${index} is out of bounds for an array of length ${items.length}`);
}

function unique(values: readonly unknown[]): unknown[] {
  const kept = new Map<string, unknown>();
  for (const value of list(values[0], "The first argument")) {
    const key = canonicalText(value);
    if (!kept.has(key)) kept.set(key, value);
  }
  return [...kept.values()];
}

function decode(values: readonly unknown[]): string {
  const given = boundedText(values[0], "The argument");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(given)) fail("The argument is not valid Base64");
  return Buffer.from(given, "base64").toString("utf8");
}

function hash(values: readonly unknown[]): string {
  const data = typeof values[0] === "string" ? values[0] : printJson(values[0]);
  if (data.length > TEXT_MAX) fail(`The data must have at most ${TEXT_MAX} characters`);
  const algorithm = text(values[1], "The algorithm");
  if (!["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"].includes(algorithm))
    fail(`The algorithm ${algorithm} is not supported`);
  return createHash(algorithm.replace("-", "").toLowerCase()).update(data).digest("hex");
}

function merge(values: readonly unknown[]): unknown {
  const [left, right, deep] = values;
  if (!isObject(left) || !isObject(right)) return fail("The first and the second argument must be objects");
  if (typeof deep !== "boolean") fail("The third argument must be a boolean");
  if (deep) fail("Deep merging is not supported: the third argument must be false");
  return { ...left, ...right };
}

function random(values: readonly unknown[], scope: Pick<Scope, "random">): number {
  const [start, end] = [integer(values[0], "The start"), integer(values[1], "The end")];
  if (end <= start) fail("The end must be greater than the start");
  if (values.length < 3) return start + Math.floor(scope.random() * (end - start));
  return javaRandomInteger(integer(values[2], "The seed"), start, end);
}

function add(values: readonly unknown[]): number {
  const sum = integer(values[0], "The first argument") + integer(values[1], "The second argument");
  return sum >= INTEGER_MIN && sum <= INTEGER_MAX ? sum : fail("The sum is out of the range of an integer");
}

function split(values: readonly unknown[]): string[] {
  const separators = new Set(text(values[1], "The second argument"));
  const pieces: string[] = [];
  let piece = "";
  for (const character of text(values[0], "The first argument")) {
    if (!separators.has(character)) {
      piece += character;
    } else {
      if (piece !== "") pieces.push(piece);
      piece = "";
    }
  }
  if (piece !== "") pieces.push(piece);
  return pieces;
}

function parse(values: readonly unknown[]): unknown {
  const given = text(values[0], "The argument");
  try {
    return parseJson(given);
  } catch {
    return fail(`The argument is not valid JSON: ${given}`);
  }
}

export const functions: ReadonlyMap<string, Intrinsic> = new Map<string, Intrinsic>([
  ["Format", { least: 1, most: Infinity, apply: format }],
  ["StringToJson", { least: 1, most: 1, apply: parse }],
  ["JsonToString", { least: 1, most: 1, apply: ([value]) => printJson(value) }],
  ["Array", { least: 0, most: Infinity, apply: (values) => values }],
  ["ArrayPartition", { least: 2, most: 2, apply: partition }],
  [
    "ArrayContains",
    {
      least: 2,
      most: 2,
      apply: ([items, value]) => list(items, "The first argument").some((other) => equalJson(other, value)),
    },
  ],
  ["ArrayRange", { least: 3, most: 3, apply: range }],
  ["ArrayGetItem", { least: 2, most: 2, apply: item }],
  ["ArrayLength", { least: 1, most: 1, apply: ([items]) => list(items, "The argument").length }],
  ["ArrayUnique", { least: 1, most: 1, apply: unique }],
  [
    "Base64Encode",
    { least: 1, most: 1, apply: ([value]) => Buffer.from(boundedText(value, "The argument")).toString("base64") },
  ],
  ["Base64Decode", { least: 1, most: 1, apply: decode }],
  ["Hash", { least: 2, most: 2, apply: hash }],
  ["JsonMerge", { least: 3, most: 3, apply: merge }],
  ["MathRandom", { least: 2, most: 3, apply: random }],
  ["MathAdd", { least: 2, most: 2, apply: add }],
  ["StringSplit", { least: 2, most: 2, apply: split }],
  ["UUID", { least: 0, most: 0, apply: (_values, scope) => scope.uuid() }],
]);
