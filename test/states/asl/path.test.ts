/** Paths as Jayway's JsonPath reads them, and both families of sentences about what they miss. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePath, PathSyntaxError } from "../../../src/states/asl/path/parse.ts";
import { passed, passFailure, Rehearsal } from "./support.ts";

const DATA = {
  a: { b: [1, 2, 3, { c: "x" }], "odd-key": true },
  items: [
    { year: 1997, name: "Ada", tags: ["x", "y"], price: 5 },
    { year: 2001, name: "Bob", tags: [], price: 7.5 },
    { name: "Cy" },
  ],
  text: "hello",
  nothing: null,
  limit: 6,
};

const FOUND: readonly (readonly [path: string, value: unknown])[] = [
  ["$", DATA],
  ["$.a.b[0]", 1],
  ["$.a.b[-1].c", "x"],
  ["$['a']['odd-key']", true],
  ["$.a.odd-key", true],
  ["$.nothing", null],
  ["$.a.b[0,2]", [1, 3]],
  ["$.a.b[1:3]", [2, 3]],
  ["$.a.b[-2:]", [3, { c: "x" }]],
  ["$.a.b[:1]", [1]],
  ["$.a.b[5:]", []],
  ["$.items[*].year", [1997, 2001]],
  ["$..c", ["x"]],
  ["$..nowhere", []],
  ["$.items[0]['name','year']", { name: "Ada", year: 1997 }],
  ["$.a.b.length()", 4],
  ["$.items[*].price.sum()", 12.5],
  ["$.items[?(@.year==1997)].name", ["Ada"]],
  ["$.items[?(@.year == 1997)]", [DATA.items[0]]],
  ["$.items[?(@.year != 1997)].name", ["Bob", "Cy"]],
  ["$.items[?(@.year)].name", ["Ada", "Bob"]],
  ["$.items[?(!@.year)].name", ["Cy"]],
  ["$.items[?(@.year > 1990 && @.year < 2000)].name", ["Ada"]],
  ["$.items[?(@.year < 1990 || @.name == 'Cy')].name", ["Cy"]],
  ["$.items[?((@.year < 1990 || @.price > 6) && @.name)].name", ["Bob"]],
  ["$.items[?(@.name =~ /a.*/i)].name", ["Ada"]],
  ["$.items[?(@.name in ['Ada', 'Cy'])].name", ["Ada", "Cy"]],
  ["$.items[?(@.name nin ['Ada', 'Cy'])].name", ["Bob"]],
  ["$.items[?(@.tags contains 'x')].name", ["Ada"]],
  ["$.items[?(@.tags empty true)].name", ["Bob"]],
  ["$.items[?(@.tags size 2)].name", ["Ada"]],
  ["$.items[?(@.price < $.limit)].name", ["Ada"]],
  ["$.items[?(@.year==1)]", []],
];

void test("paths find what Jayway finds", () => {
  for (const [path, value] of FOUND) {
    assert.deepEqual(passed({ Parameters: { "x.$": path } }, DATA), { x: value }, path);
  }
});

void test("a definite path that misses fails: payload templates name the field and the input", () => {
  assert.equal(
    passFailure({ Parameters: { "m.$": "$.x" } }, { y: 1 }),
    `The JSONPath '$.x' specified for the field 'm.$' could not be found in the input '{"y":1}'`,
  );
  assert.match(passFailure({ Parameters: { deep: [{ "m.$": "$[0]" }] } }), /'\$\[0\]' specified for the field 'm\.\$'/);
});

void test("a definite path that misses fails: InputPath and OutputPath speak as Jayway", () => {
  const misses: readonly (readonly [string, string])[] = [
    ["$.x", "Invalid path '$.x' : No results for path: $['x']"],
    ["$.q.b", "Invalid path '$.q.b' : Missing property in path $['q']"],
    ["$.a.q.z", "Invalid path '$.a.q.z' : Missing property in path $['a']['q']"],
    ["$.a.b[9]", "Invalid path '$.a.b[9]' : No results for path: $['a']['b'][9]"],
  ];
  for (const [path, sentence] of misses) {
    assert.equal(passFailure({ InputPath: path }, DATA), sentence);
    assert.equal(passFailure({ OutputPath: path }, DATA), sentence);
  }
});

void test("paths with a mistake are refused", () => {
  for (const path of [
    "",
    "a",
    "$.",
    "$..",
    "$.a[",
    "$.a['b]",
    "$.a[1",
    "$.a[?(@.b == )]",
    "$.a[?(@.b ~ 1)]",
    "$.a.nope()",
    "$.a[x]",
    "$.a b",
  ]) {
    assert.throws(() => parsePath(path), PathSyntaxError, path);
  }
});

void test("a pattern that could backtrack without end is refused", () => {
  assert.throws(() => parsePath("$[?(@.a =~ /(a+)+$/)]"), PathSyntaxError);
  assert.match(
    passFailure({ Parameters: { "x.$": "$.items[?(@.a =~ /.*.*.*.*x/)]" } }, { items: [{ a: "a".repeat(5000) }] }),
    /too expensive/,
  );
});

void test("ResultPath puts the result into the state's input and makes missing parents", () => {
  const result = { Result: "r" };
  assert.deepEqual(passed({ ...result, ResultPath: "$.n.m" }, { a: 1 }), { a: 1, n: { m: "r" } });
  assert.deepEqual(passed({ ...result, ResultPath: "$.a[1]" }, { a: [1, 2] }), { a: [1, "r"] });
  assert.deepEqual(passed({ ...result, ResultPath: null }, { a: 1 }), { a: 1 });
  assert.deepEqual(passed({ ...result, ResultPath: "$" }, { a: 1 }), "r");
  assert.deepEqual(passed({ ...result, InputPath: "$.a", ResultPath: "$.b" }, { a: { c: 1 } }), {
    a: { c: 1 },
    b: "r",
  });
  assert.match(
    passFailure({ ...result, ResultPath: "$.a[2]" }, { a: [1, 2] }),
    /^Unable to apply ReferencePath \$\.a\[2\]/,
  );
  assert.match(passFailure({ ...result, ResultPath: "$.a.b" }, { a: 1 }), /^Unable to apply ReferencePath/);
});

void test("null as InputPath or OutputPath is an empty object; keys ending in .$ inside Result are literal", () => {
  assert.deepEqual(passed({ InputPath: null }, { a: 1 }), {});
  assert.deepEqual(passed({ OutputPath: null }, { a: 1 }), {});
  assert.deepEqual(passed({ Result: { "x.$": "$.a" } }, { a: 1 }), { "x.$": "$.a" });
});

void test("numbers come out as they went in", () => {
  const numbers = `{"a":1.0,"b":10000000000000001,"c":1e400,"d":-0,"e":1.50,"f":12345678901234567890.5,"g":[0.1,2]}`;
  const once = (fields: object): string | undefined => {
    const rehearsal = new Rehearsal(
      { P: { Type: "Pass", Next: "Q" }, Q: { Type: "Pass", End: true, ...fields } },
      JSON.rawJSON(`"${"x"}"`),
    );
    return rehearsal.ended?.output;
  };
  assert.equal(once({}), `"x"`);
  for (const fields of [
    {},
    {
      Parameters: { "a.$": "$.a", "b.$": "$.b", "c.$": "$.c", "d.$": "$.d", "e.$": "$.e", "f.$": "$.f", "g.$": "$.g" },
    },
  ]) {
    const rehearsal = new Rehearsal({ P: { Type: "Pass", End: true, ...fields } }, lossless(numbers));
    assert.equal(rehearsal.ended?.output, numbers);
  }
});

/** An object that JSON.stringify prints as exactly this flat text. */
function lossless(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source !== undefined ? JSON.rawJSON(context.source) : value,
  );
}
