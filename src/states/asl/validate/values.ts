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

export function required(place: Place, fields: JsonObject, name: string): boolean {
  if (fields[name] !== undefined) return true;
  place.report.schema(`The field '${name}' is required but was missing`, place.location);
  return false;
}

/** Absent is fine; returns the text if there is one. */
export function text(place: Place, fields: JsonObject, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  place.report.schema(`The value for the field '${name}' must be a string`, `${place.location}/${name}`);
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
  const number = numberOf(value);
  if (number !== undefined && Number.isInteger(number) && number >= least && number <= most) return number;
  place.report.schema(
    `The value for the field '${name}' must be an integer between ${least} and ${most}`,
    `${place.location}/${name}`,
  );
  return undefined;
}

export function number(place: Place, fields: JsonObject, name: string, least: number, most: number): void {
  const value = fields[name];
  if (value === undefined) return;
  const given = numberOf(value);
  if (given !== undefined && given >= least && given <= most) return;
  const range = most === Infinity ? `greater than or equal to ${least}` : `between ${least} and ${most}`;
  place.report.schema(`The value for the field '${name}' must be a number ${range}`, `${place.location}/${name}`);
}

export function oneOf(place: Place, fields: JsonObject, name: string, allowed: readonly string[]): void {
  const value = fields[name];
  if (value === undefined || allowed.some((choice) => choice === value)) return;
  place.report.schema(
    `The value for the field '${name}' must be one of [${allowed.join(", ")}]`,
    `${place.location}/${name}`,
  );
}

export function exclusive(place: Place, fields: JsonObject, first: string, second: string): void {
  if (fields[first] === undefined || fields[second] === undefined) return;
  place.report.schema(`The fields '${first}' and '${second}' are mutually exclusive`, place.location);
}

/** A path; null is allowed where `nullable`. */
export function path(place: Place, fields: JsonObject, name: string, nullable = false): void {
  const value = fields[name];
  if (value === undefined || (nullable && value === null)) return;
  if (readPathValue(place, value) === undefined) {
    place.report.schema(`The value for the field '${name}' must be a valid JSONPath`, `${place.location}/${name}`);
  }
}

/** A path that may not branch, into the state's own data. */
export function referencePath(place: Place, fields: JsonObject, name: string): void {
  const value = fields[name];
  if (value === undefined || value === null) return;
  const syntax = readPathValue(place, value);
  if (syntax === undefined || syntax.root !== "" || referenceTokens(syntax) === undefined) {
    place.report.schema(
      `The value for the field '${name}' must be a valid Reference Path`,
      `${place.location}/${name}`,
    );
  }
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
    if (!allowed.has(name))
      place.report.schema(`The field '${name}' is not supported by Step Functions`, place.location);
  }
}
