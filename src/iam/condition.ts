/**
 * Conditions of policy statements. Operators and keys must all hold; the values of one key are alternatives,
 * and for negated operators none of them may match.
 */
import { inBlock, parseBlock } from "./address.ts";
import { compilePattern, compileText } from "./pattern.ts";
import type { Context } from "./pattern.ts";

export type Condition = {
  /** The condition key, lower-case. */
  readonly key: string;
  readonly holds: (context: Context) => boolean;
};

/** One value of the policy against one value of the request; undefined if the value names a variable that is not there. */
type Test = (value: string, context: Context) => boolean | undefined;
type Operator = {
  readonly negated: boolean;
  /** Answers undefined if the policy's value is not of the operator's type. */
  readonly compile: (value: string, variables: boolean) => Test | undefined;
};

/** Why a condition block is refused: the operator, or a value that is not of its type. */
export class ConditionError extends Error {
  override readonly name = "ConditionError";
}

/** Compiles one operator with one key. Throws ConditionError on operators and values that AWS refuses. */
export function compileCondition(name: string, key: string, values: readonly string[], variables: boolean): Condition {
  const [set, base, ifExists] = takeApart(name);
  const lower = key.toLowerCase();
  if (base === "Null") {
    if (ifExists || set) throw new ConditionError(`Invalid Condition type : ${name}.`);
    return { key: lower, holds: compileNull(lower, values) };
  }
  const operator = OPERATORS.get(base);
  if (!operator) throw new ConditionError(`Invalid Condition type : ${name}.`);
  const tests = values.map((value) => {
    const test = operator.compile(value, variables);
    if (!test) throw new ConditionError(`The value ${value} is not valid for the condition operator ${name}.`);
    return test;
  });
  const passes = operator.negated ? noneOf(tests) : someOf(tests);
  return { key: lower, holds: overValues(lower, set, ifExists, operator.negated, passes) };
}

/** Adds up what `${…}` in a condition's values refers to, for those who must know which keys a policy reads. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\{([^},]+)[^}]*\}/g)].flatMap(([, name]) =>
    name && !["*", "?", "$"].includes(name) ? [name.trim().toLowerCase()] : [],
  );
}

function takeApart(name: string): [set: "all" | "any" | undefined, base: string, ifExists: boolean] {
  let base = name;
  let set: "all" | "any" | undefined;
  if (base.startsWith("ForAllValues:")) set = "all";
  else if (base.startsWith("ForAnyValue:")) set = "any";
  if (set) base = base.slice(base.indexOf(":") + 1);
  const ifExists = base.endsWith("IfExists");
  return [set, ifExists ? base.slice(0, -"IfExists".length) : base, ifExists];
}

function compileNull(key: string, values: readonly string[]): (context: Context) => boolean {
  const wanted = values.map((value) => value.toLowerCase() === "true");
  return (context) => wanted.includes(isMissing(context.value(key)));
}

function isMissing(value: string | readonly string[] | undefined): boolean {
  return value === undefined || (typeof value !== "string" && value.length === 0);
}

function overValues(
  key: string,
  set: "all" | "any" | undefined,
  ifExists: boolean,
  negated: boolean,
  passes: Test,
): (context: Context) => boolean {
  return (context) => {
    const value = context.value(key);
    if (value === undefined || isMissing(value)) {
      if (set === "all" || ifExists) return true;
      return set === "any" ? false : negated;
    }
    if (typeof value === "string") return passes(value, context) === true;
    // Without a set operator a multi-valued key is read as AWS does: one match suffices, and negated, none may match.
    if (set === "all" || (set === undefined && negated)) return value.every((one) => passes(one, context) === true);
    return value.some((one) => passes(one, context) === true);
  };
}

function someOf(tests: readonly Test[]): Test {
  const [only] = tests;
  if (only && tests.length === 1) return only;
  return (value, context) => tests.some((test) => test(value, context) === true);
}

function noneOf(tests: readonly Test[]): Test {
  return (value, context) => tests.every((test) => test(value, context) === false);
}

function sameText(value: string, variables: boolean): Test {
  const text = compileText(value, variables);
  return (given, context) => {
    const wanted = text(context);
    return wanted === undefined ? undefined : given === wanted;
  };
}

function sameTextIgnoringCase(value: string, variables: boolean): Test {
  const text = compileText(value, variables);
  return (given, context) => {
    const wanted = text(context);
    return wanted === undefined ? undefined : given.toLowerCase() === wanted.toLowerCase();
  };
}

function likeArn(value: string, variables: boolean): Test {
  if (value === "*") return () => true;
  const parts = arnParts(value).map((part) => compilePattern(part, variables));
  return (given, context) => {
    const givenParts = arnParts(given);
    if (givenParts.length !== parts.length) return false;
    for (const [at, part] of parts.entries()) {
      const matched = part(givenParts[at] ?? "", context);
      if (matched !== true) return matched;
    }
    return true;
  };
}

/** The six parts of an ARN; the sixth keeps its colons. A colon inside `${aws:username}` divides nothing. */
function arnParts(arn: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let depth = 0;
  for (let at = 0; at < arn.length && parts.length < 5; at++) {
    if (arn[at] === "$" && arn[at + 1] === "{") depth++;
    else if (arn[at] === "}" && depth > 0) depth--;
    else if (arn[at] === ":" && depth === 0) {
      parts.push(arn.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(arn.slice(from));
  return parts;
}

function numeric(holds: (given: number, wanted: number) => boolean): Operator["compile"] {
  return (value) => {
    const wanted = value.trim() === "" ? Number.NaN : Number(value);
    if (Number.isNaN(wanted)) return undefined;
    return (given) => {
      const number = given.trim() === "" ? Number.NaN : Number(given);
      return !Number.isNaN(number) && holds(number, wanted);
    };
  };
}

function dated(holds: (given: number, wanted: number) => boolean): Operator["compile"] {
  return (value) => {
    const wanted = instant(value);
    if (Number.isNaN(wanted)) return undefined;
    return (given) => {
      const at = instant(given);
      return !Number.isNaN(at) && holds(at, wanted);
    };
  };
}

/** Milliseconds of an ISO 8601 date or of seconds since 1970. */
function instant(text: string): number {
  if (/^-?\d{5,}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  return /^\d{4}(-|$)/.test(text) ? Date.parse(text) : Number.NaN;
}

const inBlockOf: Operator["compile"] = (value) => {
  const block = parseBlock(value);
  return block && ((given) => inBlock(given, block));
};
const sameBoolean: Operator["compile"] = (value) => {
  const wanted = value.toLowerCase();
  return wanted === "true" || wanted === "false" ? (given) => given.toLowerCase() === wanted : undefined;
};
const sameBytes: Operator["compile"] = (value) => {
  const wanted = Buffer.from(value, "base64");
  return (given) => wanted.equals(Buffer.from(given, "base64"));
};

type Pair = readonly [positive: string, negative: string | undefined, compile: Operator["compile"]];
const PAIRS: readonly Pair[] = [
  ["StringEquals", "StringNotEquals", sameText],
  ["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", sameTextIgnoringCase],
  ["StringLike", "StringNotLike", compilePattern],
  ["ArnEquals", "ArnNotEquals", likeArn],
  ["ArnLike", "ArnNotLike", likeArn],
  ["NumericEquals", "NumericNotEquals", numeric((given, wanted) => given === wanted)],
  ["NumericLessThan", undefined, numeric((given, wanted) => given < wanted)],
  ["NumericLessThanEquals", undefined, numeric((given, wanted) => given <= wanted)],
  ["NumericGreaterThan", undefined, numeric((given, wanted) => given > wanted)],
  ["NumericGreaterThanEquals", undefined, numeric((given, wanted) => given >= wanted)],
  ["DateEquals", "DateNotEquals", dated((given, wanted) => given === wanted)],
  ["DateLessThan", undefined, dated((given, wanted) => given < wanted)],
  ["DateLessThanEquals", undefined, dated((given, wanted) => given <= wanted)],
  ["DateGreaterThan", undefined, dated((given, wanted) => given > wanted)],
  ["DateGreaterThanEquals", undefined, dated((given, wanted) => given >= wanted)],
  ["Bool", undefined, sameBoolean],
  ["BinaryEquals", undefined, sameBytes],
  ["IpAddress", "NotIpAddress", inBlockOf],
];

const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  PAIRS.flatMap(([positive, negative, compile]): [string, Operator][] => [
    [positive, { negated: false, compile }],
    ...(negative ? [[negative, { negated: true, compile }] satisfies [string, Operator]] : []),
  ]),
);
