import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCondition, ConditionError } from "../../src/iam/condition.ts";

type Given = string | readonly string[] | undefined;
type Row = readonly [operator: string, values: readonly string[], given: Given, expected: boolean];

const ROWS: readonly Row[] = [
  ["StringEquals", ["a", "b"], "b", true],
  ["StringEquals", ["a*"], "ab", false],
  ["StringEquals", ["a"], "A", false],
  ["StringEquals", ["a"], undefined, false],
  ["StringEqualsIfExists", ["a"], undefined, true],
  ["StringEqualsIfExists", ["a"], "b", false],
  ["StringNotEquals", ["a", "b"], "b", false],
  ["StringNotEquals", ["a", "b"], "c", true],
  ["StringNotEquals", ["a"], undefined, true],
  ["StringEqualsIgnoreCase", ["AbC"], "aBc", true],
  ["StringNotEqualsIgnoreCase", ["AbC"], "aBc", false],
  ["StringLike", ["a*c?"], "abbcd", true],
  ["StringLike", ["a*c?"], "abbc", false],
  ["StringNotLike", ["a*", "b*"], "c", true],
  ["StringNotLike", ["a*", "b*"], "bx", false],
  ["StringEquals", ["${aws:missing}"], "x", false],
  ["StringNotEquals", ["${aws:missing}"], "x", false],
  ["StringEquals", ["${aws:missing, 'x'}"], "x", true],
  ["NumericEquals", ["10"], "10.0", true],
  ["NumericNotEquals", ["10"], "11", true],
  ["NumericLessThan", ["10"], "9", true],
  ["NumericLessThan", ["10"], "10", false],
  ["NumericLessThanEquals", ["10"], "10", true],
  ["NumericGreaterThan", ["10"], "11", true],
  ["NumericGreaterThanEquals", ["10"], "9", false],
  ["NumericEquals", ["0"], "", false],
  ["DateGreaterThan", ["2026-01-01T00:00:00Z"], "2026-05-04T09:12:31.000Z", true],
  ["DateLessThan", ["2026-01-01"], "2026-05-04T09:12:31Z", false],
  ["DateEquals", ["1777885951"], "2026-05-04T09:12:31Z", true],
  ["DateNotEquals", ["1777885951"], "2026-05-04T09:12:31Z", false],
  ["DateLessThanEquals", ["1777885951"], "1777885951", true],
  ["Bool", ["true"], "True", true],
  ["Bool", ["false"], "true", false],
  ["BinaryEquals", ["QUJD"], "QUJD", true],
  ["BinaryEquals", ["QUJD"], "QUJE", false],
  ["IpAddress", ["203.0.113.0/24", "::1"], "::1", true],
  ["NotIpAddress", ["203.0.113.0/24"], "203.0.113.9", false],
  ["NotIpAddress", ["203.0.113.0/24"], undefined, true],
  ["ArnLike", ["arn:aws:s3:::b*"], "arn:aws:s3:::bucket", true],
  ["ArnLike", ["arn:*:bucket"], "arn:aws:s3:::bucket", false],
  ["ArnEquals", ["arn:aws:events:*:1:rule/*"], "arn:aws:events:eu-west-1:1:rule/a:b", true],
  ["ArnNotLike", ["arn:aws:s3:::b*"], "arn:aws:s3:::a", true],
  ["ArnLike", ["arn:aws:iam::1:user/${aws:username}"], "arn:aws:iam::1:user/ada", true],
  ["Null", ["true"], undefined, true],
  ["Null", ["true"], "x", false],
  ["Null", ["false"], "x", true],
  ["ForAllValues:StringEquals", ["a", "b"], ["a", "b"], true],
  ["ForAllValues:StringEquals", ["a", "b"], ["a", "c"], false],
  ["ForAllValues:StringEquals", ["a"], undefined, true],
  ["ForAllValues:StringEquals", ["a"], [], true],
  ["ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], true],
  ["ForAnyValue:StringEquals", ["a"], ["c"], false],
  ["ForAnyValue:StringEquals", ["a"], undefined, false],
  ["ForAnyValue:StringNotEquals", ["a"], ["a", "b"], true],
  ["ForAnyValue:StringNotEquals", ["a"], undefined, false],
  ["ForAllValues:StringNotLike", ["a*"], ["b", "ax"], false],
  ["ForAllValues:StringLike", ["a*"], "abc", true],
];

for (const [operator, values, given, expected] of ROWS) {
  void test(`${operator} ${JSON.stringify(values)} of ${JSON.stringify(given)} is ${expected}`, () => {
    const condition = compileCondition(operator, "s3:Key", values, true);
    const known: Readonly<Record<string, Given>> = { "s3:key": given, "aws:username": "ada" };
    assert.equal(condition.key, "s3:key");
    assert.equal(condition.holds({ value: (key) => known[key] }), expected);
  });
}

void test("unknown operators, and values of the wrong type, are refused", () => {
  for (const [operator, value] of [
    ["StringMatches", "a"],
    ["NullIfExists", "true"],
    ["ForAllValues:Null", "true"],
    ["NumericEquals", "ten"],
    ["DateEquals", "soon"],
    ["Bool", "maybe"],
    ["IpAddress", "300.0.0.1"],
  ] as const) {
    assert.throws(() => compileCondition(operator, "a:b", [value], true), ConditionError, operator);
  }
});
