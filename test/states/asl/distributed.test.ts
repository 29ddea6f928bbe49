import assert from "node:assert/strict";
import { test } from "node:test";
import { validate } from "../../../src/states/asl/machine.ts";
import { ItemScanner } from "../../../src/states/mapruns/readers/json.ts";
import fc from "fast-check";

const pass = { Type: "Pass", End: true };
const STANDARD = { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" };

function sentences(map: object, config: object = STANDARD, type: "STANDARD" | "EXPRESS" = "STANDARD"): string[] {
  const ItemProcessor = { ProcessorConfig: config, StartAt: "I", States: { I: pass } };
  const definition = { StartAt: "S", States: { S: { Type: "Map", End: true, ItemProcessor, ...map } } };
  return validate(JSON.stringify(definition), type).map(({ message, location }) => `${message} at ${location}`);
}

void test("a Distributed Map is valid with all its parts", () => {
  assert.deepEqual(
    sentences({
      Label: "each",
      MaxConcurrencyPath: "$.n",
      ToleratedFailurePercentage: 5.5,
      ItemReader: {
        Resource: "arn:aws:states:::s3:getObject",
        Parameters: { "Bucket.$": "$.b", Key: "k" },
        ReaderConfig: { InputType: "CSV", CSVHeaderLocation: "GIVEN", CSVHeaders: ["a"], MaxItemsPath: "$.m" },
      },
      ItemBatcher: { MaxItemsPerBatch: 3, BatchInput: { "x.$": "$.x" } },
      ResultWriter: {
        Resource: "arn:aws:states:::s3:putObject",
        Parameters: { Bucket: "b" },
        WriterConfig: { Transformation: "FLATTEN", OutputType: "JSONL" },
      },
    }),
    [],
  );
});

void test("what is wrong with a Distributed Map is told at its place", () => {
  assert.deepEqual(sentences({}, STANDARD, "EXPRESS"), [
    "Express state machine does not support DISTRIBUTED mode at /States/S/ItemProcessor/ProcessorConfig/Mode",
  ]);
  assert.deepEqual(sentences({ Label: "a*b" }), ["Label contains invalid character: '*' at /States/S/Label"]);
  assert.deepEqual(sentences({ Label: "x".repeat(41) }), ["Label cannot exceed 40 characters at /States/S/Label"]);
  assert.deepEqual(sentences({ ItemBatcher: { MaxItemsPerBatch: 1 } }, { Mode: "INLINE" }), [
    "Field 'ItemBatcher' is not supported at /States/S",
  ]);
  const reader = (config: object) =>
    sentences({ ItemReader: { Resource: "arn:aws:states:::s3:getObject", ReaderConfig: config } });
  assert.deepEqual(reader({ InputType: "XML" }), [
    "Value should be one of the following: [CSV, JSON, JSONL, PARQUET, MANIFEST] at /States/S/ItemReader/ReaderConfig/InputType",
  ]);
  assert.deepEqual(reader({ InputType: "CSV", CSVHeaderLocation: "GIVEN" }), [
    "These fields are required: [CSVHeaders] at /States/S/ItemReader/ReaderConfig",
  ]);
});

void test("a Distributed Map in an Express processor is refused", () => {
  const inner = {
    Type: "Map",
    End: true,
    ItemProcessor: { ProcessorConfig: STANDARD, StartAt: "I", States: { I: pass } },
  };
  const ItemProcessor = {
    ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
    StartAt: "Inner",
    States: { Inner: inner },
  };
  assert.deepEqual(sentences({ ItemProcessor }), [
    "Express state machine does not support DISTRIBUTED mode at /States/S/ItemProcessor/States/Inner/ItemProcessor/ProcessorConfig/Mode",
  ]);
});

void test("the scanner finds the items of any JSON text, however it is cut into pieces", () => {
  const cut = (text: string, at: readonly number[]): string[] => {
    const places = [0, ...at.map((n) => n % (text.length + 1)).sort((a, b) => a - b), text.length];
    return places.slice(1).map((end, i) => text.slice(places[i], end));
  };
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.string(),
      fc.array(fc.nat(), { maxLength: 5 }),
      fc.boolean(),
      (items, around, key, at, indented) => {
        const document = { ...around, [key]: { deep: [null, items] } };
        const text = JSON.stringify(document, null, indented ? 2 : 0);
        const pointer = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}/deep/1`;
        const scanner = new ItemScanner(pointer);
        const found = cut(text, at).flatMap((piece) => scanner.feed(piece));
        scanner.end();
        assert.deepEqual(
          found.map(({ value }) => JSON.stringify(value)),
          items.map((item) => JSON.stringify(item)),
        );
      },
    ),
    { seed: 7 },
  );
});
