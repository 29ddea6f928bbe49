/** Choice rules: a Variable with exactly one operator, or And, Or, Not; Next only at the top. */
import { CHOICE_OPERATORS, operandKind } from "../choice.ts";
import { isObject, numberOf, type JsonObject } from "../json.ts";
import { parseTimestamp } from "../time.ts";
import { assign } from "./assign.ts";
import { exactlyOne, nonEmptyList, onlyFields, readPathValue, required, text, type Place } from "./values.ts";

const COMBINERS = ["And", "Or", "Not"] as const;
const RULE = ["Variable", "Comment", ...COMBINERS, ...CHOICE_OPERATORS];
const INNER: ReadonlySet<string> = new Set(RULE);
/** What a rule may have at the top. */
export const JSONPATH_RULE: ReadonlySet<string> = new Set([...RULE, "Next", "Assign"]);

export function choices(place: Place, state: JsonObject): void {
  text(place, state, "Default");
  if (!required(place, state, "Choices")) return;
  const rules = nonEmptyList(place, state, "Choices") ?? [];
  for (const [i, rule] of rules.entries()) {
    const at = { ...place, location: `${place.location}/Choices[${i}]` };
    checkRule(at, rule, true);
  }
}

function checkRule(place: Place, rule: unknown, top: boolean): void {
  if (!isObject(rule)) {
    place.report.schema("Expected value of type [OBJECT]", place.location);
    return;
  }
  onlyFields(place, rule, top ? JSONPATH_RULE : INNER);
  if (top) {
    required(place, rule, "Next");
    text(place, rule, "Next");
    assign(place, rule);
  }
  const heads = [...COMBINERS, "Variable"].filter((name) => rule[name] !== undefined);
  const operators = Object.keys(rule).filter((name) => CHOICE_OPERATORS.has(name));
  if (heads.length !== 1) {
    // The blank and the comma are AWS's.
    const names = "[And, Or, Not, Variable, Condition]";
    place.report.schema(`The object must have only one of the following fields, ${names}`, place.location);
    return;
  }
  if (rule["Variable"] !== undefined) exactlyOne(place, rule, [...CHOICE_OPERATORS]);
  for (const name of COMBINERS) if (rule[name] !== undefined) combine(place, name, rule[name]);
  for (const name of operators) compare(place, rule, name);
}

function combine(place: Place, name: string, inner: unknown): void {
  const location = `${place.location}/${name}`;
  if (name === "Not") {
    checkRule({ ...place, location }, inner, false);
  } else {
    const rules = nonEmptyList(place, { [name]: inner }, name) ?? [];
    for (const [i, rule] of rules.entries()) checkRule({ ...place, location: `${location}[${i}]` }, rule, false);
  }
}

function compare(place: Place, rule: JsonObject, name: string): void {
  referenceValue(place, rule["Variable"], "Variable");
  const value = rule[name];
  const location = `${place.location}/${name}`;
  const kind = operandKind(name);
  if (kind === "path") referenceValue(place, value, name);
  else if (kind === "timestamp") {
    if (typeof value !== "string") place.report.schema("Expected value of type [STRING]", location);
    else if (parseTimestamp(value) === undefined)
      place.report.schema("String does not match RFC3339 timestamp", location);
  } else if (kind === "number" ? numberOf(value) === undefined : typeof value !== kind) {
    place.report.schema(`Expected value of type [${kind.toUpperCase()}]`, location);
  }
}

function referenceValue(place: Place, value: unknown, name: string): void {
  const location = `${place.location}/${name}`;
  if (value === undefined) return;
  if (typeof value !== "string") place.report.schema("Expected value of type [STRING]", location);
  else if (!value.startsWith("$"))
    place.report.schema("Value is not a Reference Path: Reference path didn't start with '$'", location);
  else if (readPathValue(place, value) === undefined) place.report.schema("Value is not a Reference Path", location);
}
