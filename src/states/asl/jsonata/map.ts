/** The data fields of Map in JSONata: Items, ItemSelector, MaxConcurrency. */
import { QueryFailure } from "../failure.ts";
import { dataSetOf, inlineConcurrency, inlineItems, scopeOfItem, type MapItem, type RawItem } from "../dataset.ts";
import { numberOf, printJson, type Datum, type JsonObject } from "../json.ts";
import type { NumberKind } from "../language.ts";
import type { Scope } from "../scope.ts";
import { compileDatum, compileTyped } from "./field.ts";

/** The items of an inline Map, as ItemSelector makes them. */
export function jsonataItems(state: JsonObject): (scope: Scope) => readonly Datum[] {
  return inlineItems(jsonataDataSet(state), jsonataItemSelector(state));
}

/** The items: of an array, or of an object with their keys. Without Items it is the state's input. */
export function jsonataDataSet(state: JsonObject): (scope: Scope) => readonly RawItem[] {
  if (state["Items"] !== undefined) {
    const evaluate = compileTyped(state["Items"], "Items", "array", dataSetOf);
    return (scope) => evaluate({ scope });
  }
  return ({ input }) => {
    const items = dataSetOf(input.value);
    if (items !== undefined) return items;
    throw new QueryFailure(`Map state input must be an array but was: ${printJson(input.value)}`);
  };
}

export function jsonataItemSelector(state: JsonObject): ((scope: Scope) => (item: MapItem) => Datum) | undefined {
  if (state["ItemSelector"] === undefined) return undefined;
  const select = compileDatum(state["ItemSelector"], "ItemSelector");
  return (scope) => (item) => select({ scope: scopeOfItem(scope, item) });
}

/** A number of a Distributed Map's fields. */
export function jsonataMapNumber(
  _state: JsonObject,
  fields: JsonObject,
  field: string,
  kind: NumberKind,
  at = field,
): ((scope: Scope) => number) | undefined {
  if (fields[field] === undefined) return undefined;
  const evaluate = compileTyped(fields[field], at, "number", numberOf);
  return (scope) => {
    const value = evaluate({ scope });
    if (value < 0) throw new QueryFailure(`${field} cannot be negative.`, at, "late");
    if (kind === "integer" && !Number.isInteger(value))
      throw new QueryFailure(`${field} must be an integer but was: ${value}`, at, "late");
    return value;
  };
}

export function jsonataConcurrency(state: JsonObject): (scope: Scope) => number {
  return inlineConcurrency(jsonataMapNumber(state, state, "MaxConcurrency", "integer"));
}
