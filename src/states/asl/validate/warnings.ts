/** What is allowed and probably not meant: paths where nothing reads them. They say nothing against a definition. */
import { isObject, type JsonObject } from "../json.ts";
import type { Report } from "./report.ts";

/** Fields that hold payload templates, in a state and in the parts of a Map. */
const TEMPLATES = ["Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials", "BatchInput"];
const PARTS = ["ItemReader", "ItemBatcher", "ResultWriter"];

/** Warns of a state in JSONPath. */
export function warnOf(report: Report, state: JsonObject, location: string): void {
  for (const name of TEMPLATES) if (state[name] !== undefined) noDollar(report, state[name], `${location}/${name}`);
  for (const name of PARTS) if (isObject(state[name])) warnOf(report, state[name], `${location}/${name}`);
  for (const [list, field] of [
    [state["Choices"], "Choices"],
    [state["Catch"], "Catch"],
  ] as const) {
    if (!Array.isArray(list)) continue;
    for (const [i, item] of list.filter(isObject).entries()) {
      const at = `${location}/${field}[${i}]`;
      if (item["Assign"] !== undefined) noDollar(report, item["Assign"], `${at}/Assign`);
      if (field === "Choices") comparesPaths(report, item, at);
    }
  }
  if (state["Type"] === "Fail") for (const name of ["Error", "Cause"]) noPath(report, state, name, location);
  if (state["Type"] === "Pass" && state["Result"] !== undefined)
    staticResult(report, state["Result"], `${location}/Result`);
}

/** Keys of a template whose values would be evaluated if only they ended in `.$`. */
function noDollar(report: Report, value: unknown, location: string): void {
  eachText(value, location, (text, key, at) => {
    if (!key.endsWith(".$") && (looksLikePath(text) || looksLikeCall(text)))
      report.warning(
        "NO_DOLLAR",
        `No '.$' on the field '${key}', whose value appears to be a JSONPath or Intrinsic Function`,
        at,
      );
  });
}

/** A comparison with a text that looks like the path of another value; `StringEqualsPath` would be meant. */
function comparesPaths(report: Report, rule: JsonObject, location: string): void {
  for (const name of Object.keys(rule)) if (name.startsWith("String")) noPath(report, rule, name, location);
  if (isObject(rule["Not"])) comparesPaths(report, rule["Not"], `${location}/Not`);
  for (const name of ["And", "Or"]) {
    const inner = rule[name];
    if (!Array.isArray(inner)) continue;
    for (const [i, item] of inner.filter(isObject).entries()) comparesPaths(report, item, `${location}/${name}[${i}]`);
  }
}

function noPath(report: Report, fields: JsonObject, name: string, location: string): void {
  const value = fields[name];
  if (typeof value === "string" && !name.endsWith("Path") && looksLikePath(value))
    report.warning(
      "NO_PATH",
      `Field '${name}' has a value that looks like a path, but its name does not end with 'Path'`,
      `${location}/${name}`,
    );
}

function staticResult(report: Report, value: unknown, location: string): void {
  eachText(value, location, (text, key, at) => {
    if (key.endsWith(".$") || looksLikePath(text))
      report.warning(
        "PASS_RESULT_IS_STATIC",
        "The Result of a Pass state is static, so the path in it is not evaluated",
        at,
      );
  });
}

function eachText(value: unknown, location: string, visit: (text: string, key: string, at: string) => void): void {
  if (typeof value === "string") visit(value, location.slice(location.lastIndexOf("/") + 1), location);
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) eachText(item, `${location}[${i}]`, visit);
  else if (isObject(value))
    for (const [key, item] of Object.entries(value)) eachText(item, `${location}/${key}`, visit);
}

function looksLikePath(text: string): boolean {
  return /^\${1,2}[.[]/.test(text);
}

function looksLikeCall(text: string): boolean {
  return /^States\.\w+\(.*\)$/s.test(text);
}
