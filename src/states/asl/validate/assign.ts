/** Assign: names of variables and a payload template each. */
import { isObject, type JsonObject } from "../json.ts";
import { template, type Place } from "./values.ts";

const NAME = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;
const NAME_MAX = 80;

export function assign(place: Place, fields: JsonObject): void {
  const given = fields["Assign"];
  if (given === undefined) return;
  const location = `${place.location}/Assign`;
  if (!isObject(given)) {
    place.report.schema("The value for the field 'Assign' must be an object", location);
    return;
  }
  for (const name of assignedNames(fields)) {
    if (!NAME.test(name) || name.length > NAME_MAX || name === "states") {
      place.report.schema(`The variable name '${name}' is not valid`, location);
    }
  }
  template(place, given, location);
}

export function assignedNames(fields: JsonObject): readonly string[] {
  const given = fields["Assign"];
  return isObject(given) ? Object.keys(given).map((key) => key.replace(/\.\$$/, "")) : [];
}
