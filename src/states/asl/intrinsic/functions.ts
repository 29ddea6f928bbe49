/** The 18 intrinsic functions. */
import { createHash } from "node:crypto";
import { canonicalText, equalJson, isObject, numberOf, parseJson, printJson } from "../json.ts";
import type { Scope } from "../scope.ts";
import { javaRandomInteger } from "./random.ts";

/** Thrown by a function that cannot work with its arguments; the message is the reason that AWS puts after the call. */
export class IntrinsicError extends Error {
  override readonly name = "IntrinsicError";
  readonly reason: string | undefined;
  constructor(reason: string | undefined) {
    super(reason);
    this.reason = reason;
  }
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

/** Without a reason AWS only says that the arguments are invalid, whatever is wrong with their kind or range. */
function fail(reason?: string): never {
  throw new IntrinsicError(reason);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : fail();
}

function boundedText(value: unknown): string {
  const given = text(value);
  return given.length <= TEXT_MAX ? given : fail();
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : fail();
}

function number(value: unknown): number {
  return numberOf(value) ?? fail();
}

/** A 32-bit integer; fractions are rounded as Java's Math.round does. */
function integer(value: unknown): number {
  const rounded = Math.floor(number(value) + 0.5);
  return rounded >= INTEGER_MIN && rounded <= INTEGER_MAX ? rounded : fail();
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
  const template = text(values[0]);
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
      if (used >= values.length) fail();
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
  return used === values.length ? out : fail();
}

function partition(values: readonly unknown[]): unknown[] {
  const items = list(values[0]);
  const size = integer(values[1]);
  if (size < 1) fail();
  const chunks: unknown[] = [];
  for (let i = 0; i < items.length; i += size) chunks.push(items.slice(i, i + size));
  return chunks;
}

function range(values: readonly unknown[]): number[] {
  const [start, end, step] = [integer(values[0]), integer(values[1]), integer(values[2])];
  if (step === 0) fail();
  const count = Math.max(0, Math.floor((end - start) / step) + 1);
  if (count > RANGE_MAX) fail();
  return Array.from({ length: count }, (_, i) => start + i * step);
}

function item(values: readonly unknown[]): unknown {
  const items = list(values[0]);
  const index = Math.trunc(number(values[1]));
  if (items.length === 0) return null;
  return index >= 0 && index < items.length ? items[index] : fail();
}

function unique(values: readonly unknown[]): unknown[] {
  const kept = new Map<string, unknown>();
  for (const value of list(values[0])) {
    const key = canonicalText(value);
    if (!kept.has(key)) kept.set(key, value);
  }
  return [...kept.values()];
}

function decode(values: readonly unknown[]): string {
  const given = boundedText(values[0]);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(given)) fail();
  return Buffer.from(given, "base64").toString("utf8");
}

function hash(values: readonly unknown[]): string {
  const data = typeof values[0] === "string" ? values[0] : printJson(values[0]);
  if (data.length > TEXT_MAX) fail();
  const algorithm = text(values[1]);
  if (!["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"].includes(algorithm)) fail();
  return createHash(algorithm.replace("-", "").toLowerCase()).update(data).digest("hex");
}

function merge(values: readonly unknown[]): unknown {
  const [left, right, deep] = values;
  if (!isObject(left) || !isObject(right)) return fail();
  if (typeof deep !== "boolean") fail();
  if (deep) fail();
  return { ...left, ...right };
}

function random(values: readonly unknown[], scope: Pick<Scope, "random">): number {
  const [start, end] = [integer(values[0]), integer(values[1])];
  if (end <= start) fail();
  if (values.length < 3) return start + Math.floor(scope.random() * (end - start));
  return javaRandomInteger(integer(values[2]), start, end);
}

function add(values: readonly unknown[]): number {
  const sum = integer(values[0]) + integer(values[1]);
  return sum >= INTEGER_MIN && sum <= INTEGER_MAX ? sum : fail();
}

function split(values: readonly unknown[]): string[] {
  const separators = new Set(text(values[1]));
  const pieces: string[] = [];
  let piece = "";
  for (const character of text(values[0])) {
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
  const given = text(values[0]);
  try {
    return parseJson(given);
  } catch {
    return fail();
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
      apply: ([items, value]) => list(items).some((other) => equalJson(other, value)),
    },
  ],
  ["ArrayRange", { least: 3, most: 3, apply: range }],
  ["ArrayGetItem", { least: 2, most: 2, apply: item }],
  ["ArrayLength", { least: 1, most: 1, apply: ([items]) => list(items).length }],
  ["ArrayUnique", { least: 1, most: 1, apply: unique }],
  ["Base64Encode", { least: 1, most: 1, apply: ([value]) => Buffer.from(boundedText(value)).toString("base64") }],
  ["Base64Decode", { least: 1, most: 1, apply: decode }],
  ["Hash", { least: 2, most: 2, apply: hash }],
  ["JsonMerge", { least: 3, most: 3, apply: merge }],
  ["MathRandom", { least: 2, most: 3, apply: random }],
  ["MathAdd", { least: 2, most: 2, apply: add }],
  ["StringSplit", { least: 2, most: 2, apply: split }],
  ["UUID", { least: 0, most: 0, apply: (_values, scope) => scope.uuid() }],
]);
