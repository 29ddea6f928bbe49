import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inBlock, parseBlock } from "../../src/iam/address.ts";
import { compilePattern, matchesPattern } from "../../src/iam/pattern.ts";

/** What wildcards mean, said as plainly as possible. */
function naive(pattern: readonly string[], text: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text.length === 0;
  if (first === "*") return naive(rest, text) || (text.length > 0 && naive(pattern, text.slice(1)));
  return text.length > 0 && (first === "?" || first === text[0]) && naive(rest, text.slice(1));
}

void test("wildcards match what the plain definition matches", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", ":", "😀"), maxLength: 9 });
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", ":", "😀", "*", "?"), maxLength: 7 });
  fc.assert(
    fc.property(pattern, text, (wild, plain) => {
      assert.equal(matchesPattern(wild, plain), naive(Array.from(wild), Array.from(plain)));
    }),
    { seed: 7, numRuns: 5000 },
  );
});

void test("a pattern made for backtracking is answered at once", () => {
  const started = performance.now();
  assert.equal(matchesPattern("*a".repeat(30) + "b", "a".repeat(2000)), false);
  assert.ok(performance.now() - started < 200);
});

void test("variables stand for single values, have defaults, and their wildcards are plain text", () => {
  const context = { value: (key: string) => ({ "aws:username": "a*a", "aws:tagkeys": ["x", "y"] })[key] };
  const cases: [string, string, boolean | undefined][] = [
    ["home/${aws:username}/*", "home/a*a/x", true],
    ["home/${aws:username}/*", "home/aba/x", false],
    ["${AWS:UserName}", "a*a", true],
    ["${aws:PrincipalTag/team, 'none'}", "none", true],
    ["${aws:PrincipalTag/team}", "none", undefined],
    ["${aws:TagKeys}", "x", undefined],
    ["a${*}b", "a*b", true],
    ["a${*}b", "axb", false],
    ["${?}${$}", "?$", true],
  ];
  for (const [pattern, text, expected] of cases) {
    assert.equal(compilePattern(pattern, true)(text, context), expected, pattern);
  }
  assert.equal(compilePattern("${aws:username}", false)("${aws:username}", context), true);
});

void test("addresses are in their blocks", () => {
  const cases: [string, string, boolean][] = [
    ["203.0.113.0/24", "203.0.113.7", true],
    ["203.0.113.0/24", "203.0.114.7", false],
    ["203.0.113.7", "::ffff:203.0.113.7", true],
    ["10.0.0.0/7", "11.255.0.1", true],
    ["10.0.0.0/7", "12.0.0.1", false],
    ["0.0.0.0/0", "1.2.3.4", true],
    ["0.0.0.0/0", "::1", false],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["::1", "::1", true],
    ["203.0.113.0/24", "events.amazonaws.com", false],
  ];
  for (const [block, address, expected] of cases) {
    const parsed = parseBlock(block);
    assert.ok(parsed, block);
    assert.equal(inBlock(address, parsed), expected, `${address} in ${block}`);
  }
  for (const wrong of ["203.0.113", "1.2.3.4/33", "1::2::3", "x", "1:2:3:4:5:6:7:8:9", "::1/129"]) {
    assert.equal(parseBlock(wrong), undefined, wrong);
  }
});
