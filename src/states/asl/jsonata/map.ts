/** The data fields of Map in JSONata: Items, ItemSelector, MaxConcurrency. */
import { QueryFailure } from "../failure.ts";
import { Datum, isObject, numberOf, printJson, type JsonObject } from "../json.ts";
import type { Scope } from "../scope.ts";
import { compileDatum, compileTyped } from "./field.ts";

/** An inline Map runs at most 40 iterations at once. */
const CONCURRENCY_MAX = 40;

type Item = { readonly Index: number; readonly Key?: string; readonly Value: unknown };

export function jsonataItems(state: JsonObject): (scope: Scope) => readonly Datum[] {
  const read = itemsOf(state);
  const selector = state["ItemSelector"];
  const select = selector === undefined ? undefined : compileDatum(selector, "ItemSelector");
  return (scope) => {
    const items = read(scope);
    if (select === undefined)
      return items.map(({ Key, Value }) => Datum.of(Key === undefined ? Value : { Key, Value }));
    return items.map((item) => {
      const context = (): JsonObject => ({ ...scope.context(), Map: { Item: item } });
      return select({ scope: { ...scope, context } });
    });
  };
}

/** The items: of an array, or of an object with their keys. Without Items it is the state's input. */
function itemsOf(state: JsonObject): (scope: Scope) => readonly Item[] {
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

function listed(value: unknown): readonly Item[] | undefined {
  if (Array.isArray(value)) return value.map((item: unknown, i) => ({ Index: i, Value: item }));
  if (!isObject(value)) return undefined;
  return Object.entries(value).map(([key, member], i) => ({ Index: i, Key: key, Value: member }));
}

export function jsonataConcurrency(state: JsonObject): (scope: Scope) => number {
  const bound = (wanted: number): number => (wanted === 0 ? CONCURRENCY_MAX : Math.min(wanted, CONCURRENCY_MAX));
  if (state["MaxConcurrency"] === undefined) return () => CONCURRENCY_MAX;
  const evaluate = compileTyped(state["MaxConcurrency"], "MaxConcurrency", "number", numberOf);
  return (scope) => {
    const wanted = evaluate({ scope });
    if (Number.isInteger(wanted) && wanted >= 0) return bound(wanted);
    const sentence =
      wanted < 0 ? "MaxConcurrency cannot be negative." : `MaxConcurrency must be an integer but was: ${wanted}`;
    throw new QueryFailure(sentence, "MaxConcurrency", "late");
  };
}
