import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { explain } from "../../src/events/pattern/explain.ts";
import { compilePattern } from "../../src/events/pattern/match.ts";
import { exactNumber, parseKeepingNumbers } from "../../src/events/pattern/number.ts";
import { parsePattern, patternSentence } from "../../src/events/pattern/parse.ts";
import { PatternError } from "../../src/events/pattern/reader.ts";
import { RuleIndex } from "../../src/events/pattern/ruleIndex.ts";
import { fold, foldedSuffix, parseWildcard, wildcardMatches } from "../../src/events/pattern/text.ts";

const matches = (pattern: unknown, event: unknown): boolean =>
  compilePattern(parsePattern(typeof pattern === "string" ? pattern : JSON.stringify(pattern)))(
    (typeof event === "string" ? parseKeepingNumbers(event) : event) as Record<string, unknown>,
  );

function sentenceOf(pattern: string): string {
  try {
    parsePattern(pattern);
  } catch (error) {
    if (error instanceof PatternError) return patternSentence(error);
    throw error;
  }
  return "no error";
}

void test("values match by type, and key paths join with a dot", () => {
  assert.ok(matches({ a: [5, "5x", true, null, ""] }, { a: 5 }));
  assert.ok(!matches({ a: ["true"] }, { a: true }));
  assert.ok(!matches({ a: ["5"] }, { a: 5 }));
  assert.ok(!matches({ a: [null] }, { a: "null" }));
  assert.ok(matches('{"a":{"b":[300.0]}}', '{"a.b":3.0e2}'));
  assert.ok(matches({ "a.b": [1] }, { a: [{ b: 2 }, { b: 1 }] }));
  assert.ok(!matches({ constructor: [{ exists: true }] }, {}));
  assert.ok(matches({ ip: ["::1"] }, { ip: "0:0:0:0:0:0:0:1" }));
  assert.ok(matches('{"id":[12345678901234567890]}', '{"id":12345678901234567890}'));
  assert.ok(!matches('{"id":[12345678901234567890]}', '{"id":12345678901234567891}'));
  assert.ok(matches('{"a":[1],"a":[2]}', { a: 2 }), "the last of two equal keys counts");
  assert.ok(!matches('{"a":[1],"a":[2]}', { a: 1 }));
});

void test("fields may not be satisfied from different elements of one array", () => {
  const both = { d: { a: [1], b: [2] } };
  assert.ok(!matches(both, { d: [{ a: 1 }, { b: 2 }] }));
  assert.ok(matches(both, { d: [{ a: 1 }, { b: 2 }, { a: 1, b: 2 }] }));
  assert.ok(matches({ d: { a: [1] }, e: { b: [2] } }, { d: [{ a: 0 }, { a: 1 }], e: [{ b: 2 }, { b: 3 }] }));
  assert.ok(!matches({ u: { t: { k: [1], v: [2] } } }, { u: [{ t: [{ k: 1 }, { v: 2 }] }] }));
});

void test("array consistency ends in time on arrays that never agree", () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  const event = { d: names.flatMap((name) => Array.from({ length: 300 }, () => ({ [name]: 1 }))) };
  const pattern = { d: Object.fromEntries(names.map((name) => [name, [1]])) };
  const started = performance.now();
  assert.ok(!matches(pattern, event));
  assert.ok(performance.now() - started < 2000);
});

void test("$or multiplies out, also within objects", () => {
  const pattern = { a: [1], $or: [{ b: [1] }, { c: { $or: [{ d: [1] }, { e: [1] }] } }] };
  assert.ok(matches(pattern, { a: 1, c: { e: 1 } }));
  assert.ok(!matches(pattern, { a: 2, b: 1 }));
  assert.ok(!matches(pattern, { a: 1, c: { f: 1 } }));
  assert.ok(matches({ $or: { a: [1] } }, { $or: { a: 1 } }), "an object under $or is an ordinary key");
});

void test("errors carry AWS's sentence, line and column", () => {
  // The first three places are those of real answers.
  assert.equal(
    sentenceOf('{"source": ["aws.health"], "detail": {}}'),
    'Event pattern is not valid. Reason: Empty objects are not allowed\n at [Source: (String)"{"source": ["aws.health"], "detail": {}}"; line: 1, column: 40]',
  );
  const pretty =
    '{\n  "detail-type": [\n    "Build Started"\n  ], "detail": { "pipeline": {\n      "slug": "some-pipeline" } } }';
  assert.match(sentenceOf(pretty), /Reason: "slug" must be an object or an array\n.*line: 5, column: 16\]$/s);
  assert.match(
    sentenceOf('{"detail-type":["CodeCommit Repository State Change"],"resources":"arn:aws:x"}'),
    /"resources" must be an object or an array.*column: 68\]/s,
  );
  const reasons: Record<string, RegExp> = {
    "[]": /Filter is not an object/,
    '{"a":[{"prefix":1}]}': /prefix match pattern must be a string/,
    '{"a":[{"prefix":"a","suffix":"b"}]}': /Only one key allowed in match expression/,
    '{"a":[{"Prefix":"a"}]}': /Unrecognized match type Prefix/,
    '{"a":[[1]]}': /Match value must be String, number, true, false, or null/,
    '{"a":[{"numeric":[">",5,"<",5]}]}': /Bottom must be less than top/,
    '{"a":[{"cidr":"10.0.0.0"}]}': /Malformed CIDR, one '\/' required/,
    '{"a":[{"cidr":"10.0.0/8"}]}': /Nonstandard IP address: 10.0.0/,
    '{"a":[{"anything-but":{"prefix":""}}]}': /Null prefix\/suffix not allowed/,
    '{"a":[{"wildcard":"a**"}]}': /Consecutive wildcard characters at pos 1/,
    '{"a":[{"wildcard":"*:*:*:*:*:event-bus/*"}]}': /Rule is too complex/,
    '{"$or":[{"a":[1]}]}': /at least 2 objects in \$or/,
    '{"$or":[{"prefix":[1]},{"a":[1]}]}': /prefix is a reserved key/,
    '{"a":[1],}': /Unexpected character \('}' \(code 125\)\)/,
    '{"a":[tru]}': /Unrecognized token 'tru'/,
    '{"a":["x': /Unexpected end-of-input/,
    '{"a":[01]}': /Invalid numeric value/,
  };
  for (const [pattern, reason] of Object.entries(reasons)) assert.match(sentenceOf(pattern), reason, pattern);
});

void test("long patterns are quoted in part, and deep ones refused", () => {
  assert.match(sentenceOf(`{"a":["${"x".repeat(600)}"],"b":1}`), /"\[truncated 116 chars\]; line: 1, column: 61\d\]$/);
  assert.match(sentenceOf(`${'{"a":'.repeat(5000)}1`), /Nesting depth/);
});

const word = fc.string({ unit: fc.constantFrom("a", "b", "A", "*", "\\", "é", "É", "🚀"), maxLength: 6 });

void test("wildcards agree with a regular expression", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 7 }), word, (pattern, text) => {
      const pieces = parseWildcard(pattern);
      if ("error" in pieces) return pattern.includes("**");
      return wildcardMatches(pieces, text) === new RegExp(`^${pattern.replaceAll("*", ".*")}$`, "su").test(text);
    }),
    { seed: 11, numRuns: 3000 },
  );
  assert.ok(matches({ a: [{ wildcard: "a\\*\\\\*" }] }, { a: "a*\\z" }));
});

void test("prefix, suffix and case folding agree with simple models", () => {
  const lower = (text: string): string => text.toLowerCase();
  fc.assert(
    fc.property(word, word, (part, text) => {
      assert.equal(matches({ a: [{ prefix: part }] }, { a: text }), text.startsWith(part));
      assert.equal(matches({ a: [{ suffix: part }] }, { a: text }), text.endsWith(part));
      assert.equal(matches({ a: [{ "equals-ignore-case": part }] }, { a: text }), lower(part) === lower(text));
      const folded = { "equals-ignore-case": part };
      assert.equal(matches({ a: [{ prefix: folded }] }, { a: text }), lower(text).startsWith(lower(part)));
      assert.equal(matches({ a: [{ suffix: folded }] }, { a: text }), lower(text).endsWith(lower(part)));
    }),
    { seed: 12, numRuns: 2000 },
  );
  assert.ok(!matches({ a: [{ "equals-ignore-case": "straße" }] }, { a: "STRASSE" }));
  assert.ok(foldedSuffix("xÉ", fold("é")));
});

void test("numbers that a double gives back are numbers, others are text", () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (value) => exactNumber(JSON.stringify(value)) === value || value === 0,
    ),
    { seed: 13 },
  );
  assert.equal(exactNumber("9007199254740993"), undefined);
  assert.equal(exactNumber("9007199254740992"), 9007199254740992);
  assert.equal(exactNumber("0.1000000000000000000"), 0.1);
  assert.equal(exactNumber("1e400"), undefined);
  assert.equal(JSON.stringify(parseKeepingNumbers('{"a":12345678901234567890}')), '{"a":12345678901234567890}');
});

const scalar = fc.constantFrom<unknown>("x", "y", "xy", "", "10.0.0.1", "::1", 0, 1, 5, true, null);
const element = fc.oneof(
  scalar,
  fc.constantFrom<unknown>(
    { prefix: "x" },
    { suffix: "y" },
    { "anything-but": ["x", "y"] },
    { "anything-but": 1 },
    { exists: true },
    { exists: false },
    { numeric: [">", 0, "<=", 5] },
    { wildcard: "x*" },
    { cidr: "10.0.0.0/8" },
  ),
);
const leaf = fc.array(element, { minLength: 1, maxLength: 3 });
const key = fc.constantFrom("a", "b", "c", "a.b");
const object = fc.dictionary(key, leaf, { minKeys: 1, maxKeys: 3 });
const nested = fc.dictionary(key, fc.oneof(leaf, object), { minKeys: 1, maxKeys: 3 });
const pattern = fc.oneof(
  nested,
  fc.tuple(nested, object, object).map(([whole, one, other]): object => ({ ...whole, $or: [one, other] })),
);
const { event } = fc.letrec<{ event: Record<string, unknown>; value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.constantFrom(["x", "x"], ["y", 1, "y"]),
    tie("event"),
    fc.array(tie("value"), { maxLength: 3 }),
  ),
  event: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
}));

void test("the index agrees with the naive matcher while rules come and go", () => {
  let hits = 0;
  fc.assert(
    fc.property(
      fc.array(pattern, { minLength: 1, maxLength: 12 }),
      fc.array(event, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.nat(11)),
      (patterns, events, choices) => {
        const index = new RuleIndex<number>();
        const live = new Map<number, (event: Record<string, unknown>) => boolean>();
        const check = (): void => {
          for (const one of events) {
            const wanted = [...live].filter(([, accepts]) => accepts(one)).map(([rule]) => rule);
            hits += wanted.length;
            assert.deepEqual(
              index.match(one).sort((a, b) => a - b),
              wanted.sort((a, b) => a - b),
            );
          }
        };
        for (const [number, each] of patterns.entries()) {
          const parsed = parsePattern(JSON.stringify(each));
          index.add(`r${number}`, parsed, number);
          live.set(number, compilePattern(parsed));
        }
        check();
        for (let step = 0; step < 6; step++) {
          const number = (choices.next().value as number) % patterns.length;
          if (live.delete(number)) index.remove(`r${number}`);
          else {
            const parsed = parsePattern(JSON.stringify(patterns[(number + 1) % patterns.length]));
            index.add(`r${number}`, parsed, number);
            live.set(number, compilePattern(parsed));
          }
          check();
        }
        assert.equal(index.size, live.size);
      },
    ),
    { seed: 14, numRuns: 400 },
  );
  assert.ok(hits > 500, `only ${hits} matches were seen`);
});

void test("a rule that is replaced leaves nothing behind", () => {
  const index = new RuleIndex<string>();
  index.add("r", parsePattern('{"a":["x","y"]}'), "first");
  index.add("r", parsePattern('{"a":["y"],"b":[{"exists":false}]}'), "second");
  assert.deepEqual(index.match({ a: "x" }), []);
  assert.deepEqual(index.match({ a: "y" }), ["second"]);
  assert.ok(index.replaceValue("r", "third"));
  assert.deepEqual(index.match({ a: ["y", "y"] }), ["third"]);
  index.remove("r");
  assert.deepEqual(index.match({ a: "y" }), []);
});

void test("an explanation names the first failing field of the closest branch", () => {
  const rule = parsePattern(
    '{"source":["aws.s3"],"detail":{"eventName":["PutObject"],"requestParameters":{"bucketName":["b"]}}}',
  );
  const put = (eventName: string): Record<string, unknown> => ({
    source: "aws.s3",
    detail: { eventName, requestParameters: { bucketName: "b" } },
  });
  assert.deepEqual(explain(rule, put("CopyObject")), {
    matches: false,
    fieldsMatched: 2,
    fields: 3,
    reason: "detail.eventName ≠ PutObject",
  });
  assert.ok(explain(rule, put("PutObject")).matches);
  assert.equal(explain(rule, { source: "aws.s3" }).reason, "detail.eventName is absent");
  const split = parsePattern('{"d":{"a":[1],"b":[2]}}');
  assert.match(explain(split, { d: [{ a: 1 }, { b: 2 }] }).reason, /no one element .* d\.a, d\.b/);
});
