/** What a client says about an object beside its bytes: system headers, user metadata, tags. Kept as JSON in the row. */
import { fault } from "../wire/fault.ts";
import type { Checksum } from "./checksums.ts";
import { invalidArgument } from "./context.ts";

const TEXTS = [
  "CacheControl",
  "ContentDisposition",
  "ContentEncoding",
  "ContentLanguage",
  "ContentType",
  "WebsiteRedirectLocation",
] as const;
type Texts = { readonly [Name in (typeof TEXTS)[number]]?: string | undefined };
export type Headers = Texts & {
  readonly Expires?: Date | undefined;
  readonly Metadata?: Readonly<Record<string, string>> | undefined;
};

const METADATA_BYTES = 2048;

/** The headers to keep, as JSON. */
export function headersText(input: Headers): string | null {
  const kept: Record<string, unknown> = {};
  for (const name of TEXTS) {
    const value = name === "ContentEncoding" ? withoutChunked(input.ContentEncoding) : input[name];
    if (value !== undefined && value !== "") kept[name] = value;
  }
  if (input.Expires) kept["Expires"] = input.Expires.getTime();
  const metadata = input.Metadata ?? {};
  let bytes = 0;
  let entries = 0;
  for (const [name, value] of Object.entries(metadata)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    entries++;
  }
  if (bytes > METADATA_BYTES)
    throw fault("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", {
      status: 400,
      detail: { Size: bytes, MaxSizeAllowed: METADATA_BYTES },
    });
  if (entries > 0)
    kept["Metadata"] = Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]));
  return Object.keys(kept).length === 0 ? null : JSON.stringify(kept);
}

/** `aws-chunked` is how the body travelled, not what it is. */
function withoutChunked(encoding: string | undefined): string | undefined {
  if (encoding === undefined || !encoding.includes("aws-chunked")) return encoding;
  return encoding
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "aws-chunked")
    .join(",");
}

/** The kept headers as members of an output. */
export function headersOf(text: string | null): Headers {
  const kept =
    text === null ? {} : (JSON.parse(text) as Texts & { Expires?: number; Metadata?: Record<string, string> });
  const { Expires, ...rest } = kept;
  return {
    ...rest,
    ContentType: rest.ContentType ?? "binary/octet-stream",
    ...(Expires === undefined ? {} : { Expires: new Date(Expires) }),
  };
}

export function checksumText(checksum: Checksum): string {
  return `${checksum.algorithm} ${checksum.type} ${checksum.value}`;
}
export function checksumOf(text: string | null): Checksum | undefined {
  if (text === null) return undefined;
  const [algorithm, type, value] = text.split(" ");
  return { algorithm, type, value } as Checksum;
}

export type Tag = { readonly Key: string; readonly Value: string };
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** The `x-amz-tagging` header: a URL query. */
export function tagsHeader(header: string | undefined): string | null {
  if (header === undefined || header === "") return null;
  return tagsText(
    [...new URLSearchParams(header)].map(([Key, Value]) => ({ Key, Value })),
    10,
  );
}
/** A set of tags as JSON. @param limit 10 on an object, 50 on a bucket */
export function tagsText(tags: readonly { Key?: string; Value?: string }[] | undefined, limit: number): string | null {
  const set = tags ?? [];
  if (set.length > limit) {
    const what = limit === 10 ? "Object" : "Bucket";
    throw fault("BadRequest", `${what} tags cannot be greater than ${limit}`, { status: 400 });
  }
  const names = new Set<string>();
  for (const { Key = "", Value = "" } of set) {
    if (Key === "" || Key.length > 128 || !TAG_TEXT.test(Key) || /^aws:/i.test(Key)) throw invalidTag("TagKey", Key);
    if (Value.length > 256 || !TAG_TEXT.test(Value)) throw invalidTag("TagValue", Value);
    if (names.has(Key))
      throw fault("InvalidTag", "Cannot provide multiple Tags with the same key", {
        status: 400,
        detail: { TagKey: Key },
      });
    names.add(Key);
  }
  return set.length === 0 ? null : JSON.stringify(set.map(({ Key, Value = "" }) => [Key, Value]));
}
export function tagsOf(text: string | null | undefined): Tag[] {
  if (text === null || text === undefined) return [];
  return (JSON.parse(text) as [string, string][]).map(([Key, Value]) => ({ Key, Value }));
}
function invalidTag(what: "TagKey" | "TagValue", value: string): Error {
  return fault("InvalidTag", `The ${what} you have provided is invalid`, { status: 400, detail: { [what]: value } });
}

/** An ETag as a header names it: quoted or not. */
export function bareEtag(etag: string): string {
  return etag.trim().replace(/^W\//, "").replace(/^"|"$/g, "");
}
export function quoted(etag: string): string {
  return `"${etag}"`;
}

type ReadConditions = {
  readonly IfMatch?: string | undefined;
  readonly IfNoneMatch?: string | undefined;
  readonly IfModifiedSince?: Date | undefined;
  readonly IfUnmodifiedSince?: Date | undefined;
};
/** Which condition of a read does not hold, in the order of RFC 9110; undefined if all do. */
export function failedCondition(
  conditions: ReadConditions,
  object: { readonly etag: string; readonly modified: number },
): "If-Match" | "If-Unmodified-Since" | "If-None-Match" | "If-Modified-Since" | undefined {
  const { IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince } = conditions;
  // HTTP dates have whole seconds.
  const seconds = Math.floor(object.modified / 1000);
  const later = (date: Date) => seconds > Math.floor(date.getTime() / 1000);
  if (IfMatch !== undefined) {
    if (!listed(IfMatch, object.etag)) return "If-Match";
  } else if (IfUnmodifiedSince && later(IfUnmodifiedSince)) return "If-Unmodified-Since";
  if (IfNoneMatch !== undefined) {
    if (listed(IfNoneMatch, object.etag)) return "If-None-Match";
  } else if (IfModifiedSince && !later(IfModifiedSince)) return "If-Modified-Since";
  return undefined;
}
function listed(header: string, etag: string): boolean {
  return header.trim() === "*" || header.split(",").some((one) => bareEtag(one) === etag);
}

type WriteConditions = { readonly IfMatch?: string | undefined; readonly IfNoneMatch?: string | undefined };
/** Throws unless the conditions of a write hold for what is there; must be asked in the transaction that writes. */
export function checkWrite(conditions: WriteConditions, old: { readonly etag: string } | undefined, key: string): void {
  const { IfMatch, IfNoneMatch } = conditions;
  if (IfNoneMatch !== undefined) {
    if (IfNoneMatch.trim() !== "*")
      throw fault("NotImplemented", "A header you provided implies functionality that is not implemented", {
        status: 501,
        detail: { Header: "If-None-Match" },
      });
    if (old) throw preconditionFailed("If-None-Match");
  }
  if (IfMatch === undefined) return;
  if (!old) throw fault("NoSuchKey", "The specified key does not exist.", { status: 404, detail: { Key: key } });
  if (!listed(IfMatch, old.etag)) throw preconditionFailed("If-Match");
}
export function preconditionFailed(condition: string): Error {
  return fault("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    status: 412,
    detail: { Condition: condition },
  });
}
export function isInteger(value: number | undefined, from: number, to: number, name: string): void {
  if (value === undefined || (Number.isInteger(value) && value >= from && value <= to)) return;
  throw invalidArgument(`${name} must be an integer between ${from} and ${to}`, name, value);
}
