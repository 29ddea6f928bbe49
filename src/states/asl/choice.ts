/** The rules of Choice in JSONPath: a Variable and one operator, or And, Or, Not. */
import { runtime } from "./failure.ts";
import { compareNumbers, isObject, numberOf, type JsonObject } from "./json.ts";
import { parsePath, type PathSyntax } from "./path/parse.ts";
import { readerOf } from "./path/read.ts";
import type { Scope } from "./scope.ts";
import { parseTimestamp } from "./time.ts";

export type Condition = (data: unknown, scope: Scope) => boolean;

type Test = (value: unknown, wanted: unknown) => boolean;
type Kind = "string" | "number" | "timestamp" | "boolean";
type Operator = {
  readonly takes: Kind;
  readonly test: Test;
  /** True if a …Path variant exists. */ readonly path: boolean;
};

const before = (order: number | undefined): boolean => order !== undefined && order < 0;
const after = (order: number | undefined): boolean => order !== undefined && order > 0;
const same = (order: number | undefined): boolean => order === 0;

/** By UTF-16 code unit. */
function strings(left: unknown, right: unknown): number | undefined {
  if (typeof left !== "string" || typeof right !== "string") return undefined;
  return left < right ? -1 : left > right ? 1 : 0;
}

function timestamps(left: unknown, right: unknown): number | undefined {
  if (typeof left !== "string" || typeof right !== "string") return undefined;
  const [a, b] = [parseTimestamp(left), parseTimestamp(right)];
  return a === undefined || b === undefined ? undefined : a < b ? -1 : a > b ? 1 : 0;
}

function family(
  name: string,
  takes: Kind,
  order: (left: unknown, right: unknown) => number | undefined,
): [string, Operator][] {
  return [
    [`${name}Equals`, { takes, path: true, test: (left, right) => same(order(left, right)) }],
    [`${name}LessThan`, { takes, path: true, test: (left, right) => before(order(left, right)) }],
    [`${name}GreaterThan`, { takes, path: true, test: (left, right) => after(order(left, right)) }],
    [
      `${name}LessThanEquals`,
      { takes, path: true, test: (left, right) => before(order(left, right)) || same(order(left, right)) },
    ],
    [
      `${name}GreaterThanEquals`,
      { takes, path: true, test: (left, right) => after(order(left, right)) || same(order(left, right)) },
    ],
  ];
}

function typeTest(is: (value: unknown) => boolean): Operator {
  return { takes: "boolean", path: false, test: (value, wanted) => is(value) === wanted };
}

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ...family("String", "string", strings),
  ...family("Numeric", "number", compareNumbers),
  ...family("Timestamp", "timestamp", timestamps),
  [
    "BooleanEquals",
    { takes: "boolean", path: true, test: (left, right) => typeof left === "boolean" && left === right },
  ],
  ["IsNull", typeTest((value) => value === null)],
  ["IsString", typeTest((value) => typeof value === "string")],
  ["IsNumeric", typeTest((value) => numberOf(value) !== undefined)],
  ["IsBoolean", typeTest((value) => typeof value === "boolean")],
  ["IsTimestamp", typeTest((value) => typeof value === "string" && parseTimestamp(value) !== undefined)],
]);

/** Names of all operators, …Path variants included. */
export const CHOICE_OPERATORS: ReadonlySet<string> = new Set([
  "StringMatches",
  "IsPresent",
  ...[...operators].flatMap(([name, operator]) => (operator.path ? [name, `${name}Path`] : [name])),
]);

/** What the value of an operator must be, for the validator; undefined for a path. */
export function operandKind(name: string): Kind | "path" {
  if (name === "StringMatches") return "string";
  if (name === "IsPresent") return "boolean";
  return operators.get(name)?.takes ?? "path";
}

/** Compiles a rule that the validator has accepted. */
export function compileRule(rule: JsonObject): Condition {
  if (Array.isArray(rule["And"])) {
    const parts = compileRules(rule["And"]);
    return (data, scope) => parts.every((part) => part(data, scope));
  }
  if (Array.isArray(rule["Or"])) {
    const parts = compileRules(rule["Or"]);
    return (data, scope) => parts.some((part) => part(data, scope));
  }
  if (isObject(rule["Not"])) {
    const part = compileRule(rule["Not"]);
    return (data, scope) => !part(data, scope);
  }
  return compileTest(rule);
}

function compileRules(rules: readonly unknown[]): readonly Condition[] {
  return rules.filter(isObject).map(compileRule);
}

function compileTest(rule: JsonObject): Condition {
  const name = Object.keys(rule).find((key) => CHOICE_OPERATORS.has(key)) ?? "";
  const wanted = rule[name];
  const path = parsePath(String(rule["Variable"]));
  const read = readerOf(path);
  if (name === "IsPresent") {
    const variable = path.root === "" || path.root === "$" ? undefined : path.root;
    return (data, scope) => {
      if (variable !== undefined && scope.variable(variable) === undefined) return !wanted;
      return isPresent(path, read(data, scope)) === wanted;
    };
  }
  const variable = valueOf(path);
  if (name === "StringMatches") {
    const pattern = compilePattern(String(wanted));
    return (data, scope) => {
      const value = variable(data, scope);
      return typeof value === "string" && pattern(value);
    };
  }
  const operator = operators.get(name) ?? operators.get(name.replace(/Path$/, ""));
  if (operator === undefined) throw new Error(`no such operator: ${name}`);
  if (operators.has(name)) return (data, scope) => operator.test(variable(data, scope), wanted);
  const other = valueOf(parsePath(String(wanted)));
  return (data, scope) => operator.test(variable(data, scope), other(data, scope));
}

/** An indefinite path is present if it finds anything. */
function isPresent(path: PathSyntax, found: ReturnType<ReturnType<typeof readerOf>>): boolean {
  if ("miss" in found) return false;
  return path.definite || !Array.isArray(found.value) || found.value.length > 0;
}

function valueOf(path: PathSyntax): (data: unknown, scope: Scope) => unknown {
  const read = readerOf(path);
  return (data, scope) => {
    const found = read(data, scope);
    if ("miss" in found)
      throw runtime(`Invalid path '${path.text}': The choice state's condition path references an invalid value.`);
    return found.value;
  };
}

/** `*` stands for any run of characters, `\*` and `\\` for themselves. Linear in the text times the stars. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const pieces: string[] = [""];
  for (let i = 0; i < pattern.length; i += 1) {
    const character = pattern[i] ?? "";
    if (character === "*") pieces.push("");
    else if (character === "\\" && i + 1 < pattern.length)
      pieces.push(`${pieces.pop() ?? ""}${pattern[(i += 1)] ?? ""}`);
    else pieces.push(`${pieces.pop() ?? ""}${character}`);
  }
  const [first = "", ...rest] = pieces;
  const last = rest.pop();
  return (text) => {
    if (last === undefined) return text === first;
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const piece of rest) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= text.length - last.length;
  };
}
