/** Which query language a state speaks. */
import type { QueryLanguage } from "../language.ts";
import type { JsonObject } from "../json.ts";
import type { Place } from "./values.ts";

export type Language = QueryLanguage["name"];

const FIELD = "QueryLanguage";
const SENTENCES = {
  back: "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
  unknown: "Value should be one of the following: [JSONPath, JSONata]",
};

/**
 * A state's own language, or else the machine's: not that of a Map or Parallel around it. Only the exact name makes it
 * JSONPath.
 */
export function languageOf(fields: JsonObject, machine: Language = "JSONPath"): Language {
  const given = fields[FIELD];
  if (given === undefined) return machine;
  return given === "JSONPath" ? "JSONPath" : "JSONata";
}

export function checkLanguage(place: Place, fields: JsonObject, machine: Language = "JSONPath"): void {
  const given = fields[FIELD];
  if (given === undefined) return;
  if (given !== "JSONPath" && given !== "JSONata") place.report.schema(SENTENCES.unknown, `${place.location}/${FIELD}`);
  else if (given === "JSONPath" && machine === "JSONata") place.report.schema(SENTENCES.back, place.location);
}

/** Fields that a state, a rule or a catcher may have in its language; those of the other language are refused by name. */
export function onlyFieldsOf(
  { report, location }: Place,
  fields: JsonObject,
  language: Language,
  allowed: { readonly [language in Language]: ReadonlySet<string> },
): void {
  const other = language === "JSONata" ? "JSONPath" : "JSONata";
  for (const name of Object.keys(fields)) {
    if (allowed[language].has(name)) continue;
    report.schema(
      allowed[other].has(name)
        ? `The QueryLanguage is set to '${language}', but field '${name}' is only supported for the '${other}' QueryLanguage`
        : `Field '${name}' is not supported`,
      location,
    );
  }
}
