/** The JSONPath query language: InputPath → Parameters → work → ResultSelector → ResultPath → OutputPath. */
import { compileRule } from "./choice.ts";
import { runtime } from "./failure.ts";
import { Datum, isObject, numberOf, printJson, textOf, type JsonObject } from "./json.ts";
import type { QueryLanguage } from "./language.ts";
import type { Finish, Measure, Produce } from "./compiled.ts";
import { dataSet, itemSelector, mapConcurrency, mapItems, mapNumber, mapTemplate } from "./jsonpathMap.ts";
import { waitUntil } from "./jsonpathWait.ts";
import { parsePath } from "./path/parse.ts";
import { filterPath } from "./path/effective.ts";
import { placeAt } from "./path/place.ts";
import { referenceTokens } from "./path/read.ts";
import type { Scope } from "./scope.ts";
import { compileExpression, compileTemplate } from "./template.ts";

export const jsonPath: QueryLanguage = {
  name: "JSONPath",
  effective,
  input,
  output,
  passResult: (state) => (state["Result"] === undefined ? undefined : Datum.of(state["Result"])),
  assign,
  caught: resultPath,
  condition: compileRule,
  seconds,
  until: waitUntil,
  text: failText,
  roleArn,
  items: mapItems,
  concurrency: mapConcurrency,
  ruleOutput: () => undefined,
  value,
  dataSet,
  itemSelector,
  mapNumber,
  mapTemplate,
};

function value(fields: JsonObject, name: string, at = name): ReturnType<QueryLanguage["value"]> {
  if (fields[name] !== undefined) {
    const template = compileTemplate(fields[name]);
    return (scope, input) => template(input.value, scope);
  }
  const path = fields[`${name}Path`];
  if (typeof path !== "string") return undefined;
  const evaluate = compileExpression(path, `${at}Path`);
  return (scope, input) => evaluate(input.value, scope);
}

function effective(state: JsonObject): Produce {
  const filter = filterPath(state["InputPath"]);
  return (scope) => filter(scope.input, scope);
}

function input(state: JsonObject): Produce {
  const effective = filterPath(state["InputPath"]);
  if (state["Parameters"] === undefined) return (scope) => effective(scope.input, scope);
  const template = compileTemplate(state["Parameters"]);
  return (scope) => Datum.of(template(effective(scope.input, scope).value, scope));
}

function output(state: JsonObject): Finish {
  const place = resultPath(state);
  const filter = filterPath(state["OutputPath"]);
  if (state["ResultSelector"] === undefined) return (scope, result) => filter(place(scope, result), scope);
  const selector = compileTemplate(state["ResultSelector"]);
  return (scope, result) => filter(place(scope, Datum.of(selector(result.value, scope))), scope);
}

/** Where the result goes in the state's input. */
function resultPath(fields: JsonObject): Finish {
  const path = fields["ResultPath"];
  if (path === null) return (scope) => scope.input;
  if (path === undefined || path === "$") return (_scope, result) => result;
  const text = textOf(path);
  const steps = referenceTokens(parsePath(text)) ?? [];
  return (scope, result) => Datum.of(placeAt(scope.input.value, steps, result.value, text));
}

function assign(fields: JsonObject): ReturnType<QueryLanguage["assign"]> {
  if (!isObject(fields["Assign"])) return undefined;
  const template = compileTemplate(fields["Assign"]);
  return (scope, data) => {
    const made = template(data.value, scope);
    return Object.fromEntries(
      Object.entries(isObject(made) ? made : {}).map(([name, value]) => [name, printJson(value)]),
    );
  };
}

function seconds(state: JsonObject, field: "TimeoutSeconds" | "HeartbeatSeconds"): Measure | undefined {
  const literal = numberOf(state[field]);
  if (literal !== undefined) return () => literal;
  const path = state[`${field}Path`];
  if (typeof path !== "string") return undefined;
  const evaluate = compileExpression(path, `${field}Path`);
  return (scope, data) => {
    const found = evaluate(data.value, scope);
    const value = numberOf(found);
    if (value === undefined || !Number.isInteger(value))
      throw runtime(`The ${field}Path parameter cannot be parsed as a long value: ${path} == ${printJson(found)}`);
    if (value <= 0) throw runtime(`The ${field}Path parameter must reference a positive value: ${path} == ${value}`);
    return value;
  };
}

function failText(state: JsonObject, field: "Error" | "Cause"): ((scope: Scope) => string) | undefined {
  const literal = state[field];
  if (typeof literal === "string") return () => literal;
  const path = state[`${field}Path`];
  if (typeof path !== "string") return undefined;
  const evaluate = compileExpression(path, `${field}Path`);
  return (scope) => {
    const value = evaluate(scope.input.value, scope);
    if (typeof value !== "string")
      throw runtime(`The ${field}Path field '${path}' must reference a string, but was: ${printJson(value)}`);
    return value;
  };
}

function roleArn(state: JsonObject): ((scope: Scope, data: Datum) => string) | undefined {
  if (!isObject(state["Credentials"])) return undefined;
  const template = compileTemplate(state["Credentials"]);
  return (scope, data) => {
    const made = template(data.value, scope);
    const role = isObject(made) ? made["RoleArn"] : undefined;
    if (typeof role !== "string")
      throw runtime(`The RoleArn of the field 'Credentials' must be a string, but was: ${printJson(role ?? null)}`);
    return role;
  };
}
