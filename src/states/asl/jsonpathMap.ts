/** The data fields of Map in JSONPath: ItemsPath, ItemSelector (formerly Parameters), MaxConcurrency. */
import { runtime } from "./failure.ts";
import { Datum, numberOf, printJson, textOf, type JsonObject } from "./json.ts";
import { filterPath } from "./path/effective.ts";
import { compilePath } from "./path/read.ts";
import type { Scope } from "./scope.ts";
import { compileTemplate } from "./template.ts";

/** An inline Map runs at most 40 iterations at once. */
const CONCURRENCY_MAX = 40;

export function mapItems(state: JsonObject): (scope: Scope) => readonly Datum[] {
  const effective = filterPath(state["InputPath"]);
  const itemsPath = textOf(state["ItemsPath"] ?? "$");
  const readItems = compilePath(itemsPath);
  const selector = state["ItemSelector"] ?? state["Parameters"];
  const select = selector === undefined ? undefined : compileTemplate(selector);
  return (scope) => {
    const input = effective(scope.input, scope);
    const found = readItems(input.value, scope);
    if ("miss" in found) throw runtime(`Invalid path '${itemsPath}' : ${found.miss}`);
    const items = found.value;
    if (!Array.isArray(items)) throw runtime(`Map state input must be an array but was: ${printJson(items)}`);
    if (select === undefined) return items.map((item: unknown) => Datum.of(item));
    return items.map((item: unknown, index) => {
      const context = (): JsonObject => ({ ...scope.context(), Map: { Item: { Index: index, Value: item } } });
      return Datum.of(select(input.value, { ...scope, context }));
    });
  };
}

export function mapConcurrency(state: JsonObject): (scope: Scope) => number {
  const bound = (wanted: number): number => (wanted === 0 ? CONCURRENCY_MAX : Math.min(wanted, CONCURRENCY_MAX));
  const path = state["MaxConcurrencyPath"];
  if (typeof path !== "string") {
    const literal = bound(numberOf(state["MaxConcurrency"]) ?? 0);
    return () => literal;
  }
  const effective = filterPath(state["InputPath"]);
  const read = compilePath(path);
  return (scope) => {
    const found = read(effective(scope.input, scope).value, scope);
    if ("miss" in found) throw runtime(`The MaxConcurrencyPath parameter does not reference an input value: ${path}`);
    // AWS takes the text "1" for the number.
    const value =
      typeof found.value === "string" && /^\d+$/.test(found.value) ? Number(found.value) : numberOf(found.value);
    if (value === undefined || !Number.isInteger(value)) {
      throw runtime(
        `The MaxConcurrencyPath field refers to value "${printJson(found.value)}" which is not a valid integer: ${path}`,
      );
    }
    if (value < 0) throw runtime("MaxConcurrency cannot be negative.");
    return bound(value);
  };
}
