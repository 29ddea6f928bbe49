/**
 * The seam between the interpreter and a query language. JSONPath and JSONata name, place and evaluate a state's data
 * fields differently; each implements this interface, and the interpreter sees only the closures of compiled.ts.
 * All members may throw PathSyntaxError for a field that the validator has not looked at.
 */
import type { Condition } from "./choice.ts";
import type { Datum, JsonObject } from "./json.ts";
import type { Assign, Finish, Measure, Produce } from "./compiled.ts";
import type { MapItem, RawItem } from "./dataset.ts";
import type { Scope } from "./scope.ts";

export type QueryLanguage = {
  readonly name: "JSONPath" | "JSONata";
  /** The input after InputPath. */
  effective(state: JsonObject): Produce;
  /** What a Task, Pass or Parallel works on; of a Choice or Wait the effective input. */
  input(state: JsonObject): Produce;
  /** The output of a state that has a result of its own. */
  output(state: JsonObject): Finish;
  /** A Pass state's own result. */
  passResult(state: JsonObject): Datum | undefined;
  assign(fields: JsonObject, place: AssignPlace): Assign | undefined;
  /** The output of the way through a catcher; the result is the error output. */
  caught(catcher: JsonObject, index: number): Finish;
  /** The output of the way through a rule; undefined where the state's own is meant. */
  ruleOutput(rule: JsonObject, index: number): Finish | undefined;
  condition(rule: JsonObject, index: number): Condition;
  /** TimeoutSeconds and its like, with their …Path form; undefined where the state has neither. */
  seconds(state: JsonObject, field: "TimeoutSeconds" | "HeartbeatSeconds"): Measure | undefined;
  until(state: JsonObject): (scope: Scope, input: Datum, now: number) => number;
  /** Fail's Error and Cause. */
  text(state: JsonObject, field: "Error" | "Cause"): ((scope: Scope) => string) | undefined;
  roleArn(state: JsonObject): ((scope: Scope, data: Datum) => string) | undefined;
  items(state: JsonObject): (scope: Scope) => readonly Datum[];
  concurrency(state: JsonObject): (scope: Scope) => number;
  /**
   * Any field that may be evaluated: a payload template, or a literal that may have a …Path form; undefined where the
   * state has neither. `at` is the field's place in the state, as errors name it; `input` is what `$` means in JSONPath.
   */
  value(fields: JsonObject, name: string, at?: string): ((scope: Scope, input: Datum) => unknown) | undefined;
  /** A Distributed Map's data set within the state's input, before ItemSelector. */
  dataSet(state: JsonObject): (scope: Scope) => readonly RawItem[];
  /** ItemSelector, prepared once for a state and used for each item. */
  itemSelector(state: JsonObject): ((scope: Scope) => (item: MapItem) => Datum) | undefined;
  /**
   * A number among the fields of a Map, given as a literal, as its …Path form or as an expression; undefined where the
   * fields have none. `fields` is the state, or ReaderConfig, or ItemBatcher.
   */
  mapNumber(
    state: JsonObject,
    fields: JsonObject,
    field: string,
    kind: NumberKind,
    at?: string,
  ): ((scope: Scope) => number) | undefined;
  /** A template of the state: BatchInput, the Parameters (or Arguments) of ItemReader and ResultWriter; `field` is where it stands. */
  mapTemplate(state: JsonObject, template: unknown, field: string): (scope: Scope) => unknown;
};

export type NumberKind = "integer" | "float";

/** Whose Assign it is. */
export type AssignPlace = { readonly in: "state" } | { readonly in: "rule" | "catcher"; readonly index: number };
