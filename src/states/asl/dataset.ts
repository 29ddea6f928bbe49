/** What a Map goes through: the values of an array, or the members of an object. */
import { Datum, isObject, type JsonObject } from "./json.ts";
import type { Scope } from "./scope.ts";

/** A value of the data set; `key` is there in data sets that are objects. */
export type RawItem = { readonly value: unknown; readonly key?: string };
/** An item as ItemSelector sees it, in `$$.Map.Item`. */
export type MapItem = RawItem & { readonly index: number; readonly source: string };

/** `$$.Map.Item.Source` of items that come from the state's input. */
export const STATE_DATA = "STATE_DATA";

/** Undefined if nothing can be iterated there. */
export function dataSetOf(value: unknown): readonly RawItem[] | undefined {
  if (Array.isArray(value)) return value.map((item: unknown) => ({ value: item }));
  if (isObject(value)) return Object.entries(value).map(([key, item]) => ({ key, value: item }));
  return undefined;
}

/** The item as it is without an ItemSelector. */
export function plainItem({ key, value }: RawItem): Datum {
  return Datum.of(key === undefined ? value : { Key: key, Value: value });
}

/** The items of an inline Map, as ItemSelector makes them. */
export function inlineItems(
  read: (scope: Scope) => readonly RawItem[],
  select: ((scope: Scope) => (item: MapItem) => Datum) | undefined,
): (scope: Scope) => readonly Datum[] {
  return (scope) => {
    const items = read(scope);
    if (select === undefined) return items.map(plainItem);
    const selected = select(scope);
    return items.map((item, index) => selected({ ...item, index, source: STATE_DATA }));
  };
}

/** An inline Map runs at most 40 iterations at once. */
const CONCURRENCY_MAX = 40;

/** How many iterations of an inline Map run at once; 0 asks for as many as there can be. */
export function inlineConcurrency(wanted: ((scope: Scope) => number) | undefined): (scope: Scope) => number {
  return (scope) => {
    const limit = wanted?.(scope) ?? 0;
    return limit === 0 ? CONCURRENCY_MAX : Math.min(limit, CONCURRENCY_MAX);
  };
}

/** The scope of ItemSelector: `$$.Map.Item` exists there only. */
export function scopeOfItem(scope: Scope, { index, value, key, source }: MapItem): Scope {
  const Item: JsonObject = { Index: index, Value: value, ...(key !== undefined && { Key: key }), Source: source };
  return { ...scope, context: () => ({ ...scope.context(), Map: { Item } }) };
}
