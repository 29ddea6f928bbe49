/** One state: its fields by type. */
import { isObject, type JsonObject } from "../json.ts";
import type { MachineType } from "../types.ts";
import { assign } from "./assign.ts";
import { choices } from "./choice.ts";
import { mode } from "./distributed.ts";
import { guards } from "./guards.ts";
import { checkJsonata, JSONATA_FIELDS } from "./jsonata.ts";
import { onlyFieldsOf, type Language } from "./language.ts";
import {
  atMostOne,
  exactlyOne,
  expression,
  integer,
  oneOf,
  onlyFields,
  path,
  RFC3339,
  referencePath,
  required,
  template,
  text,
  type Place,
} from "./values.ts";

const COMMON = ["Type", "Comment", "QueryLanguage"];
const FLOW = [...COMMON, "Next", "End", "InputPath", "OutputPath", "Assign"];
const RESULT = [...FLOW, "Parameters", "ResultPath"];
const GUARDED = [...RESULT, "ResultSelector", "Retry", "Catch"];
const MAP = [
  "ItemsPath",
  "ItemSelector",
  "ItemProcessor",
  "Iterator",
  "MaxConcurrency",
  "MaxConcurrencyPath",
  "Label",
  "ItemReader",
  "ItemBatcher",
  "ResultWriter",
  "ToleratedFailureCount",
  "ToleratedFailureCountPath",
  "ToleratedFailurePercentage",
  "ToleratedFailurePercentagePath",
];
const SECONDS_MAX = 99_999_999;

/** What each type of state may have. */
const FIELDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    Task: new Set([
      ...GUARDED,
      "Resource",
      "TimeoutSeconds",
      "TimeoutSecondsPath",
      "HeartbeatSeconds",
      "HeartbeatSecondsPath",
      "Credentials",
    ]),
    Wait: new Set([...FLOW, "Seconds", "SecondsPath", "Timestamp", "TimestampPath"]),
    Pass: new Set([...RESULT, "Result"]),
    Succeed: new Set([...COMMON, "InputPath", "OutputPath"]),
    Fail: new Set([...COMMON, "Error", "ErrorPath", "Cause", "CausePath"]),
    Choice: new Set([...COMMON, "InputPath", "OutputPath", "Assign", "Choices", "Default"]),
    Parallel: new Set([...GUARDED, "Branches"]),
    Map: new Set([...GUARDED, ...MAP]),
  }),
);

export function checkState(place: Place, state: JsonObject, type: MachineType, language: Language): void {
  if (!required(place, state, "Type")) return;
  const allowed = FIELDS.get(typeof state["Type"] === "string" ? state["Type"] : "");
  if (allowed === undefined) {
    oneOf(place, state, "Type", [...FIELDS.keys()]);
    return;
  }
  const jsonata = JSONATA_FIELDS.get(String(state["Type"])) ?? new Set<string>();
  onlyFieldsOf(place, state, language, { JSONPath: allowed, JSONata: jsonata });
  if (allowed.has("Next")) transition(place, state);
  if (state["Type"] === "Task" && required(place, state, "Resource")) resource(place, state["Resource"], type);
  if (language === "JSONata") {
    checkJsonata(place, state);
    if (state["Type"] === "Map") mode(place, state, type, language);
    return;
  }
  common(place, state);
  switch (state["Type"]) {
    case "Task":
      task(place, state);
      break;
    case "Choice":
      choices(place, state);
      break;
    case "Wait":
      wait(place, state);
      break;
    case "Fail":
      fail(place, state);
      break;
    case "Map":
      map(place, state, type);
      break;
  }
}

function transition(place: Place, state: JsonObject): void {
  text(place, state, "Next");
  const end = state["End"];
  if (end !== undefined && typeof end !== "boolean")
    place.report.schema("Expected value of type [BOOLEAN]", `${place.location}/End`);
  exactlyOne(place, { Next: state["Next"], End: end === false ? undefined : end }, ["Next", "End"]);
}

function common(place: Place, state: JsonObject): void {
  path(place, state, "InputPath", true);
  path(place, state, "OutputPath", true);
  referencePath(place, state, "ResultPath");
  assign(place, state);
  for (const field of ["Parameters", "ResultSelector", "ItemSelector"]) {
    if (state[field] !== undefined) template(place, state[field], `${place.location}/${field}`);
  }
  guards(place, state, "JSONPath");
}

function task(place: Place, state: JsonObject): void {
  atMostOne(place, state, ["TimeoutSeconds", "TimeoutSecondsPath"]);
  atMostOne(place, state, ["HeartbeatSeconds", "HeartbeatSecondsPath"]);
  path(place, state, "TimeoutSecondsPath");
  path(place, state, "HeartbeatSecondsPath");
  const timeout = integer(place, state, "TimeoutSeconds", 1, SECONDS_MAX);
  const heartbeat = integer(place, state, "HeartbeatSeconds", 1, SECONDS_MAX);
  const limit = state["TimeoutSecondsPath"] === undefined ? (timeout ?? SECONDS_MAX) : Infinity;
  if (heartbeat !== undefined && heartbeat >= limit) {
    place.report.schema(
      "The value for the field 'HeartbeatSeconds' must be smaller than the value of 'TimeoutSeconds'",
      place.location,
    );
  }
  const credentials = state["Credentials"];
  if (credentials === undefined) return;
  const at = { ...place, location: `${place.location}/Credentials` };
  if (!isObject(credentials)) {
    place.report.schema("Expected value of type [OBJECT]", at.location);
  } else {
    onlyFields(at, credentials, new Set(["RoleArn", "RoleArn.$"]));
    if (credentials["RoleArn"] !== undefined) text(at, credentials, "RoleArn");
    else if (credentials["RoleArn.$"] === undefined)
      place.report.schema("The field 'RoleArn' is required but was missing", at.location);
    template(at, credentials, at.location);
  }
}

function resource(place: Place, value: unknown, type: MachineType): void {
  const location = `${place.location}/Resource`;
  if (typeof value !== "string" || !/^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$/.test(value)) {
    place.report.schema("Value is not a valid resource ARN", location);
    return;
  }
  if (type !== "EXPRESS") return;
  if (/^arn:[^:]+:states:[^:]*:[^:]*:activity:/.test(value)) {
    place.report.schema("Express state machine does not support Activity ARN", location);
  }
  const pattern = /\.(?:sync|waitForTaskToken)(?::\d+)?$/.exec(value)?.[0];
  // The blank at the end is AWS's.
  if (pattern !== undefined)
    place.report.schema(`Express state machine does not support '${pattern}' service integration `, location);
}

function wait(place: Place, state: JsonObject): void {
  exactlyOne(place, state, ["SecondsPath", "Seconds", "TimestampPath", "Timestamp"]);
  integer(place, state, "Seconds", 0, SECONDS_MAX);
  path(place, state, "SecondsPath");
  path(place, state, "TimestampPath");
  const timestamp = text(place, state, "Timestamp");
  // A day that does not exist passes here and fails when the state is reached, as on AWS.
  if (timestamp !== undefined && !RFC3339.test(timestamp))
    place.report.schema("String does not match RFC3339 timestamp", `${place.location}/Timestamp`);
}

function fail(place: Place, state: JsonObject): void {
  for (const field of ["Error", "Cause"]) {
    atMostOne(place, state, [field, `${field}Path`]);
    text(place, state, field);
    const value = state[`${field}Path`];
    if (value !== undefined) expression(place, value, `${field}Path`, `${place.location}/${field}Path`);
  }
}

function map(place: Place, state: JsonObject, type: MachineType): void {
  exactlyOne(place, state, ["ItemProcessor", "Iterator"]);
  atMostOne(place, state, ["ItemSelector", "Parameters"]);
  path(place, state, "ItemsPath");
  atMostOne(place, state, ["MaxConcurrency", "MaxConcurrencyPath"]);
  integer(place, state, "MaxConcurrency", 0, Number.MAX_SAFE_INTEGER);
  path(place, state, "MaxConcurrencyPath");
  mode(place, state, type, "JSONPath");
}
