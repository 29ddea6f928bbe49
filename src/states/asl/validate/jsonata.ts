/** One state in JSONata: its fields by type, and the expressions in them. */
import { isObject, type JsonObject } from "../json.ts";
import { isFunctionName, InvalidExpression, parseExpression } from "../jsonata/expression.ts";
import { expressionText } from "../jsonata/field.ts";
import { JSONPATH_RULE } from "./choice.ts";
import { assignNames } from "./assign.ts";
import { onlyFieldsOf } from "./language.ts";
import { guards } from "./guards.ts";
import {
  exactlyOne,
  integer,
  nonEmptyList,
  number,
  onlyFields,
  required,
  RFC3339,
  text,
  type Place,
} from "./values.ts";

const COMMON = ["Type", "Comment", "QueryLanguage"];
const FLOW = [...COMMON, "Next", "End", "Output", "Assign"];
const GUARDED = [...FLOW, "Retry", "Catch"];
const MAP = ["Items", "ItemSelector", "ItemProcessor", "Iterator", "MaxConcurrency", "Label", "ItemReader"];
const MAP_RESULT = ["ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailurePercentage"];
const SECONDS_MAX = 99_999_999;

/** What each type of state may have in JSONata. */
export const JSONATA_FIELDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    Pass: new Set(FLOW),
    Task: new Set([...GUARDED, "Arguments", "Resource", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"]),
    Choice: new Set([...COMMON, "Choices", "Default", "Output", "Assign"]),
    Wait: new Set([...FLOW, "Seconds", "Timestamp"]),
    Succeed: new Set([...COMMON, "Output"]),
    Fail: new Set([...COMMON, "Error", "Cause"]),
    Parallel: new Set([...GUARDED, "Arguments", "Branches"]),
    Map: new Set([...GUARDED, ...MAP, ...MAP_RESULT]),
  }),
);

/** The fields of `$states` that exist everywhere, and those that only some places have. */
const ALWAYS: readonly string[] = ["input", "context"];

/** Checks what is of JSONata in a state; Type, Next and End are as in any state. */
export function checkJsonata(place: Place, state: JsonObject): void {
  const type = state["Type"];
  const works = type === "Task" || type === "Parallel" || type === "Map";
  const sees = works ? [...ALWAYS, "result"] : ALWAYS;
  assignNames(place, state);
  expressions(place, state, ["Output", "Assign"], sees);
  expressions(
    place,
    state,
    ["Arguments", "Items", "ItemSelector", "ItemReader", "ItemBatcher", "ResultWriter"],
    ALWAYS,
  );
  guards(place, state, "JSONata");
  for (const [catcher, at] of objects(place, state, "Catch"))
    expressions(at, catcher, ["Output", "Assign"], [...ALWAYS, "errorOutput"]);
  switch (type) {
    case "Task":
      return task(place, state);
    case "Choice":
      return choices(place, state);
    case "Wait":
      return wait(place, state);
    case "Fail":
      for (const field of ["Error", "Cause"]) {
        text(place, state, field);
        expressions(place, state, [field], ALWAYS);
      }
      return;
    case "Map":
      return map(place, state);
  }
}

function task(place: Place, state: JsonObject): void {
  limit(place, state, "TimeoutSeconds", 1, SECONDS_MAX);
  limit(place, state, "HeartbeatSeconds", 1, SECONDS_MAX);
  const { TimeoutSeconds: timeout, HeartbeatSeconds: heartbeat } = state;
  if (typeof timeout === "number" && typeof heartbeat === "number" && heartbeat >= timeout) {
    const message = "The value for the field 'HeartbeatSeconds' must be smaller than the value of 'TimeoutSeconds'";
    place.report.schema(message, place.location);
  }
  const credentials = state["Credentials"];
  if (credentials === undefined) return;
  const at = { ...place, location: `${place.location}/Credentials` };
  if (!isObject(credentials)) {
    place.report.schema("Expected value of type [OBJECT]", at.location);
    return;
  }
  onlyFields(at, credentials, new Set(["RoleArn"]));
  if (credentials["RoleArn"] !== undefined) text(at, credentials, "RoleArn");
  else place.report.schema("The field 'RoleArn' is required but was missing", at.location);
  expressions(at, credentials, ["RoleArn"], ALWAYS);
}

const RULE: ReadonlySet<string> = new Set(["Condition", "Next", "Output", "Assign", "Comment"]);

function choices(place: Place, state: JsonObject): void {
  text(place, state, "Default");
  if (!required(place, state, "Choices")) return;
  for (const [i, rule] of (nonEmptyList(place, state, "Choices") ?? []).entries())
    if (!isObject(rule)) place.report.schema("Expected value of type [OBJECT]", `${place.location}/Choices[${i}]`);
  for (const [rule, at] of objects(place, state, "Choices")) {
    onlyFieldsOf(at, rule, "JSONata", { JSONata: RULE, JSONPath: JSONPATH_RULE });
    required(at, rule, "Next");
    text(at, rule, "Next");
    assignNames(at, rule);
    const condition = rule["Condition"];
    if (required(at, rule, "Condition") && typeof condition !== "boolean" && expressionText(condition) === undefined)
      place.report.schema(
        "The value for the field 'Condition' must be a boolean or a JSONata expression",
        `${at.location}/Condition`,
      );
    expressions(at, rule, ["Condition", "Output", "Assign"], ALWAYS);
  }
}

function wait(place: Place, state: JsonObject): void {
  const { Timestamp: timestamp } = state;
  exactlyOne(place, state, ["Seconds", "Timestamp"]);
  limit(place, state, "Seconds", 0, SECONDS_MAX);
  expressions(place, state, ["Timestamp"], ALWAYS);
  if (timestamp === undefined || expressionText(timestamp) !== undefined) return;
  const literal = text(place, state, "Timestamp");
  if (literal !== undefined && !RFC3339.test(literal))
    place.report.schema("String does not match RFC3339 timestamp", `${place.location}/Timestamp`);
}

function map(place: Place, state: JsonObject): void {
  exactlyOne(place, state, ["ItemProcessor", "Iterator"]);
  const { Items: items } = state;
  if (items !== undefined && typeof items !== "object" && expressionText(items) === undefined)
    place.report.schema(
      "The value for the field 'Items' must be an array, an object or a JSONata expression",
      `${place.location}/Items`,
    );
  limit(place, state, "MaxConcurrency", 0, Number.MAX_SAFE_INTEGER);
  limit(place, state, "ToleratedFailureCount", 0, Number.MAX_SAFE_INTEGER);
  if (expressionText(state["ToleratedFailurePercentage"]) === undefined)
    number(place, state, "ToleratedFailurePercentage", 0, 100);
  expressions(place, state, ["ToleratedFailurePercentage"], ALWAYS);
}

/** A number within bounds, or an expression. */
function limit(place: Place, state: JsonObject, field: string, least: number, most: number): void {
  if (expressionText(state[field]) === undefined) integer(place, state, field, least, most);
  else expressions(place, state, [field], ALWAYS);
}

function objects(place: Place, state: JsonObject, field: string): readonly (readonly [JsonObject, Place])[] {
  const given = state[field];
  if (!Array.isArray(given)) return [];
  return given.flatMap((fields: unknown, i) =>
    isObject(fields) ? [[fields, { ...place, location: `${place.location}/${field}[${i}]` }] as const] : [],
  );
}

/** All expressions of these fields, at any depth; `sees` are the fields of `$states` that exist there. */
function expressions(place: Place, fields: JsonObject, names: readonly string[], sees: readonly string[]): void {
  for (const name of names) walk(place, fields[name], `${place.location}/${name}`, sees);
}

function walk(place: Place, value: unknown, location: string, sees: readonly string[]): void {
  const text = expressionText(value);
  if (text !== undefined) expression(place, text, location, sees);
  else if (typeof value === "string" && value.startsWith("{%"))
    place.report.schema("JSONata string must start with {% and end with %}", location);
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(place, item, `${location}[${i}]`, sees);
  else if (isObject(value))
    for (const [key, item] of Object.entries(value)) walk(place, item, `${location}/${key}`, sees);
}

function expression({ report, stateName }: Place, text: string, location: string, sees: readonly string[]): void {
  const unsupported = (message: string): void => report.error("UNSUPPORTED_JSONATA_EXPRESSION", message, location);
  try {
    const { analysis } = parseExpression(text);
    for (const name of analysis.unanchored) unsupported(`Reference to '${name}' at the top level is not supported.`);
    for (const field of analysis.fields)
      if (!sees.includes(field)) unsupported(`'$states.${field}' cannot be read here.`);
    for (const name of analysis.variables) if (!isFunctionName(name)) report.reads(stateName, name);
  } catch (error) {
    if (!(error instanceof InvalidExpression)) throw error;
    report.error("INVALID_JSONATA_EXPRESSION", error.message, location);
  }
}
