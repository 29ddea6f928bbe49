/** What the Java parser says of texts that are not JSON, and where. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonProblem } from "../../../src/states/asl/validate/json.ts";

const VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
const source = (text: string, line: number, column: number): string =>
  `[Source: (String)"${text}"; line: ${line}, column: ${column}]`;

const PROBLEMS: readonly (readonly [text: string, message: string, line: number, column: number])[] = [
  ["not some json", `Unrecognized token 'not': was expecting ${VALUES}`, 1, 4],
  ["{'not': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1, 3],
  [`{"a" 1}`, "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", 1, 7],
  [`{"a": 1 "b"}`, `Unexpected character ('"' (code 34)): was expecting comma to separate Object entries`, 1, 10],
  [`[1 2]`, "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 1, 5],
  [`[1,]`, `Unexpected character (']' (code 93)): expected a valid value ${VALUES}`, 1, 5],
  [`{"a":1,}`, "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 1, 9],
  [`{"a":}`, `Unexpected character ('}' (code 125)): expected a valid value ${VALUES}`, 1, 7],
  [`{"a":nul}`, `Unrecognized token 'nul': was expecting ${VALUES}`, 1, 9],
  [`{"a":1]`, `Unexpected close marker ']': expected '}' (for Object starting at ${source('{"a":1]', 1, 1)})`, 1, 8],
  [
    `{\n "a": [1`,
    `Unexpected end-of-input: expected close marker for Array (start marker at ${source('{\n "a": [1', 2, 7)})`,
    2,
    9,
  ],
  [`{"a`, "Unexpected end-of-input in field name", 1, 4],
  [`["a`, "Unexpected end-of-input: was expecting closing quote for a string value", 1, 4],
  [`["\\x"]`, "Unrecognized character escape 'x' (code 120)", 1, 5],
  [
    `["a\nb"]`,
    "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value",
    2,
    1,
  ],
  ["[01]", "Invalid numeric value: Leading zeroes not allowed", 1, 4],
];

void test("common mistakes in the parser's words and at its places", () => {
  for (const [text, message, line, column] of PROBLEMS) {
    assert.deepEqual(jsonProblem(text), { message, location: source(text, line, column) }, text);
  }
  assert.equal(jsonProblem("")?.message, "No content to map due to end-of-input");
});

void test("whatever is not JSON gets a sentence, and JSON gets none", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom("", "}", "]", ",", '"', "x", "\\", "0"), (json, at, junk) => {
      assert.equal(jsonProblem(json), undefined);
      const place = at % (json.length + 1);
      const text = json.slice(0, place) + junk + json.slice(place + 1);
      const problem = jsonProblem(text);
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      assert.equal(problem === undefined, valid);
      assert.ok(valid || (problem?.message ?? "").length > 10);
    }),
    { seed: 5, numRuns: 2000 },
  );
});
