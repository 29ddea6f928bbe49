/** The corners of Jayway's JsonPath: functions, filters, slices, scans, quotes, and what it says of wrong types. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePath, PathSyntaxError } from "../../../src/states/asl/path/parse.ts";
import { passed, passFailure, Rehearsal } from "./support.ts";

const DATA = {
  n: [3, 1, 2],
  empty: [],
  o: { k: 1, "a.b": 2, "it's": 3, "tab\t": 4, nested: { k: 5 } },
  s: "text",
  zero: null,
  rows: [
    { id: 1, code: "1", tags: ["x", "y"], on: true, at: { lat: 1 } },
    { id: 2, code: "02", tags: ["z"], on: false, at: { lat: 2 } },
    { id: "3", code: 3, tags: [], on: null },
  ],
  wanted: ["x", "z"],
};

const FOUND: readonly (readonly [path: string, value: unknown])[] = [
  // Functions.
  ["$.n.length()", 3],
  ["$.n.size()", 3],
  ["$.o.length()", 5],
  ["$.s.length()", null],
  ["$.o.nested.keys()", ["k"]],
  ["$.n.keys()", null],
  ["$.n.first()", 3],
  ["$.n.last()", 2],
  ["$.n.index(-2)", 1],
  ["$.n.append(9)", [3, 1, 2, 9]],
  ["$.concat($.s, '-', $.o.k)", "text-1"],
  ["$..k.length()", 2],
  ["$..k.sum()", 6],
  // Slices: a third part is read and has no meaning.
  ["$.n[0:2]", [3, 1]],
  ["$.n[-2:]", [1, 2]],
  ["$.n[:-1]", [3, 1]],
  ["$.n[0:3:2]", [3, 1, 2]],
  ["$.n[7:9]", []],
  ["$.s[0:1]", []],
  ["$.nowhere[1:]", []],
  ["$.n[0,-1]", [3, 2]],
  ["$.n[0,7]", [3]],
  // Keys.
  ["$['o']['a.b']", 2],
  ["$.o['it\\'s']", 3],
  ['$.o["it\'s"]', 3],
  ["$.o['tab\\t']", 4],
  ["$.o['\\u006b']", 1],
  ["$.['o'].k", 1],
  ["$[ 'o' ].k", 1],
  ["$.o['k','none']", { k: 1 }],
  ["$.rows[0]['at','none'].lat", [1]],
  ["$.o.nested.*", [5]],
  ["$.o.nested[*]", [5]],
  ["$.s[*]", []],
  // Scans.
  ["$..lat", [1, 2]],
  ["$..['lat']", [1, 2]],
  ["$..at..lat", [1, 2]],
  ["$..tags[0]", ["x", "z"]],
  ["$..[?(@.lat > 1)]", [{ lat: 2 }]],
  ["$..[?(@.id == 2)].code", ["02"]],
  ["$.o.nested..*", [5]],
  // Filters.
  ["$.rows[?(@.id == '1')].id", [1]],
  ["$.rows[?(@.id === '1')].id", []],
  ["$.rows[?(@.code == 1)].id", [1]],
  ["$.rows[?(@.code !== 3)].id", [1, 2]],
  ["$.rows[?(@.id in [1, 3])].id", [1, "3"]],
  ["$.rows[?(@.id nin ['1', 2])].id", ["3"]],
  ["$.rows[?(@.tags subsetof ['x','y','q'])].id", [1, "3"]],
  ["$.rows[?(@.tags anyof $.wanted)].id", [1, 2]],
  ["$.rows[?(@.tags noneof $.wanted)].id", ["3"]],
  ["$.rows[?(@.tags all ['y','x'])].id", [1]],
  ["$.rows[?(@.tags size 1)].id", [2]],
  ["$.rows[?(@.code size 2)].id", [2]],
  ["$.rows[?(@.tags empty true)].id", ["3"]],
  ["$.rows[?(@.tags empty false)].id", [1, 2]],
  ['$.rows[?(@.at == {"lat": 2})].id', [2]],
  ["$.rows[?(@.on == null)].id", ["3"]],
  ["$.rows[?(@.at)].id", [1, 2]],
  ["$.rows[?(!@.at)].id", ["3"]],
  ["$.rows[?(!(@.on == true || @.on == false))].id", ["3"]],
  ["$.rows[?(@.on == true || @.on == false && @.id == 7)].id", [1]],
  ["$.rows[?(@.tags.length() > 1)].id", [1]],
  ["$.rows[?(@.tags contains 'z')].id", [2]],
  ["$.rows[?(@.code contains '0')].id", [2]],
  ["$.rows[?(@.id =~ /[12]/)].id", [1, 2]],
  ["$.rows[?(@.code =~ /0.*/)].id", [2]],
  ["$.rows[?(@['at'].lat >= 2)].id", [2]],
  ["$.rows[?(@.at.lat <= $.o.k)].id", [1]],
  ["$.rows[?(1 == @.id)].id", [1]],
  ["$.rows[?(@.id < 'a')].id", ["3"]],
  ["$.o[?(@.k == 1)].k", [1]],
  ["$.nowhere[?(@.a)]", []],
];

void test("paths find what Jayway finds, in its corners too", () => {
  for (const [path, value] of FOUND) {
    assert.deepEqual(passed({ Parameters: { "x.$": path } }, DATA), { x: value }, path);
  }
});

void test("what Java computes with doubles comes with a fraction", () => {
  const text = (path: string): string | undefined =>
    new Rehearsal({ P: { Type: "Pass", Parameters: { "x.$": path }, End: true } }, DATA).ended?.output;
  assert.equal(text("$.n.sum()"), `{"x":6.0}`);
  assert.equal(text("$.n.min()"), `{"x":1.0}`);
  assert.equal(text("$.n.max()"), `{"x":3.0}`);
  assert.equal(text("$.n.avg()"), `{"x":2.0}`);
  assert.equal(text("$.n.sum(0.5, $.o.k)"), `{"x":7.5}`);
  assert.match(text("$.n.stddev()") ?? "", /0\.816/);
  assert.equal(text("$.n.length()"), `{"x":3}`);
});

void test("a definite path over a wrong type names Java's class", () => {
  const provider =
    "This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'.";
  const object = (at: string, found: string): string =>
    `Expected to find an object with property ['x'] in path ${at} but found '${found}'. ${provider}`;
  const misses: readonly (readonly [string, string])[] = [
    ["$.s.x", object("$['s']", "java.lang.String")],
    ["$.zero.x", object("$['zero']", "null")],
    ["$.n.x", object("$['n']", "com.fasterxml.jackson.databind.node.ArrayNode")],
    ["$.n[0].x", object("$['n'][0]", "java.lang.Integer")],
    ["$.rows[0].on.x", object("$['rows'][0]['on']", "java.lang.Boolean")],
    ["$.s[0]", `Filter: [0] can only be applied to arrays. Current context is: "text"`],
    ["$.zero[0]", "The path $['zero'] is null"],
    ["$.empty.sum()", "No results for path: $['empty'].sum()"],
  ];
  for (const [path, miss] of misses) {
    assert.equal(passFailure({ OutputPath: path }, DATA), `Invalid path '${path}' : ${miss}`);
  }
});

void test("functions and filters with a mistake are refused", () => {
  for (const path of ["$.a.sum(", "$.a.sum(1", "$.concat($x)", "$.a[?(@.b in [1)]", "$.a[?(@.b == {)]", "$.a[1:2:x]"]) {
    assert.throws(() => parsePath(path), PathSyntaxError, path);
  }
});
