import { exactMatcher, numberMatcher, readMatchExpression } from "./operators.ts";
import type { Field, Matcher, Pattern } from "./pattern.ts";
import { JsonReader, type PatternError } from "./reader.ts";
import { TOO_COMPLEX } from "./text.ts";

/** `$or` branches multiply out; AWS refuses patterns that become too many. */
const BRANCH_LIMIT = 1000;

/** Names that are operators here or might become some: as field names inside a `$or` branch they would be mistakes. */
const RESERVED = new Set(
  (
    "exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr = < <= > >= regex not-wildcard " +
    "not-equals-ignore-case date-after date-on-or-after date-before date-on-or-before in-date-range ip-address-in-range ip-address-not-in-range"
  ).split(" "),
);

type Alternatives = Map<string, readonly Matcher[]>;

/** Parses the text of an event pattern. Throws `PatternError` at the first thing that is wrong, in the text's order. */
export function parsePattern(text: string): Pattern {
  const reader = new JsonReader(text);
  if (reader.next() !== "{") throw reader.fail("Filter is not an object");
  const branches = readObject(reader, "", [new Map()], false);
  if (reader.next() !== "end") throw reader.fail("Unexpected content after the pattern");
  return {
    branches: branches.map((branch) => Array.from(branch, ([path, alternatives]): Field => ({ path, alternatives }))),
  };
}

/** The sentence AWS answers for a pattern that does not parse. */
export function patternSentence(error: PatternError): string {
  return `Event pattern is not valid. Reason: ${error.message}\n${error.location}`;
}

/** Reads to the closing brace; what the object says is added to every branch so far. */
function readObject(reader: JsonReader, path: string, before: Alternatives[], reserved: boolean): Alternatives[] {
  let branches = before;
  let empty = true;
  while (reader.next() === "name") {
    empty = false;
    const name = reader.name;
    if (reserved && RESERVED.has(name)) throw reader.fail(`${name} is a reserved key and not allowed inside $or`);
    const inner = path === "" ? name : `${path}.${name}`;
    const value = reader.next();
    if (value === "[" && name === "$or") branches = readOr(reader, path, branches);
    else if (value === "{") branches = readObject(reader, inner, branches, reserved);
    else if (value === "[") {
      const alternatives = readArray(reader);
      for (const branch of branches) branch.set(inner, alternatives);
    } else throw reader.fail(`"${name}" must be an object or an array`);
  }
  if (empty) throw reader.fail("Empty objects are not allowed");
  return branches;
}

function readOr(reader: JsonReader, path: string, before: Alternatives[]): Alternatives[] {
  const branches: Alternatives[] = [];
  let count = 0;
  for (let token = reader.next(); token !== "]"; token = reader.next(), count++) {
    if (token !== "{") throw reader.fail("Only objects are allowed in $or");
    const copies = before.map((branch) => new Map(branch));
    branches.push(...readObject(reader, path, copies, true));
    if (branches.length > BRANCH_LIMIT) throw reader.fail(TOO_COMPLEX);
  }
  if (count < 2) throw reader.fail("There must be at least 2 objects in $or");
  return branches;
}

function readArray(reader: JsonReader): readonly Matcher[] {
  const alternatives: Matcher[] = [];
  for (let token = reader.next(); token !== "]"; token = reader.next()) {
    if (token === "{") alternatives.push(readMatchExpression(reader));
    else if (token === "string") alternatives.push(exactMatcher(reader.text()));
    else if (token === "number") alternatives.push(numberMatcher(reader.number));
    else if (token === "true" || token === "false") alternatives.push({ kind: "exact", value: token === "true" });
    else if (token === "null") alternatives.push({ kind: "exact", value: null });
    else throw reader.fail("Match value must be String, number, true, false, or null");
  }
  if (alternatives.length === 0) throw reader.fail("Empty arrays are not allowed");
  return alternatives;
}
