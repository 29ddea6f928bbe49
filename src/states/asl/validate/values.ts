/** Checks of single fields. */
import { isObject, numberOf, type JsonObject } from "../json.ts";
import { looksLikeIntrinsic, type Call } from "../intrinsic/parse.ts";
import { parseIntrinsic } from "../intrinsic/parse.ts";
import { functions } from "../intrinsic/functions.ts";
import { parsePath, PathSyntaxError, type PathSyntax } from "../path/parse.ts";
import { referenceTokens } from "../path/read.ts";
import type { Report } from "./report.ts";

/** One state while it is checked. */
export type Place = { readonly report: Report; readonly stateName: string; readonly location: string };

/** A timestamp as far as its form goes. */
export const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

export function required(place: Place, fields: JsonObject, name: string): boolean {
  if (fields[name] !== undefined) return true;
  requiredTogether(place, fields, [name]);
  return false;
}

/** AWS names all missing fields of an object in one finding. */
export function requiredTogether(place: Place, fields: JsonObject, names: readonly string[]): void {
  const missing = names.filter((name) => fields[name] === undefined);
  if (missing.length > 0)
    place.report.schema(`These fields are required: [${missing.join(", ")}]`, place.location || "/");
}

/** At most one of these fields; says whether there is any. */
export function atMostOne(place: Place, fields: JsonObject, names: readonly string[]): boolean {
  const given = names.filter((name) => fields[name] !== undefined);
  if (given.length > 1)
    place.report.schema(`There should only be one of the following fields: [${names.join(", ")}]`, place.location);
  return given.length > 0;
}

/** One of these fields and no more. */
export function exactlyOne(place: Place, fields: JsonObject, names: readonly string[]): void {
  if (!atMostOne(place, fields, names))
    place.report.schema(
      `This object should have only one of the following fields: [${names.join(", ")}]`,
      place.location,
    );
}

/** A list that may not be empty; undefined where it is none. */
export function nonEmptyList(place: Place, fields: JsonObject, name: string): readonly unknown[] | undefined {
  const value = fields[name];
  const location = `${place.location}/${name}`;
  if (!Array.isArray(value)) place.report.schema("Expected value of type [ARRAY]", location);
  else if (value.length === 0) place.report.schema("Value cannot be empty", location);
  else return value as unknown[];
  return undefined;
}

/** Absent is fine; returns the text if there is one. */
export function text(place: Place, fields: JsonObject, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  place.report.schema("Expected value of type [STRING]", `${place.location}/${name}`);
  return undefined;
}

export function integer(
  place: Place,
  fields: JsonObject,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  const given = numberOf(value);
  if (given === undefined || !Number.isInteger(given)) {
    place.report.schema("Expected value of type Integer", `${place.location}/${name}`);
    return undefined;
  }
  return inRange(place, name, given, least, most) ? given : undefined;
}

export function number(place: Place, fields: JsonObject, name: string, least: number, most: number): void {
  const value = fields[name];
  if (value === undefined) return;
  const given = numberOf(value);
  if (given === undefined) place.report.schema("Expected value of type Number", `${place.location}/${name}`);
  else inRange(place, name, given, least, most);
}

function inRange(place: Place, name: string, given: number, least: number, most: number): boolean {
  if (given >= least && given <= most) return true;
  const bound = given < least ? `Minimum value is ${least}` : `Maximum value is ${most}`;
  place.report.schema(bound, `${place.location}/${name}`);
  return false;
}

export function oneOf(place: Place, fields: JsonObject, name: string, allowed: readonly string[]): void {
  const value = text(place, fields, name);
  if (value === undefined || allowed.includes(value)) return;
  place.report.schema(`Value should be one of the following: [${allowed.join(", ")}]`, `${place.location}/${name}`);
}

/** A path; null is allowed where `nullable`. */
export function path(place: Place, fields: JsonObject, name: string, nullable = false): void {
  const value = fields[name];
  if (value === undefined || (nullable && value === null)) return;
  if (readPathValue(place, value) === undefined)
    place.report.schema("Value must be a valid JSONPath.", `${place.location}/${name}`);
}

/** A path that may not branch, into the state's own data. */
export function referencePath(place: Place, fields: JsonObject, name: string): void {
  const value = fields[name];
  if (value === undefined || value === null) return;
  const syntax = readPathValue(place, value);
  if (syntax === undefined) place.report.schema("Value must be a valid JSONPath.", `${place.location}/${name}`);
  else if (syntax.root !== "" || referenceTokens(syntax) === undefined)
    place.report.schema("Value is not a Reference Path", `${place.location}/${name}`);
}

export function readPathValue(place: Place, value: unknown): PathSyntax | undefined {
  if (typeof value !== "string") return undefined;
  try {
    const syntax = parsePath(value);
    note(place, syntax);
    return syntax;
  } catch (error) {
    if (error instanceof PathSyntaxError) return undefined;
    throw error;
  }
}

function note(place: Place, syntax: PathSyntax): void {
  if (syntax.root !== "" && syntax.root !== "$") place.report.reads(place.stateName, syntax.root);
}

/** A path or an intrinsic call, as the value of a `.$` key or of ErrorPath and CausePath. */
export function expression(place: Place, value: unknown, name: string, location: string): void {
  try {
    if (typeof value !== "string") throw new PathSyntaxError("not a string");
    if (looksLikeIntrinsic(value)) checkCall(place, parseIntrinsic(value));
    else note(place, parsePath(value));
  } catch (error) {
    if (!(error instanceof PathSyntaxError)) throw error;
    place.report.schema(
      `The value for the field '${name}' must be a valid JSONPath or a valid intrinsic function call`,
      location,
    );
  }
}

function checkCall(place: Place, call: Call): void {
  const known = functions.get(call.name);
  if (known === undefined || call.arguments.length < known.least || call.arguments.length > known.most) {
    throw new PathSyntaxError(`States.${call.name}`);
  }
  for (const argument of call.arguments) {
    if (argument.kind === "path") note(place, argument.path);
    else if (argument.kind === "call") checkCall(place, argument.call);
  }
}

/** All `.$` keys of a payload template. */
export function template(place: Place, value: unknown, location: string): void {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) template(place, item, `${location}[${i}]`);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (key.endsWith(".$")) expression(place, item, key, location);
      else template(place, item, `${location}/${key}`);
    }
  }
}

/** Fields that a state or a part of it may have. */
export function onlyFields(place: Place, fields: JsonObject, allowed: ReadonlySet<string>): void {
  for (const name of Object.keys(fields)) {
    if (!allowed.has(name)) place.report.schema(`Field '${name}' is not supported`, place.location || "/");
  }
}
