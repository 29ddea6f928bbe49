/** ItemReader: the items of a data set in S3, one after the other, in the order that the run numbers them. */
import { pipeline, type Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { isObject, parseJson } from "../../asl/json.ts";
import type { RawItem } from "../../asl/dataset.ts";
import type { ReaderPlan } from "../../asl/types.ts";
import { csvItems, csvRows } from "./csv.ts";
import { ItemReaderFailed } from "./failed.ts";
import { jsonItems, jsonLines } from "./json.ts";
import { parquetItems } from "./parquet.ts";
import type { S3Calls } from "./s3.ts";

export type SourceItem = RawItem & { readonly source: string };
type Input = Readonly<Record<string, unknown>>;

/** Streams the items; the whole data set is never in memory. */
export function openItems(s3: S3Calls, plan: ReaderPlan): AsyncGenerator<SourceItem, undefined> {
  const input = isObject(plan.parameters) ? plan.parameters : {};
  if (plan.resource.endsWith(":listObjectsV2")) {
    return plan.transformation === "LOAD_AND_FLATTEN" ? flattened(s3, input, plan) : listed(s3, input);
  }
  if (plan.manifestType === "S3_INVENTORY" || (plan.inputType === "MANIFEST" && plan.manifestType === undefined))
    return inventory(s3, input);
  if (plan.manifestType === "ATHENA_DATA") return athena(s3, input, plan);
  return loaded(s3, input, plan);
}

/** One file. */
async function* loaded(s3: S3Calls, object: Input, plan: ReaderPlan): AsyncGenerator<SourceItem, undefined> {
  const source = `s3://${String(object["Bucket"])}/${String(object["Key"])}`;
  for await (const item of itemsOf(s3, object, plan)) yield { ...item, source };
}

function itemsOf(s3: S3Calls, object: Input, plan: ReaderPlan): AsyncIterable<RawItem> {
  const body = () => opened(s3, object);
  switch (plan.inputType) {
    case "CSV":
      return later(async () => csvItems(await body(), { delimiter: plan.delimiter, headers: plan.headers }));
    case "JSON":
      return later(async () => jsonItems(texts(await body()), plan.itemsPointer));
    case "JSONL":
      return later(async () => jsonLines(texts(await body())));
    case "PARQUET":
      return parquetItems(s3, object);
    default:
      throw new ItemReaderFailed(`The InputType '${plan.inputType ?? ""}' cannot be read.`);
  }
}

async function* later<T>(open: () => Promise<AsyncIterable<T>>): AsyncGenerator<T, undefined> {
  yield* await open();
}

/** The object's bytes, unpacked where its name says so. */
async function opened(s3: S3Calls, object: Input): Promise<Readable> {
  const { body } = await s3.get(object);
  const key = String(object["Key"]);
  const unpack = key.endsWith(".gz") ? createGunzip() : /\.zstd?$/.test(key) ? createZstdDecompress() : undefined;
  if (unpack === undefined) return body;
  pipeline(body, unpack, () => {
    // What goes wrong is thrown where the unpacked bytes are read.
  });
  return unpack;
}

async function* texts(body: Readable): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  for await (const chunk of body) yield decoder.decode(chunk as Buffer, { stream: true });
  const last = decoder.decode();
  if (last !== "") yield last;
}

/** The objects of a bucket, as AWS shows them to the processor. */
async function* listed(s3: S3Calls, input: Input): AsyncGenerator<SourceItem, undefined> {
  const source = `s3://${String(input["Bucket"])}`;
  for await (const { Key, ETag, Size, StorageClass, LastModified } of objectsOf(s3, input)) {
    yield {
      source,
      value: {
        Etag: ETag,
        Key,
        LastModified: Math.floor((LastModified?.getTime() ?? 0) / 1000),
        Size,
        StorageClass: StorageClass ?? "STANDARD",
      },
    };
  }
}

async function* objectsOf(s3: S3Calls, input: Input) {
  let token: string | undefined;
  do {
    const page = await s3.list({ ...input, ...(token !== undefined && { ContinuationToken: token }) });
    yield* page.Contents ?? [];
    token = page.NextContinuationToken;
  } while (token !== undefined);
}

/** LOAD_AND_FLATTEN: the items of all objects, one after the other. */
async function* flattened(s3: S3Calls, input: Input, plan: ReaderPlan): AsyncGenerator<SourceItem, undefined> {
  for await (const { Key, Size } of objectsOf(s3, input)) {
    // Folders that a console has made hold nothing.
    if (Key === undefined || (Size === 0 && Key.endsWith("/"))) continue;
    yield* loaded(s3, { Bucket: input["Bucket"], Key }, plan);
  }
}

/** ATHENA_DATA: a list of the files that an UNLOAD has written, one URI a line. */
async function* athena(s3: S3Calls, input: Input, plan: ReaderPlan): AsyncGenerator<SourceItem, undefined> {
  for await (const [uri = ""] of csvRows(await opened(s3, input))) {
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri.trim()) ?? [];
    if (Bucket === undefined || Key === undefined)
      throw new ItemReaderFailed(`The manifest has a line that is no S3 URI: ${uri}`);
    yield* loaded(s3, { Bucket, Key }, plan);
  }
}

type Inventory = {
  readonly fileFormat?: unknown;
  readonly fileSchema?: unknown;
  readonly destinationBucket?: unknown;
  readonly files?: unknown;
};

/** S3_INVENTORY: manifest.json names the files of the inventory and their columns. */
async function* inventory(s3: S3Calls, input: Input): AsyncGenerator<SourceItem, undefined> {
  const manifest = readManifest((await s3.bytes(input)).toString());
  const given = String(manifest.destinationBucket ?? input["Bucket"]);
  const Bucket = given.slice(given.lastIndexOf(":") + 1);
  const schema = typeof manifest.fileSchema === "string" ? manifest.fileSchema : "";
  const headers = schema.split(",").map((column) => column.trim());
  const plan: ReaderPlan =
    manifest.fileFormat === "Parquet"
      ? { resource: "", parameters: {}, inputType: "PARQUET" }
      : { resource: "", parameters: {}, inputType: "CSV", headers };
  for (const file of Array.isArray(manifest.files) ? (manifest.files as unknown[]) : []) {
    const Key = isObject(file) ? file["key"] : undefined;
    if (typeof Key !== "string") throw new ItemReaderFailed("The manifest names a file without a key.");
    yield* loaded(s3, { Bucket, Key }, plan);
  }
}

function readManifest(text: string): Inventory {
  let manifest: unknown;
  try {
    manifest = parseJson(text);
  } catch {
    throw new ItemReaderFailed("The manifest is not JSON.");
  }
  if (!isObject(manifest)) throw new ItemReaderFailed("The manifest is not a JSON object.");
  return manifest;
}
