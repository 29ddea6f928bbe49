/** The intrinsic functions and their quirks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile, InvalidDefinition } from "../../../src/states/asl/machine.ts";
import { passed, passFailure, Rehearsal } from "./support.ts";

const DATA = {
  a: [1, 2, 3, 3],
  o: { k: "v", n: null, l: [1, "two"] },
  s: "it's",
  empty: [],
  json: `{"x":[1.5]}`,
  n: 7,
};

const RESULTS: readonly (readonly [call: string, value: unknown])[] = [
  ["States.Format('{} and {}', $.n, $.s)", "7 and it's"],
  ["States.Format('{}', $.o.n)", "null"],
  ["States.Format('{}', $.o)", "{k=v, n=null, l=[1, two]}"],
  [String.raw`States.Format('it\'s \{{}\} \\', 1)`, String.raw`it's {1} ${"\\"}`],
  ["States.Format('no argument')", "no argument"],
  ["States.StringToJson($.json)", { x: [1.5] }],
  ["States.JsonToString($.o)", `{"k":"v","n":null,"l":[1,"two"]}`],
  ["States.Array()", []],
  ["States.Array(1, 'b', $.a, null, true)", [1, "b", [1, 2, 3, 3], null, true]],
  ["States.ArrayPartition($.a, 3)", [[1, 2, 3], [3]]],
  ["States.ArrayPartition($.empty, 3)", []],
  ["States.ArrayContains($.a, 3.0)", true],
  ["States.ArrayContains($.a, '3')", false],
  ["States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]],
  ["States.ArrayRange(3, 1, -1)", [3, 2, 1]],
  ["States.ArrayRange(3, 1, 1)", []],
  ["States.ArrayGetItem($.a, 1.9)", 2],
  ["States.ArrayGetItem($.empty, 5)", null],
  ["States.ArrayLength($.a)", 4],
  ["States.ArrayUnique($.a)", [1, 2, 3]],
  ["States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="],
  ["States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"],
  ["States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"],
  ["States.JsonMerge($.o, States.StringToJson('{\"k\":2}'), false)", { k: 2, n: null, l: [1, "two"] }],
  ["States.MathAdd(111, -1)", 110],
  ["States.MathAdd(1.5, 1)", 3],
  ["States.StringSplit('1,2;3', ',;')", ["1", "2", "3"]],
  ["States.StringSplit(',,,,', ',')", []],
  ["States.UUID()", "id-1"],
  ["States.MathRandom(10, 20)", 15],
  ["States.ArrayLength(States.ArrayPartition(States.ArrayRange(0, 99, 1), 10))", 10],
];

void test("intrinsic functions give what AWS gives", () => {
  for (const [call, value] of RESULTS) {
    assert.deepEqual(passed({ Parameters: { "x.$": call } }, DATA), { x: value }, call);
  }
});

void test("a seed decides: java.util.Random", () => {
  // new Random(42).nextInt(10) is 0, new Random(42).nextInt(16) is 11 (the top bits of the first draw).
  assert.deepEqual(passed({ Parameters: { "x.$": "States.MathRandom(0, 10, 42)" } }), { x: 0 });
  assert.deepEqual(passed({ Parameters: { "x.$": "States.MathRandom(0, 16, 42)" } }), { x: 11 });
});

void test("a failing call is States.Runtime and names the call", () => {
  const invalid: readonly (readonly [call: string, name: string])[] = [
    ["States.ArrayGetItem($.a, 4)", "ArrayGetItem"],
    ["States.ArrayGetItem($.a, -1)", "ArrayGetItem"],
    ["States.ArrayGetItem($.n, 0)", "ArrayGetItem"],
    ["States.ArrayRange(1, 2000, 1)", "ArrayRange"],
    ["States.ArrayRange(1, 2, 0)", "ArrayRange"],
    ["States.ArrayPartition($.a, 0)", "ArrayPartition"],
    ["States.ArrayPartition($.n, 1)", "ArrayPartition"],
    ["States.ArrayContains($.n, 1)", "ArrayContains"],
    ["States.ArrayLength($.o)", "ArrayLength"],
    ["States.ArrayUnique($.o)", "ArrayUnique"],
    ["States.MathAdd(2147483647, 1)", "MathAdd"],
    ["States.MathAdd(2147483648, 0)", "MathAdd"],
    ["States.MathAdd('1', 1)", "MathAdd"],
    ["States.MathRandom(5, 5)", "MathRandom"],
    ["States.JsonMerge($.o, $.o, true)", "JsonMerge"],
    ["States.JsonMerge($.a, $.o, false)", "JsonMerge"],
    ["States.Hash('a', 'MD4')", "Hash"],
    ["States.StringToJson('{')", "StringToJson"],
    ["States.StringToJson($.o)", "StringToJson"],
    ["States.StringSplit($.n, ',')", "StringSplit"],
    ["States.Base64Encode($.n)", "Base64Encode"],
    ["States.Base64Decode('*')", "Base64Decode"],
    ["States.Format($.n)", "Format"],
    [String.raw`States.Format('a\b')`, "Format"],
    [String.raw`States.StringSplit('a\n', ',')`, "StringSplit"],
  ];
  const reasons: readonly (readonly [call: string, reason: string])[] = [
    ...invalid.map(([call, name]) => [call, `Invalid arguments in States.${name}`] as const),
    ["States.Format('{}')", "Invalid arguments in States.Format"],
    ["States.Format('{', 1)", "Invalid template in States.Format: matching '}' not found for '{'."],
  ];
  for (const [call, reason] of reasons) {
    assert.equal(
      passFailure({ Parameters: { "x.$": call } }, DATA),
      `There was an error while evaluating the intrinsic function: ${call}. ${reason}`,
    );
  }
  assert.match(
    passFailure({ Parameters: { "x.$": "States.ArrayLength(States.Hash('a', 'x'))" } }, DATA),
    /evaluating the intrinsic function: States\.Hash\('a', 'x'\)\. /,
  );
  assert.match(
    passFailure({ Parameters: { "x.$": "States.ArrayLength(States.Array($.none))" } }, DATA),
    /^The function 'States\.Array\(\$\.none\)' had the following error: /,
  );
});

void test("an argument that finds nothing names the function and quotes the input as it came", () => {
  const rehearsal = new Rehearsal({ P: { Type: "Pass", End: true, Parameters: { "v.$": "States.Array($.nope)" } } });
  assert.equal(
    rehearsal.ended?.cause,
    "An error occurred while executing the state 'P' (entered at the event id #2). The function 'States.Array($.nope)' " +
      "had the following error: The JsonPath argument for the field '$.nope' could not be found in the input '{}'",
  );
});

void test("calls with a mistake are refused at create", () => {
  const nested = `${"States.Array(".repeat(11)}1${")".repeat(11)}`;
  for (const call of [
    "States.Nope()",
    "States.UUID(1)",
    "States.Format()",
    "States.Array(1",
    "States.Array(1,)",
    "States.Array(x)",
    "States.Format('a)",
    "States.Array() x",
    nested,
  ]) {
    const states = { P: { Type: "Pass", End: true, Parameters: { "x.$": call } } };
    assert.throws(() => compile(JSON.stringify({ StartAt: "P", States: states }), "STANDARD"), InvalidDefinition, call);
  }
});
