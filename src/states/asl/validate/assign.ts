/** Assign: names of variables and a payload template each. */
import { isObject, type JsonObject } from "../json.ts";
import { template, type Place } from "./values.ts";

const NAME = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;
const NAME_MAX = 80;

export function assign(place: Place, fields: JsonObject): void {
  assignNames(place, fields);
  if (isObject(fields["Assign"])) template(place, fields["Assign"], `${place.location}/Assign`);
}

/** The names alone, which all languages share. */
export function assignNames(place: Place, fields: JsonObject): void {
  const given = fields["Assign"];
  if (given === undefined) return;
  const location = `${place.location}/Assign`;
  if (!isObject(given)) {
    place.report.schema("Expected value of type [OBJECT]", location);
    return;
  }
  for (const name of assignedNames(fields)) {
    const invalid = (why: string): void =>
      place.report.error(
        "INVALID_VARIABLE_NAME",
        `Invalid variable name '${name}': the variable name ${why}.`,
        location,
      );
    if (name === "states")
      place.report.error("RESERVED_VARIABLE_NAME", "Cannot assign to reserved variable '$states'.", location);
    else if (!NAME.test(name)) invalid("contains invalid characters");
    else if (name.length > NAME_MAX) invalid(`must have at most ${NAME_MAX} characters`);
  }
}

export function assignedNames(fields: JsonObject): readonly string[] {
  const given = fields["Assign"];
  return isObject(given) ? Object.keys(given).map((key) => key.replace(/\.\$$/, "")) : [];
}
