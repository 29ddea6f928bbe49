/** The data fields of Map in JSONata: Items, ItemSelector, templates and numbers. */
import { QueryFailure } from "../failure.ts";
import { Datum, isObject, numberOf, printJson, type JsonObject } from "../json.ts";
import type { Scope } from "../scope.ts";
import { compileDatum, compileField, compileTyped } from "./field.ts";

/** An inline Map runs at most 40 iterations at once. */
const CONCURRENCY_MAX = 40;

/** A value of the data set; `key` is there in data sets that are objects. */
type RawItem = { readonly value: unknown; readonly key?: string };
/** An item as ItemSelector sees it. */
type MapItem = RawItem & { readonly index: number; readonly source: string };

/** The items of an inline Map, as ItemSelector makes them. */
export function jsonataItems(state: JsonObject): (scope: Scope) => readonly Datum[] {
  const read = jsonataDataSet(state);
  const select = jsonataItemSelector(state);
  return (scope) => {
    const items = read(scope);
    if (select === undefined)
      return items.map(({ key, value }) => Datum.of(key === undefined ? value : { Key: key, Value: value }));
    const selected = select(scope);
    return items.map((item, index) => selected({ ...item, index, source: "STATE_DATA" }));
  };
}

/** What there is to iterate: of an array, or of an object with its keys. Without Items it is the state's input. */
export function jsonataDataSet(state: JsonObject): (scope: Scope) => readonly RawItem[] {
  if (state["Items"] !== undefined) {
    const evaluate = compileTyped(state["Items"], "Items", "array", listed);
    return (scope) => evaluate({ scope });
  }
  return ({ input }) => {
    const items = listed(input.value);
    if (items !== undefined) return items;
    throw new QueryFailure(`Map state input must be an array but was: ${printJson(input.value)}`);
  };
}

function listed(value: unknown): readonly RawItem[] | undefined {
  if (Array.isArray(value)) return value.map((item: unknown) => ({ value: item }));
  return isObject(value) ? Object.entries(value).map(([key, member]) => ({ key, value: member })) : undefined;
}

/** ItemSelector: `$states.context.Map.Item` is the item, `$states.input` the state's input. */
export function jsonataItemSelector(state: JsonObject): ((scope: Scope) => (item: MapItem) => Datum) | undefined {
  const selector = state["ItemSelector"];
  if (selector === undefined) return undefined;
  const evaluate = compileDatum(selector, "ItemSelector");
  return (scope) => {
    let around: JsonObject | undefined;
    return ({ index, key, value, source }) => {
      const Item = { Index: index, Value: value, ...(key !== undefined && { Key: key }), Source: source };
      const context = (): JsonObject => ({ ...(around ??= scope.context()), Map: { Item } });
      return evaluate({ scope: { ...scope, context } });
    };
  };
}

/** A template among a Map's fields; `at` is its place in the state. */
export function jsonataTemplate(_state: JsonObject, template: unknown, at: string): (scope: Scope) => unknown {
  const evaluate = compileField(template, at);
  return (scope) => evaluate({ scope });
}

/** A number among a Map's fields, not negative; undefined where there is none. */
export function jsonataMapNumber(
  _state: JsonObject,
  fields: JsonObject,
  field: string,
  kind: "integer" | "float",
): ((scope: Scope) => number) | undefined {
  if (fields[field] === undefined) return undefined;
  const evaluate = compileTyped(fields[field], field, "number", numberOf);
  return (scope) => {
    const value = evaluate({ scope });
    if (value < 0) throw new QueryFailure(`${field} cannot be negative.`, field, "late");
    if (kind === "float" || Number.isInteger(value)) return value;
    throw new QueryFailure(`The ${field} field must be an integer but was: ${value}`, field, "late");
  };
}

export function jsonataConcurrency(state: JsonObject): (scope: Scope) => number {
  const wanted = jsonataMapNumber(state, state, "MaxConcurrency", "integer");
  return (scope) => {
    const limit = wanted?.(scope) ?? 0;
    return limit === 0 ? CONCURRENCY_MAX : Math.min(limit, CONCURRENCY_MAX);
  };
}
