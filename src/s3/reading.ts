/** GetObject, HeadObject and GetObjectAttributes. */
import type { Call } from "../flow.ts";
import { AwsFault, fault } from "../wire/fault.ts";
import { checksumOf, failedCondition, headersOf, isInteger, preconditionFailed, quoted, tagsOf } from "./attributes.ts";
import { begun, pieceStream } from "./bytes.ts";
import { checksumMembers } from "./checksums.ts";
import { invalidArgument, type S3, type S3Handlers } from "./context.ts";
import { piecesOf } from "./garbage.ts";
import { keyBytes } from "./names.ts";
import { checkVersion, refuseUnsupported } from "./refuse.ts";
import { objectRow, objectWithBytes, type ObjectRow } from "./rows.ts";

type GetInput = Parameters<NonNullable<S3Handlers["GetObject"]>>[0];
type HeadInput = Parameters<NonNullable<S3Handlers["HeadObject"]>>[0];
type AttributesOutput = Awaited<ReturnType<NonNullable<S3Handlers["GetObjectAttributes"]>>>;

export function readingHandlers(s3: S3): Pick<S3Handlers, "GetObject" | "HeadObject" | "GetObjectAttributes"> {
  return {
    async GetObject(input, call) {
      const object = await find(s3, call, input, objectWithBytes);
      const { range, output } = describe(input, object);
      return { ...output, Body: await begun(pieceStream(s3, object, range.start, range.end)) };
    },
    async HeadObject(input, call) {
      const object = await find(s3, call, input, objectRow);
      return describe(input, object).output;
    },
    async GetObjectAttributes(input, call) {
      const object = await find(s3, call, input, objectRow);
      return attributes(input, object);
    },
  };
}

async function find<Row extends ObjectRow>(
  s3: S3,
  call: Call,
  input: {
    readonly Bucket: string;
    readonly Key: string;
    readonly VersionId?: string | undefined;
    readonly ExpectedBucketOwner?: string | undefined;
  },
  row: (reader: Parameters<typeof objectRow>[0], bucket: string, key: Uint8Array) => Promise<Row | undefined>,
): Promise<Row> {
  refuseUnsupported(input);
  const name = keyBytes(input.Key);
  const { bucket, object } = await call.read(async (reader) => ({
    bucket: await s3.bucket(reader, input),
    object: await row(reader, input.Bucket, name),
  }));
  if (!object) return s3.missing(call, bucket, input.Key);
  checkVersion(input.VersionId);
  return object;
}

type Span = { readonly start: number; readonly end: number };

/** The headers of an answer, and the bytes that go with them. */
function describe(input: GetInput | HeadInput, object: ObjectRow) {
  const etag = quoted(object.etag);
  const modified = new Date(object.modified);
  const failed = failedCondition(input, object);
  if (failed === "If-None-Match" || failed === "If-Modified-Since")
    throw new AwsFault("NotModified", "Not Modified", {
      status: 304,
      headers: { etag, "last-modified": modified.toUTCString() },
    });
  if (failed) throw preconditionFailed(failed);
  const { range, parts } = rangeOf(input, object);
  const whole = range === undefined;
  const span = range ?? { start: 0, end: object.size };
  const checksum = whole && input.ChecksumMode === "ENABLED" ? checksumOf(object.checksum) : undefined;
  const tags = object.tags === null ? 0 : tagsOf(object.tags).length;
  return {
    range: span,
    output: {
      AcceptRanges: "bytes",
      ...headersOf(object.headers),
      ...overrides(input),
      ETag: etag,
      LastModified: modified,
      ContentLength: span.end - span.start,
      ...(whole ? {} : { ContentRange: `bytes ${span.start}-${span.end - 1}/${object.size}` }),
      ServerSideEncryption: "AES256" as const,
      ...(object.storage_class === "STANDARD" ? {} : { StorageClass: object.storage_class as "STANDARD_IA" }),
      ...(parts === undefined ? {} : { PartsCount: parts }),
      ...(tags === 0 ? {} : { TagCount: tags }),
      ...(checksum ? { ChecksumType: checksum.type, ...checksumMembers(checksum) } : {}),
    },
  };
}

function overrides(input: GetInput | HeadInput) {
  const { ResponseCacheControl, ResponseContentDisposition, ResponseContentEncoding, ResponseContentLanguage } = input;
  const { ResponseContentType, ResponseExpires } = input;
  return {
    ...(ResponseCacheControl === undefined ? {} : { CacheControl: ResponseCacheControl }),
    ...(ResponseContentDisposition === undefined ? {} : { ContentDisposition: ResponseContentDisposition }),
    ...(ResponseContentEncoding === undefined ? {} : { ContentEncoding: ResponseContentEncoding }),
    ...(ResponseContentLanguage === undefined ? {} : { ContentLanguage: ResponseContentLanguage }),
    ...(ResponseContentType === undefined ? {} : { ContentType: ResponseContentType }),
    ...(ResponseExpires === undefined ? {} : { Expires: ResponseExpires }),
  };
}

function rangeOf(input: GetInput | HeadInput, object: ObjectRow): { range: Span | undefined; parts?: number } {
  if (input.PartNumber === undefined) return { range: parseRange(input.Range, object.size) };
  if (input.Range !== undefined)
    throw fault("InvalidRequest", "Cannot specify both Range header and partNumber query parameter", { status: 400 });
  isInteger(input.PartNumber, 1, 10_000, "PartNumber");
  const pieces = object.etag.includes("-") ? piecesOf(object.parts) : [{ size: object.size }];
  const piece = pieces[input.PartNumber - 1];
  if (!piece)
    throw fault("InvalidPartNumber", "The requested partnumber is not satisfiable", {
      status: 416,
      detail: { PartNumberRequested: input.PartNumber, ActualPartCount: pieces.length },
    });
  const start = pieces.slice(0, input.PartNumber - 1).reduce((sum, { size }) => sum + size, 0);
  if (object.size === 0) return { range: undefined };
  return {
    range: { start, end: start + piece.size },
    ...(object.etag.includes("-") ? { parts: pieces.length } : {}),
  };
}

/** One range of bytes. Several, or what is no range at all, are ignored, as AWS does. */
export function parseRange(header: string | undefined, size: number): Span | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  if (start >= size || (first === "" && Number(last) === 0))
    throw fault("InvalidRange", "The requested range is not satisfiable", {
      status: 416,
      detail: { RangeRequested: header, ActualObjectSize: size },
      headers: { "content-range": `bytes */${size}` },
    });
  return { start, end };
}

type AttributesInput = Parameters<NonNullable<S3Handlers["GetObjectAttributes"]>>[0];
function attributes(input: AttributesInput, object: ObjectRow): AttributesOutput {
  const wanted = new Set<string>(
    input.ObjectAttributes.flatMap((names) => names.split(",")).map((name) => name.trim()),
  );
  const known = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
  for (const name of wanted)
    if (!known.includes(name))
      throw invalidArgument("Invalid attribute name specified.", "x-amz-object-attributes", name);
  const checksum = checksumOf(object.checksum);
  const multipart = object.etag.includes("-");
  return {
    LastModified: new Date(object.modified),
    ...(wanted.has("ETag") ? { ETag: object.etag } : {}),
    ...(wanted.has("Checksum") && checksum
      ? { Checksum: { ChecksumType: checksum.type, ...checksumMembers(checksum) } }
      : {}),
    ...(wanted.has("ObjectParts") && multipart ? { ObjectParts: partsPage(input, object) } : {}),
    ...(wanted.has("StorageClass") ? { StorageClass: object.storage_class as "STANDARD" } : {}),
    ...(wanted.has("ObjectSize") ? { ObjectSize: object.size } : {}),
  };
}

function partsPage(input: AttributesInput, object: ObjectRow): NonNullable<AttributesOutput["ObjectParts"]> {
  const pieces = piecesOf(object.parts);
  const limit = Math.min(input.MaxParts ?? 1000, 1000);
  const after = Number(input.PartNumberMarker ?? 0);
  const checksum = checksumOf(object.checksum);
  const numbered = pieces.map((piece, index) => ({ ...piece, number: index + 1 }));
  const rest = numbered.filter(({ number }) => number > after);
  const page = rest.slice(0, limit);
  const parts = page.map(({ number, size, checksum: value }) => ({
    PartNumber: number,
    Size: size,
    ...(checksum && value !== undefined ? checksumMembers({ algorithm: checksum.algorithm, value }) : {}),
  }));
  return {
    TotalPartsCount: pieces.length,
    PartNumberMarker: String(after),
    NextPartNumberMarker: String(page.at(-1)?.number ?? after),
    MaxParts: limit,
    IsTruncated: rest.length > page.length,
    // Without checksums of its own for each part, AWS does not list them.
    ...(checksum?.type === "COMPOSITE" ? { Parts: parts } : {}),
  };
}
