import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { ListMapRunsCommand, DescribeMapRunCommand } from "@aws-sdk/client-sfn";
import { parquetWriteBuffer } from "hyparquet-writer";
import { stores } from "../support/stores.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, roleFor, start } from "./fixture.ts";

const GET = "arn:aws:states:::s3:getObject";
const LIST = "arn:aws:states:::s3:listObjectsV2";
const PASS = { StartAt: "Work", States: { Work: { Type: "Pass", End: true } } };
const FAIL_IF_TRUE = {
  StartAt: "Look",
  States: {
    Look: { Type: "Choice", Choices: [{ Variable: "$", BooleanEquals: true, Next: "Bad" }], Default: "Good" },
    Bad: { Type: "Fail", Error: "Bad", Cause: "it was true" },
    Good: { Type: "Pass", End: true },
  },
};

for (const store of stores)
  describe(`readers and writers of map runs on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    let made = 0;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", ["s3:*", "states:*"]);
      for (const Bucket of ["data", "listed"]) await stepwell.as.s3.send(new CreateBucketCommand({ Bucket }));
    });
    after(() => stepwell.close());

    const put = (Key: string, Body: string | Uint8Array, Bucket = "data") =>
      stepwell.as.s3.send(new PutObjectCommand({ Bucket, Key, Body }));
    const run = async (state: object, input: unknown = {}, processor: object = PASS, role = roleArn) => {
      const ItemProcessor = { ...processor, ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" } };
      const definition = { StartAt: "Each", States: { Each: { Type: "Map", ItemProcessor, End: true, ...state } } };
      made += 1;
      const machine = await create(stepwell, `reads-${made}`, JSON.stringify(definition), role);
      const executionArn = await start(stepwell, machine, input);
      return { executionArn, end: await ended(stepwell, executionArn) };
    };
    const read = async (Key: string, ReaderConfig: object, more: object = {}): Promise<unknown> => {
      const ItemReader = { Resource: GET, Parameters: { Bucket: "data", Key }, ReaderConfig };
      const { end } = await run({ ItemReader, ...more });
      assert.equal(end.status, "SUCCEEDED", `${end.error}: ${end.cause}`);
      return JSON.parse(end.output ?? "");
    };
    const failure = async (Key: string, ReaderConfig: object) => {
      const ItemReader = { Resource: GET, Parameters: { Bucket: "data", Key }, ReaderConfig };
      const { end } = await run({ ItemReader });
      return [end.error, end.cause];
    };
    const firstRow = { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW" };

    test("CSV: delimiters, quotes, headers of its own and given ones, packed or not", async () => {
      await put("a.csv", 'id;text\n1;"a ""b"";\nc"\n\n2;\n');
      const semicolon = { ...firstRow, CSVDelimiter: "SEMICOLON" };
      const rows = [
        { id: "1", text: 'a "b";\nc' },
        { id: "2", text: "" },
      ];
      assert.deepEqual(await read("a.csv", semicolon), rows);
      for (const [name, delimiter] of Object.entries({ COMMA: ",", PIPE: "|", SPACE: " ", TAB: "\t" })) {
        const Key = `${name}.csv.gz`;
        await put(Key, gzipSync(["1", "2"].join(delimiter)));
        const given = { InputType: "CSV", CSVHeaderLocation: "GIVEN", CSVHeaders: ["x", "y"], CSVDelimiter: name };
        assert.deepEqual(await read(Key, given), [{ x: "1", y: "2" }]);
      }
      await put("twice.csv", "a,a\n1,2\n");
      assert.deepEqual(await failure("twice.csv", firstRow), [
        "States.ItemReaderFailed",
        "CSV headers cannot contain duplicates.",
      ]);
      assert.deepEqual(await read("a.csv", { ...semicolon, MaxItems: 1 }), rows.slice(0, 1));
    });

    test("JSON: an array, an object, what a pointer names; numbers stay as they are", async () => {
      await put("deep.json", '{"skip":[{"items":[0]}],"a/b":{"items":[1.0,"]",{"x":[10000000000000001]}]},"more":1}');
      const ItemReader = {
        Resource: GET,
        Parameters: { Bucket: "data", Key: "deep.json" },
        ReaderConfig: { InputType: "JSON", ItemsPointer: "/a~1b/items" },
      };
      const { end } = await run({ ItemReader });
      assert.equal(end.output, '[1.0,"]",{"x":[10000000000000001]}]');
      await put("object.json.zstd", zstdCompressSync('{"a":1,"b":{"c":2}}'));
      const ItemSelector = {
        "key.$": "$$.Map.Item.Key",
        "value.$": "$$.Map.Item.Value",
        "from.$": "$$.Map.Item.Source",
      };
      assert.deepEqual(await read("object.json.zstd", { InputType: "JSON" }, { ItemSelector }), [
        { key: "a", value: 1, from: "s3://data/object.json.zstd" },
        { key: "b", value: { c: 2 }, from: "s3://data/object.json.zstd" },
      ]);
      await put("scalar.json", "5");
      assert.deepEqual(await failure("scalar.json", { InputType: "JSON" }), [
        "States.ItemReaderFailed",
        "Attempting to map over non-iterable node.",
      ]);
      await put("cut.json", '[1,{"a":');
      assert.equal((await failure("cut.json", { InputType: "JSON" }))[0], "States.ItemReaderFailed");
      await put("empty.json", "[]");
      assert.deepEqual(await read("empty.json", { InputType: "JSON" }), []);
    });

    test("JSON Lines and Parquet", async () => {
      await put("a.jsonl", '{"a":1}\n\n2\r\n"three"');
      assert.deepEqual(await read("a.jsonl", { InputType: "JSONL" }), [{ a: 1 }, 2, "three"]);
      const file = parquetWriteBuffer({
        columnData: [
          { name: "id", data: [1n, 9007199254740993n], type: "INT64" },
          { name: "name", data: ["one", "two"], type: "STRING" },
        ],
      });
      await put("a.parquet", new Uint8Array(file));
      const ItemReader = {
        Resource: GET,
        Parameters: { Bucket: "data", Key: "a.parquet" },
        ReaderConfig: { InputType: "PARQUET" },
      };
      const { end } = await run({ ItemReader });
      assert.equal(end.output, '[{"id":1,"name":"one"},{"id":9007199254740993,"name":"two"}]', end.cause ?? "");
      await put("no.parquet", "this is something else");
      assert.equal((await failure("no.parquet", { InputType: "PARQUET" }))[0], "States.ItemReaderFailed");
    });

    test("the objects of a bucket, and what is in them", async () => {
      await put("in/1.jsonl", "1\n2", "listed");
      await put("in/2.jsonl", "3", "listed");
      await put("out/3.jsonl", "4", "listed");
      const Parameters = { Bucket: "listed", "Prefix.$": "$.prefix" };
      const ItemSelector = { "object.$": "$$.Map.Item.Value", "from.$": "$$.Map.Item.Source" };
      const listed = await run({ ItemReader: { Resource: LIST, Parameters }, ItemSelector }, { prefix: "in/" });
      const objects = JSON.parse(listed.end.output ?? "") as { object: Record<string, unknown>; from: string }[];
      assert.deepEqual(
        objects.map(({ object, from }) => [object["Key"], object["Size"], object["StorageClass"], from]),
        [
          ["in/1.jsonl", 3, "STANDARD", "s3://listed"],
          ["in/2.jsonl", 1, "STANDARD", "s3://listed"],
        ],
      );
      assert.match(String(objects[0]?.object["Etag"]), /^"[0-9a-f]{32}"$/);
      assert.ok(Number.isInteger(objects[0]?.object["LastModified"]));
      const ReaderConfig = { InputType: "JSONL", Transformation: "LOAD_AND_FLATTEN" };
      const flat = await run({ ItemReader: { Resource: LIST, Parameters, ReaderConfig } }, { prefix: "in/" });
      assert.equal(flat.end.output, "[1,2,3]");
    });

    test("manifests: of an UNLOAD by Athena, and of an S3 inventory", async () => {
      await put("part-1", '{"a":1}\n');
      await put("part-2.gz", gzipSync('{"a":2}\n'));
      await put("unload.csv", "s3://data/part-1\ns3://data/part-2.gz\n");
      assert.deepEqual(await read("unload.csv", { InputType: "JSONL", ManifestType: "ATHENA_DATA" }), [
        { a: 1 },
        { a: 2 },
      ]);
      await put("inventory-1.csv.gz", gzipSync('"listed","in/1.jsonl","3"\n"listed","in/2.jsonl","1"\n'));
      const manifest = {
        sourceBucket: "listed",
        destinationBucket: "arn:aws:s3:::data",
        fileFormat: "CSV",
        fileSchema: "Bucket, Key, Size",
        files: [{ key: "inventory-1.csv.gz", size: 1, MD5checksum: "" }],
      };
      await put("manifest.json", JSON.stringify(manifest));
      const items = [
        { Bucket: "listed", Key: "in/1.jsonl", Size: "3" },
        { Bucket: "listed", Key: "in/2.jsonl", Size: "1" },
      ];
      assert.deepEqual(await read("manifest.json", { InputType: "MANIFEST" }), items);
      assert.deepEqual(await read("manifest.json", { ManifestType: "S3_INVENTORY" }), items);
    });

    test("the role's permissions hold, and what is not there fails the run", async () => {
      const [error, cause] = await failure("absent.json", { InputType: "JSON" });
      assert.equal(error, "States.ItemReaderFailed");
      assert.match(cause ?? "", /^The specified key does not exist\. \(Service: Amazon S3; Status Code: 404; /);
      const weak = await roleFor(stepwell, "weak", ["states:*"]);
      const Parameters = { Bucket: "data", Key: "empty.json" };
      const ItemReader = { Resource: GET, Parameters, ReaderConfig: { InputType: "JSON" } };
      const { end } = await run({ ItemReader }, {}, PASS, weak);
      assert.equal(end.error, "States.ItemReaderFailed");
      assert.match(end.cause ?? "", /AccessDenied/);
      const ResultWriter = { Resource: "arn:aws:states:::s3:putObject", Parameters: { Bucket: "data", Prefix: "x" } };
      const unwritten = await run({ ResultWriter }, [1], PASS, weak);
      assert.equal(unwritten.end.error, "States.ResultWriterFailed");
    });

    const text = async (Key: string): Promise<string> => {
      const { Body } = await stepwell.as.s3.send(new GetObjectCommand({ Bucket: "data", Key }));
      return (await Body?.transformToString()) ?? "";
    };
    const writes = async (Prefix: string, WriterConfig: object | undefined, input: unknown, processor: object) => {
      const ResultWriter = {
        Resource: "arn:aws:states:::s3:putObject",
        Parameters: { Bucket: "data", Prefix },
        ...(WriterConfig && { WriterConfig }),
      };
      const state = { ResultWriter, ToleratedFailurePercentage: 100 };
      const { executionArn, end } = await run(state, input, processor);
      assert.equal(end.status, "SUCCEEDED", `${end.error}: ${end.cause}`);
      const output = JSON.parse(end.output ?? "") as { MapRunArn: string; ResultWriterDetails: { Key: string } };
      const id = output.MapRunArn.split(":").at(-1);
      assert.deepEqual(output.ResultWriterDetails, { Bucket: "data", Key: `${Prefix}/${id}/manifest.json` });
      const manifest = JSON.parse(await text(output.ResultWriterDetails.Key)) as {
        DestinationBucket: string;
        MapRunArn: string;
        ResultFiles: Record<"FAILED" | "PENDING" | "SUCCEEDED", { Key: string; Size: number }[]>;
      };
      assert.equal(manifest.DestinationBucket, "data");
      assert.equal(manifest.MapRunArn, output.MapRunArn);
      const found = await stepwell.as.s3.send(new ListObjectsV2Command({ Bucket: "data", Prefix: `${Prefix}/` }));
      const sizes = Object.values(manifest.ResultFiles).flatMap((files) => files.map(({ Key, Size }) => [Key, Size]));
      assert.deepEqual(
        (found.Contents ?? [])
          .map(({ Key, Size }) => [Key, Size])
          .filter(([Key]) => !String(Key).endsWith("manifest.json")),
        sizes.toSorted(([left = ""], [right = ""]) => (String(left) < String(right) ? -1 : 1)),
      );
      return { executionArn, files: manifest.ResultFiles };
    };

    test("results are written with all that is known of each child", async () => {
      const { executionArn, files } = await writes("none", undefined, [false, true], FAIL_IF_TRUE);
      assert.match(files.SUCCEEDED[0]?.Key ?? "", /\/SUCCEEDED_0\.json$/);
      const [good] = JSON.parse(await text(files.SUCCEEDED[0]?.Key ?? "")) as Record<string, unknown>[];
      assert.equal(good?.["Input"], "false");
      assert.equal(good?.["Output"], "false");
      assert.equal(good?.["Status"], "SUCCEEDED");
      assert.deepEqual(good?.["OutputDetails"], { Included: true });
      const [bad] = JSON.parse(await text(files.FAILED[0]?.Key ?? "")) as Record<string, unknown>[];
      assert.equal(bad?.["Error"], "Bad");
      assert.equal(bad?.["Cause"], "it was true");
      assert.deepEqual(files.PENDING, []);
      const { mapRuns } = await stepwell.as.states.send(new ListMapRunsCommand({ executionArn }));
      const { mapRunArn } = mapRuns?.[0] ?? {};
      const { itemCounts } = await stepwell.as.states.send(new DescribeMapRunCommand({ mapRunArn }));
      assert.equal(itemCounts?.resultsWritten, 2);
    });

    test("results are written compact, flat, and as lines", async () => {
      const compact = await writes("compact", { Transformation: "COMPACT" }, [[1, 2], [3]], PASS);
      assert.equal(await text(compact.files.SUCCEEDED[0]?.Key ?? ""), "[[1,2],[3]]");
      const flat = await writes("flat", { Transformation: "FLATTEN", OutputType: "JSONL" }, [[1, 2], [3]], PASS);
      assert.match(flat.files.SUCCEEDED[0]?.Key ?? "", /\.jsonl$/);
      assert.equal(await text(flat.files.SUCCEEDED[0]?.Key ?? ""), "1\n2\n3\n");
      const inState = await run({ ResultWriter: { WriterConfig: { Transformation: "FLATTEN" } } }, [[1, 2], [3]]);
      assert.equal(inState.end.output, "[1,2,3]");
    });
  });
