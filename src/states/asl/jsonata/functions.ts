/** The functions that AWS adds to JSONata, and those of JSONata that ask for time and chance. */
import { createHash } from "node:crypto";
import { javaRandomDouble } from "../intrinsic/random.ts";
import type { Library } from "./library.ts";
import { outOfMemory, UncodedError, type Usage } from "./meter.ts";

/** Time, chance and identity of the evaluation under way. */
export type Surroundings = { readonly now: number; readonly random: () => number; readonly uuid: () => string };

/** AWS: `$range(1,360145,1)` passes, one more does not. */
const RANGE_MAX = 360_145;
/** The algorithms by the only spelling that AWS takes. */
const ALGORITHMS: ReadonlyMap<unknown, string> = new Map([
  ["MD5", "md5"],
  ["SHA-1", "sha1"],
  ["SHA-256", "sha256"],
  ["SHA-384", "sha384"],
  ["SHA-512", "sha512"],
]);

/** Functions by name, defined in the library; `current` is asked at each call. */
export function stepFunctions(
  library: Library,
  usage: Usage,
  current: () => Surroundings,
): ReadonlyMap<string, unknown> {
  const define: Library["defineFunction"] = (implementation, signature) =>
    library.defineFunction(implementation, signature);
  return new Map<string, unknown>([
    ["partition", define(partition, "<an?:a>")],
    [
      "range",
      define(
        (first: number, last: number, step: number) => library.sequence(range(usage, [first, last, step])),
        "<n?n?n?:a>",
      ),
    ],
    ["hash", define(hash, "<xs?:s>")],
    [
      "random",
      define(
        (seed?: number) => (seed === undefined ? current().random() : javaRandomDouble(Math.trunc(seed))),
        "<n?:n>",
      ),
    ],
    ["uuid", define(() => current().uuid(), "<:s>")],
    ["parse", define(parse, "<s-:x>")],
    ["now", define((picture?: string, zone?: string) => library.fromMillis(current().now, picture, zone), "<s?s?:s>")],
    ["millis", define(() => current().now, "<:n>")],
    ["join", boundedJoin(library, usage)],
    // The library looks for these two in the surroundings that it does not have.
    ["base64encode", define((text?: string) => text && Buffer.from(text).toString("base64"), "<s-:s>")],
    ["base64decode", define(decodeBase64, "<s-:s>")],
    // AWS documents it as the one exception: "$eval is not supported".
    ["eval", undefined],
  ]);
}

function partition(items: readonly unknown[] | undefined, given: number | undefined): unknown {
  const size = Math.trunc(given ?? 0);
  if (items === undefined || !(size > 0)) return undefined;
  const chunks: unknown[] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}

/** The end is included; fractions are cut off. Empty where a bound or the step is missing. */
function range(usage: Usage, bounds: readonly (number | undefined)[]): readonly number[] {
  const [first = Number.NaN, last = Number.NaN, step = Number.NaN] = bounds.map((bound) =>
    Math.trunc(bound ?? Number.NaN),
  );
  const count = Math.floor((last - first) / step) + 1;
  if (step === 0 || !(count > 0)) return [];
  if (count > RANGE_MAX) throw outOfMemory();
  usage.elements(count);
  return Array.from({ length: count }, (_, i) => first + i * step);
}

function hash(content: unknown, algorithm: string | undefined): string | undefined {
  if (content === undefined || algorithm === undefined) return undefined;
  const name = ALGORITHMS.get(algorithm);
  if (name === undefined) throw new UncodedError(`Unsupported hash algorithm: ${algorithm}`);
  return createHash(name)
    .update(typeof content === "string" ? content : JSON.stringify(content))
    .digest("hex");
}

function decodeBase64(text: string | undefined): string | undefined {
  if (text !== undefined && !/^(?:[\w+/-]{4})*(?:[\w+/-]{2,3}={0,2})?$/.test(text)) throw new TypeError("not base64");
  return text && Buffer.from(text, "base64").toString();
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UncodedError(`Unable to parse JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

type Builtin = { readonly implementation: (items: unknown, separator: unknown) => unknown };

/** `$join` could make a text far larger than all that it was given. The library reads the names of its parameters. */
function boundedJoin(library: Library, usage: Usage): unknown {
  const original = library.builtins.lookup("join") as Builtin;
  return {
    ...original,
    implementation(items: unknown, separator: unknown): unknown {
      if (Array.isArray(items) && typeof separator === "string") usage.characters(separator.length * items.length);
      return original.implementation(items, separator);
    },
  };
}
