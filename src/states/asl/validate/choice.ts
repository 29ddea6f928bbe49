/** Choice rules: a Variable with exactly one operator, or And, Or, Not; Next only at the top. */
import { CHOICE_OPERATORS, operandKind } from "../choice.ts";
import { isObject, numberOf, type JsonObject } from "../json.ts";
import { parseTimestamp } from "../time.ts";
import { assign } from "./assign.ts";
import { onlyFields, path, readPathValue, required, text, type Place } from "./values.ts";

const COMBINERS = ["And", "Or", "Not"] as const;
const RULE = ["Variable", "Comment", ...COMBINERS, ...CHOICE_OPERATORS];
const INNER: ReadonlySet<string> = new Set(RULE);
const TOP: ReadonlySet<string> = new Set([...RULE, "Next", "Assign"]);

export function choices(place: Place, state: JsonObject): void {
  text(place, state, "Default");
  if (!required(place, state, "Choices")) return;
  const rules = state["Choices"];
  if (!Array.isArray(rules) || rules.length === 0) {
    place.report.schema("The value for the field 'Choices' must be a non-empty array", `${place.location}/Choices`);
    return;
  }
  for (const [i, rule] of rules.entries()) {
    const at = { ...place, location: `${place.location}/Choices[${i}]` };
    checkRule(at, rule, true);
  }
}

function checkRule(place: Place, rule: unknown, top: boolean): void {
  if (!isObject(rule)) {
    place.report.schema("A choice rule must be an object", place.location);
    return;
  }
  onlyFields(place, rule, top ? TOP : INNER);
  if (top) {
    required(place, rule, "Next");
    text(place, rule, "Next");
    assign(place, rule);
  }
  const combiners = COMBINERS.filter((name) => rule[name] !== undefined);
  const operators = Object.keys(rule).filter((name) => CHOICE_OPERATORS.has(name));
  if (combiners.length + operators.length !== 1) {
    place.report.schema("A choice rule must have exactly one comparison operator", place.location);
    return;
  }
  for (const name of combiners) combine(place, name, rule[name]);
  for (const name of operators) compare(place, rule, name);
}

function combine(place: Place, name: string, inner: unknown): void {
  const location = `${place.location}/${name}`;
  if (name === "Not") {
    checkRule({ ...place, location }, inner, false);
  } else if (!Array.isArray(inner) || inner.length === 0) {
    place.report.schema(`The value for the field '${name}' must be a non-empty array`, location);
  } else {
    for (const [i, rule] of inner.entries()) checkRule({ ...place, location: `${location}[${i}]` }, rule, false);
  }
}

function compare(place: Place, rule: JsonObject, name: string): void {
  if (required(place, rule, "Variable")) path(place, rule, "Variable");
  const value = rule[name];
  const kind = operandKind(name);
  const fits =
    kind === "path"
      ? readPathValue(place, value) !== undefined
      : kind === "number"
        ? numberOf(value) !== undefined
        : kind === "boolean"
          ? typeof value === "boolean"
          : typeof value === "string" && (kind === "string" || parseTimestamp(value) !== undefined);
  if (!fits)
    place.report.schema(
      `The value for the field '${name}' must be a ${kind === "path" ? "valid JSONPath" : kind}`,
      `${place.location}/${name}`,
    );
}
