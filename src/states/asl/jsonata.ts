/** The JSONata query language: Arguments → work → Output, with Assign beside it; any string may be an expression. */
import { compileDatum, compileField, compileTyped } from "./jsonata/field.ts";
import type { Sight } from "./jsonata/expression.ts";
import {
  jsonataConcurrency,
  jsonataDataSet,
  jsonataItems,
  jsonataItemSelector,
  jsonataMapNumber,
} from "./jsonata/map.ts";
import { jsonataUntil } from "./jsonata/wait.ts";
import { QueryFailure } from "./failure.ts";
import { isObject, numberOf, printJson, type Datum, type JsonObject } from "./json.ts";
import type { AssignPlace, QueryLanguage } from "./language.ts";
import type { Assign, Finish, Measure, Produce } from "./compiled.ts";
import type { Scope } from "./scope.ts";

export const jsonata: QueryLanguage = {
  name: "JSONata",
  effective: () => (scope) => scope.input,
  input,
  output: (state) => finish(state["Output"], "Output", worksFor(state) ? "result" : "input"),
  passResult: () => undefined,
  assign,
  caught: (catcher, index) => finish(catcher["Output"], `Catch[${index}]/Output`, "errorOutput"),
  ruleOutput: (rule, index) => finish(rule["Output"], `Choices[${index}]/Output`, "input"),
  condition,
  seconds,
  until: jsonataUntil,
  text,
  roleArn,
  items: jsonataItems,
  concurrency: jsonataConcurrency,
  dataSet: jsonataDataSet,
  itemSelector: jsonataItemSelector,
  mapNumber: jsonataMapNumber,
  mapTemplate: (_state, template, field) => {
    const evaluate = compileField(template, field);
    return (scope) => evaluate({ scope });
  },
  value: (fields, name, at = name) => {
    if (fields[name] === undefined) return undefined;
    const evaluate = compileField(fields[name], at);
    return (scope) => evaluate({ scope });
  },
};

/** What the data that comes with an evaluation is, beside the state's input. */
type Role = "result" | "errorOutput" | "input";

function sightOf(role: Role): (scope: Scope, data: Datum) => Sight {
  if (role === "result") return (scope, result) => ({ scope, result });
  if (role === "errorOutput") return (scope, errorOutput) => ({ scope, errorOutput });
  return (scope) => ({ scope });
}

/** The types of state that have a result. */
function worksFor(state: JsonObject): boolean {
  return state["Type"] === "Task" || state["Type"] === "Parallel" || state["Type"] === "Map";
}

function input(state: JsonObject): Produce {
  const given = state["Arguments"];
  if (given === undefined || !worksFor(state)) return (scope) => scope.input;
  const evaluate = compileDatum(given, "Arguments");
  return (scope) => evaluate({ scope });
}

function finish(given: unknown, at: string, role: Role): Finish {
  if (given === undefined) return (_scope, data) => data;
  const evaluate = compileDatum(given, at);
  const sight = sightOf(role);
  return (scope, data) => evaluate(sight(scope, data));
}

const ROLES: { readonly [place in AssignPlace["in"]]: Role } = {
  state: "input",
  rule: "input",
  catcher: "errorOutput",
};

function assign(fields: JsonObject, place: AssignPlace): Assign | undefined {
  const given = fields["Assign"];
  if (!isObject(given)) return undefined;
  const at = place.in === "state" ? "Assign" : `${place.in === "rule" ? "Choices" : "Catch"}[${place.index}]/Assign`;
  const sight = sightOf(place.in === "state" && worksFor(fields) ? "result" : ROLES[place.in]);
  const entries = Object.entries(given).map(([name, value]) => [name, compileField(value, `${at}/${name}`)] as const);
  return (scope, data) => {
    const seen = sight(scope, data);
    return Object.fromEntries(entries.map(([name, evaluate]) => [name, printJson(evaluate(seen))]));
  };
}

function condition(rule: JsonObject, index: number): ReturnType<QueryLanguage["condition"]> {
  const take = (value: unknown): boolean | undefined => (typeof value === "boolean" ? value : undefined);
  const evaluate = compileTyped(rule["Condition"], `Choices[${index}]/Condition`, "boolean", take);
  return (_data, scope) => evaluate({ scope });
}

const SECONDS_MAX = 99_999_999;

function seconds(state: JsonObject, field: "TimeoutSeconds" | "HeartbeatSeconds"): Measure | undefined {
  if (state[field] === undefined) return undefined;
  const evaluate = compileTyped(state[field], field, "number", numberOf);
  return (scope) => {
    const value = evaluate({ scope });
    if (Number.isInteger(value) && value > 0 && value <= SECONDS_MAX) return value;
    throw new QueryFailure(
      `The ${field} field must be an integer between 1 and ${SECONDS_MAX} but was: ${value}`,
      field,
      "late",
    );
  };
}

function text(state: JsonObject, field: "Error" | "Cause"): ((scope: Scope) => string) | undefined {
  if (state[field] === undefined) return undefined;
  const evaluate = compileTyped(state[field], field, "string", string);
  return (scope) => evaluate({ scope });
}

function string(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function roleArn(state: JsonObject): ((scope: Scope, data: Datum) => string) | undefined {
  const credentials = state["Credentials"];
  if (!isObject(credentials)) return undefined;
  const evaluate = compileTyped(credentials["RoleArn"], "Credentials/RoleArn", "string", string);
  return (scope) => evaluate({ scope });
}
