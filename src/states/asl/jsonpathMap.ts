/** The data fields of Map in JSONPath: ItemsPath, ItemSelector (formerly Parameters), and numbers with their …Path forms. */
import { dataSetOf, inlineConcurrency, inlineItems, scopeOfItem, type MapItem, type RawItem } from "./dataset.ts";
import { runtime } from "./failure.ts";
import { Datum, numberOf, printJson, textOf, type JsonObject } from "./json.ts";
import type { NumberKind } from "./language.ts";
import { filterPath } from "./path/effective.ts";
import { compilePath } from "./path/read.ts";
import type { Scope } from "./scope.ts";
import { compileExpression, compileTemplate } from "./template.ts";

/** The items of an inline Map, as ItemSelector makes them. */
export function mapItems(state: JsonObject): (scope: Scope) => readonly Datum[] {
  return inlineItems(dataSet(state), itemSelector(state));
}

/** What ItemsPath points at. */
export function dataSet(state: JsonObject): (scope: Scope) => readonly RawItem[] {
  const effective = filterPath(state["InputPath"]);
  const itemsPath = textOf(state["ItemsPath"] ?? "$");
  const read = compilePath(itemsPath);
  return (scope) => {
    const found = read(effective(scope.input, scope).value, scope);
    if ("miss" in found) throw runtime(`Invalid path '${itemsPath}' : ${found.miss}`);
    const items = dataSetOf(found.value);
    if (items === undefined) throw runtime(`Map state input must be an array but was: ${printJson(found.value)}`);
    return items;
  };
}

/** ItemSelector: `$` is the state's input, `$$.Map.Item` the item. */
export function itemSelector(state: JsonObject): ((scope: Scope) => (item: MapItem) => Datum) | undefined {
  const selector = state["ItemSelector"] ?? state["Parameters"];
  if (selector === undefined) return undefined;
  const effective = filterPath(state["InputPath"]);
  const select = compileTemplate(selector);
  return (scope) => {
    const input = effective(scope.input, scope);
    return (item) => Datum.of(select(input.value, scopeOfItem(scope, item)));
  };
}

/** A template among a Map's fields, over the state's input. */
export function mapTemplate(state: JsonObject, template: unknown): (scope: Scope) => unknown {
  const effective = filterPath(state["InputPath"]);
  const make = compileTemplate(template);
  return (scope) => make(effective(scope.input, scope).value, scope);
}

/** A number of a Map's fields, literal or by its …Path form; undefined where neither is there. */
export function mapNumber(
  state: JsonObject,
  fields: JsonObject,
  field: string,
  kind: NumberKind,
): ((scope: Scope) => number) | undefined {
  const path = fields[`${field}Path`];
  if (typeof path !== "string") {
    const literal = numberOf(fields[field]);
    return literal === undefined ? undefined : () => literal;
  }
  const effective = filterPath(state["InputPath"]);
  const evaluate = compileExpression(path, `${field}Path`);
  return (scope) => {
    const found = evaluate(effective(scope.input, scope).value, scope);
    const value = readNumber(found);
    if (value === undefined || (kind === "integer" && !Number.isInteger(value))) {
      throw runtime(
        `The ${field}Path field refers to value "${typeof found === "string" ? found : printJson(found)}" which is not a valid ${kind}: ${path}`,
      );
    }
    if (value < 0) throw runtime(`${field} cannot be negative.`);
    return value;
  };
}

/** AWS takes the text "1" for the number. */
function readNumber(value: unknown): number | undefined {
  return typeof value === "string" && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : numberOf(value);
}

export function mapConcurrency(state: JsonObject): (scope: Scope) => number {
  return inlineConcurrency(mapNumber(state, state, "MaxConcurrency", "integer"));
}
