/** ListObjects and ListObjectsV2. */
import { checksumOf, quoted } from "./attributes.ts";
import { invalidArgument, type Bucket, type S3, type S3Handlers } from "./context.ts";
import { keyText } from "./names.ts";
import { after, commonPrefix, scan, successor, type Page } from "./scan.ts";

/** Marks a continuation token as ours; what follows is where the next page begins. */
const TOKEN = Buffer.from([1]);

export function listingHandlers(s3: S3): Pick<S3Handlers, "ListObjects" | "ListObjectsV2"> {
  return {
    async ListObjectsV2(input, call) {
      const encode = encoder(input.EncodingType);
      const limit = pageSize(input.MaxKeys, "max-keys");
      const prefix = Buffer.from(input.Prefix ?? "");
      const delimiter = Buffer.from(input.Delimiter ?? "");
      const from =
        input.ContinuationToken !== undefined
          ? fromToken(input.ContinuationToken)
          : input.StartAfter
            ? successor(Buffer.from(input.StartAfter))
            : Buffer.alloc(0);
      const { bucket, page } = await call.read(async (reader) => ({
        bucket: await s3.bucket(reader, input),
        page: await scan(reader, { bucket: input.Bucket, prefix, delimiter, from, limit }),
      }));
      return {
        ...common(input, page, limit, encode),
        ...(input.StartAfter === undefined ? {} : { StartAfter: encode(input.StartAfter) }),
        ...(input.ContinuationToken === undefined ? {} : { ContinuationToken: input.ContinuationToken }),
        ...(page.next ? { NextContinuationToken: Buffer.concat([TOKEN, page.next]).toString("base64url") } : {}),
        KeyCount: page.entries.length + page.prefixes.length,
        ...contents(page, encode, input.FetchOwner === true ? bucket : undefined),
      };
    },
    async ListObjects(input, call) {
      const encode = encoder(input.EncodingType);
      const limit = pageSize(input.MaxKeys, "max-keys");
      const prefix = Buffer.from(input.Prefix ?? "");
      const delimiter = Buffer.from(input.Delimiter ?? "");
      const from = afterMarker(input.Marker, prefix, delimiter);
      const { bucket, page } = await call.read(async (reader) => ({
        bucket: await s3.bucket(reader, input),
        page: await scan(reader, { bucket: input.Bucket, prefix, delimiter, from, limit }),
      }));
      return {
        ...common(input, page, limit, encode),
        Marker: encode(input.Marker ?? ""),
        // AWS tells it only under a delimiter: otherwise the last key is the marker.
        ...(page.next && page.last && delimiter.length > 0 ? { NextMarker: encode(keyText(page.last)) } : {}),
        ...contents(page, encode, bucket),
      };
    },
  };
}

type ListInput = {
  readonly Bucket: string;
  readonly Prefix?: string | undefined;
  readonly Delimiter?: string | undefined;
  readonly EncodingType?: "url" | undefined;
};
function common(input: ListInput, page: Page, limit: number, encode: (text: string) => string) {
  return {
    Name: input.Bucket,
    Prefix: encode(input.Prefix ?? ""),
    ...(input.Delimiter ? { Delimiter: encode(input.Delimiter) } : {}),
    MaxKeys: limit,
    ...(input.EncodingType === undefined ? {} : { EncodingType: input.EncodingType }),
    IsTruncated: page.next !== undefined,
  };
}

function contents(page: Page, encode: (text: string) => string, owner: Bucket | undefined) {
  return {
    ...(page.entries.length > 0
      ? {
          Contents: page.entries.map((row) => {
            const checksum = checksumOf(row.checksum);
            return {
              Key: encode(keyText(row.key)),
              LastModified: new Date(row.modified),
              ETag: quoted(row.etag),
              ...(checksum ? { ChecksumAlgorithm: [checksum.algorithm as "CRC32"], ChecksumType: checksum.type } : {}),
              Size: row.size,
              StorageClass: row.storage_class as "STANDARD",
              ...(owner ? { Owner: ownerOf(owner.account) } : {}),
            };
          }),
        }
      : {}),
    ...(page.prefixes.length > 0
      ? { CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(keyText(prefix)) })) }
      : {}),
  };
}

/** The canonical user id of an account: 64 hexadecimal digits that say nothing but stay the same. */
export function ownerOf(account: string): { ID: string; DisplayName: string } {
  return { ID: canonicalId(account), DisplayName: account };
}
function canonicalId(account: string): string {
  return Buffer.from(account.padStart(32, "stepwell-canonical-user-")).toString("hex").slice(0, 64);
}

/** A marker that is itself a common prefix stands for all that it has rolled up. */
function afterMarker(marker: string | undefined, prefix: Buffer, delimiter: Buffer): Buffer {
  if (!marker) return Buffer.alloc(0);
  const bytes = Buffer.from(marker);
  const rolled = bytes.subarray(0, prefix.length).equals(prefix) ? commonPrefix(bytes, prefix, delimiter) : undefined;
  return rolled?.equals(bytes) ? after(bytes) : successor(bytes);
}

function fromToken(token: string): Buffer {
  const bytes = Buffer.from(token, "base64url");
  if (bytes[0] !== TOKEN[0] || bytes.toString("base64url") !== token)
    throw invalidArgument("The continuation token provided is incorrect", "continuation-token", token);
  return bytes.subarray(1);
}

/** At most 1,000 come back, whatever was asked for. */
export function pageSize(asked: number | undefined, name: string): number {
  if (asked === undefined) return 1000;
  if (!Number.isInteger(asked) || asked < 0 || asked > 2_147_483_647)
    throw invalidArgument(`Argument ${name} must be an integer between 0 and 2147483647`, name, asked);
  return Math.min(asked, 1000);
}

export function encoder(type: string | undefined): (text: string) => string {
  if (type === undefined) return (text) => text;
  if (type !== "url") throw invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", type);
  return (text) =>
    encodeURIComponent(text)
      .replace(/[!'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%2F", "/")
      .replaceAll("%20", "+");
}
