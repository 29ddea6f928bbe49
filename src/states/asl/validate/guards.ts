/** Retry and Catch. */
import { isObject, type JsonObject } from "../json.ts";
import { assign, assignNames } from "./assign.ts";
import { onlyFieldsOf, type Language } from "./language.ts";
import {
  integer,
  nonEmptyList,
  number,
  oneOf,
  onlyFields,
  referencePath,
  required,
  text,
  type Place,
} from "./values.ts";

const RETRIER: ReadonlySet<string> = new Set([
  "ErrorEquals",
  "IntervalSeconds",
  "MaxAttempts",
  "BackoffRate",
  "MaxDelaySeconds",
  "JitterStrategy",
  "Comment",
]);
const CATCHER: { readonly [language in Language]: ReadonlySet<string> } = {
  JSONPath: new Set(["ErrorEquals", "Next", "ResultPath", "Assign", "Comment"]),
  JSONata: new Set(["ErrorEquals", "Next", "Output", "Assign", "Comment"]),
};
const SECONDS_MAX = 31_622_400;
const ATTEMPTS_MAX = 99_999_999;

export function guards(place: Place, state: JsonObject, language: Language): void {
  for (const [retrier, at] of list(place, state, "Retry")) {
    onlyFields(at, retrier, RETRIER);
    const interval = integer(at, retrier, "IntervalSeconds", 0, SECONDS_MAX) ?? 1;
    const longest = integer(at, retrier, "MaxDelaySeconds", 1, SECONDS_MAX);
    integer(at, retrier, "MaxAttempts", 0, ATTEMPTS_MAX);
    number(at, retrier, "BackoffRate", 1, Infinity);
    oneOf(at, retrier, "JitterStrategy", ["NONE", "FULL"]);
    if (longest !== undefined && longest <= interval) {
      at.report.schema(
        "The value for the field 'MaxDelaySeconds' must be greater than the value of 'IntervalSeconds'",
        at.location,
      );
    }
  }
  for (const [catcher, at] of list(place, state, "Catch")) {
    onlyFieldsOf(at, catcher, language, CATCHER);
    if (required(at, catcher, "Next")) text(at, catcher, "Next");
    if (language === "JSONata") {
      assignNames(at, catcher);
    } else {
      referencePath(at, catcher, "ResultPath");
      assign(at, catcher);
    }
  }
}

function list(place: Place, state: JsonObject, field: "Retry" | "Catch"): readonly (readonly [JsonObject, Place])[] {
  const given = state[field];
  if (given === undefined) return [];
  if (!Array.isArray(given) || !given.every(isObject)) {
    place.report.schema("Expected value of type [ARRAY]", `${place.location}/${field}`);
    return [];
  }
  return given.map((fields, i) => {
    const at = { ...place, location: `${place.location}/${field}[${i}]` };
    if (required(at, fields, "ErrorEquals")) errorEquals(at, fields["ErrorEquals"], i === given.length - 1);
    return [fields, at] as const;
  });
}

function errorEquals(place: Place, names: unknown, last: boolean): void {
  const listed = nonEmptyList(place, { ErrorEquals: names }, "ErrorEquals") ?? [];
  const location = `${place.location}/ErrorEquals`;
  if (!listed.every((name) => typeof name === "string"))
    place.report.schema("Expected value of type [STRING]", location);
  else if (listed.includes("States.ALL") && (listed.length > 1 || !last))
    place.report.schema("States.ALL must appear alone and at end of list", location);
}
