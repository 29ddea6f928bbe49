/** What an evaluation gave, as JSON has it. */
import { put } from "../json.ts";

/** The expression gave, somewhere inside, a function. */
export class UnsupportedResult extends Error {
  override readonly name = "UnsupportedResult";
}

/**
 * The value without what only the evaluator knows: marks on arrays, accessors of `$states`, numbers that are not
 * finite, which AWS writes as strings. Parts that are fine already are shared, not copied.
 */
export function settled(value: unknown, states: object): unknown {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      break;
    case "function":
      throw new UnsupportedResult();
    default:
      return value;
  }
  if (value === null) return value;
  if (Array.isArray(value)) return settledList(value as readonly unknown[], states);
  if (JSON.isRawJSON(value)) return value;
  return settledObject(value as { readonly [key: string]: unknown }, states);
}

const MARKS = ["sequence", "cons", "keepSingleton", "outerWrapper", "tupleStream"] as const;

function settledList(list: readonly unknown[], states: object): readonly unknown[] {
  const marked = list as readonly unknown[] & { readonly [mark in (typeof MARKS)[number]]?: boolean };
  let made: unknown[] | undefined = MARKS.some((mark) => marked[mark] === true) ? [...list] : undefined;
  for (let i = 0; i < list.length; i += 1) {
    const item = settled(list[i], states);
    if (item === list[i]) continue;
    made ??= [...list];
    made[i] = item;
  }
  return made ?? list;
}

function settledObject(object: { readonly [key: string]: unknown }, states: object): object {
  if (object["_jsonata_lambda"] === true || object["_jsonata_function"] === true) throw new UnsupportedResult();
  let made: Record<string, unknown> | undefined = object === states ? { ...object } : undefined;
  for (const key of Object.keys(object)) {
    const given = object[key];
    const member = settled(given, states);
    if (member === given) continue;
    made ??= { ...object };
    if (member === undefined) delete made[key];
    else put(made, key, member);
  }
  return made ?? object;
}

/** What AWS calls the type of a value. */
export function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return JSON.isRawJSON(value) ? "number" : typeof value;
}
