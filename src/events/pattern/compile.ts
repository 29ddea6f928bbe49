import { inRange, parseAddress, type Range } from "./address.ts";
import { isRawNumber } from "./number.ts";
import type { Field, Matcher, Scalar } from "./pattern.ts";
import { foldedAt, foldedEquals, foldedSuffix, wildcardMatches } from "./text.ts";

type Test = (value: Scalar) => boolean;

/** A field made ready: exact values in a set, everything else as closures. */
export type CompiledField = {
  readonly path: string;
  /** The field may be absent. */
  readonly absent: boolean;
  /** The exact alternatives; they are all there is when `indexable`. */
  readonly values: readonly (string | number | boolean | null)[];
  readonly indexable: boolean;
  readonly accepts: Test;
};

export function compileField(field: Field): CompiledField {
  const values: (string | number | boolean | null)[] = [];
  const tests: Test[] = [];
  let absent = false;
  for (const matcher of field.alternatives) {
    if (matcher.kind === "exact") values.push(matcher.value);
    else if (matcher.kind === "address" && matcher.address.bits === 32) values.push(matcher.text);
    else if (matcher.kind === "exists" && !matcher.value) absent = true;
    else tests.push(compileMatcher(matcher));
  }
  return {
    path: field.path,
    absent,
    values,
    indexable: tests.length === 0 && !absent,
    accepts: acceptor(values, tests),
  };
}

function acceptor(values: readonly (string | number | boolean | null)[], tests: readonly Test[]): Test {
  const [only, second] = values;
  const [test] = tests;
  if (tests.length === 0 && values.length === 1) return (value) => value === only;
  if (tests.length === 0 && values.length === 2) return (value) => value === only || value === second;
  if (values.length === 0 && tests.length === 1 && test) return test;
  const exact = new Set<Scalar>(values);
  return (value) => exact.has(value) || tests.some((each) => each(value));
}

/** Whether a present value matches one element of a pattern's array. */
function compileMatcher(matcher: Matcher): Test {
  switch (matcher.kind) {
    case "exact":
      return (value) => value === matcher.value;
    case "literal number":
      return (value) => isRawNumber(value) && value.rawJSON === matcher.text;
    case "address":
      return (value) => {
        if (typeof value !== "string") return false;
        if (value === matcher.text) return true;
        const address = parseAddress(value);
        return address?.bits === matcher.address.bits && address.value === matcher.address.value;
      };
    case "prefix":
      return (value) => typeof value === "string" && value.startsWith(matcher.text);
    case "suffix":
      return (value) => typeof value === "string" && value.endsWith(matcher.text);
    case "folded":
      return compileFolded(matcher);
    case "wildcard":
      return (value) => typeof value === "string" && wildcardMatches(matcher.pieces, value);
    case "numeric":
      return compileNumeric(matcher);
    case "cidr":
      return compileRange(matcher.range);
    case "exists":
      return () => matcher.value;
    case "anything but": {
      const tests = matcher.of.map(compileMatcher);
      return (value) => !tests.some((test) => test(value));
    }
  }
}

/** Recorded quirk: `0.0.0.0/0` also takes numbers such as 1000.0, but not 0 or 0.1. */
function compileRange(range: Range): Test {
  const all = range.bits === 32 && range.shift === 32n;
  return (value) =>
    typeof value === "string" ? inRange(range, value) : all && typeof value === "number" && value >= 2;
}

function compileFolded({ at, folded }: Extract<Matcher, { kind: "folded" }>): Test {
  if (at === "whole") return (value) => typeof value === "string" && foldedEquals(value, folded);
  if (at === "prefix") return (value) => typeof value === "string" && foldedAt(value, 0, folded) >= 0;
  return (value) => typeof value === "string" && foldedSuffix(value, folded);
}

function compileNumeric({ lower, upper }: Extract<Matcher, { kind: "numeric" }>): Test {
  return (value) =>
    typeof value === "number" &&
    (!lower || (lower.inclusive ? value >= lower.value : value > lower.value)) &&
    (!upper || (upper.inclusive ? value <= upper.value : value < upper.value));
}
