import { Readable } from "node:stream";
import { fault } from "../wire/fault.ts";
import type { Body } from "../wire/service.ts";
import {
  algorithmNamed,
  checksumGiven,
  checksumTrailed,
  contentMd5,
  DEFAULT_ALGORITHM,
  Digests,
  digestsOf,
  type Algorithm,
  type Digested,
} from "./checksums.ts";
import { INLINE_BYTES, type S3 } from "./context.ts";

/** The most that one PUT, part or copy may have. */
export const LARGEST_BYTES = 5 * 1024 ** 3;

/** A body that has been read to its end, verified, and is safe: in memory for the row, or durable in a blob. */
export type Received = {
  readonly size: number;
  /** MD5 in hexadecimal. */
  readonly etag: string;
  readonly digests: Digested;
  /** The checksum to keep if there is no other wish: the one the client sent, or CRC64NVME. */
  readonly checksum: { readonly algorithm: Algorithm; readonly value: string };
  readonly bytes: Uint8Array | null;
  readonly blob: string | null;
};
type Given = {
  readonly Body?: unknown;
  readonly ContentMD5?: string | undefined;
  readonly ChecksumAlgorithm?: string | undefined;
};
type Wish = {
  /** Small bodies are kept in memory for the row. */
  readonly inline: boolean;
  /** A digest that is wanted whatever the client sends. */
  readonly also?: Algorithm | undefined;
};

/** Reads and verifies a body. Nothing is left behind if it is cut short, too long or not what its checksums say. */
export async function receive(s3: S3, input: Given, wish: Wish): Promise<Received> {
  const body = bodyFrom(input.Body);
  const md5 = contentMd5(input.ContentMD5);
  const given = checksumGiven(input);
  const named = given?.algorithm ?? algorithmNamed(input.ChecksumAlgorithm) ?? announced(body);
  const wanted = new Set<Algorithm>([
    "MD5",
    named ?? wish.also ?? DEFAULT_ALGORITHM,
    ...(wish.also ? [wish.also] : []),
  ]);
  const kept =
    wish.inline && body.length !== undefined && body.length <= INLINE_BYTES
      ? inMemory(await body.bytes(INLINE_BYTES))
      : await streamed(s3, body, wish.inline, [...wanted]);
  try {
    const sent = given ?? checksumTrailed(body.trailers());
    const algorithm = sent?.algorithm ?? named ?? wish.also ?? DEFAULT_ALGORITHM;
    const digests = { ...kept.digests, ...(await missingDigests(s3, kept, new Set([...wanted, algorithm]))) };
    if (md5 !== undefined && digests.MD5 !== md5) throw badDigest("Content-MD5", md5, digests.MD5);
    if (sent && digests[sent.algorithm] !== sent.value)
      throw badDigest(sent.algorithm, sent.value, digests[sent.algorithm]);
    return {
      size: kept.size,
      etag: Buffer.from(digests.MD5 ?? "", "base64").toString("hex"),
      digests,
      checksum: { algorithm, value: digests[algorithm] ?? "" },
      bytes: kept.bytes,
      blob: kept.blob,
    };
  } catch (error) {
    if (kept.blob !== null) await s3.parts.blobs.remove(kept.blob);
    throw error;
  }
}

type Kept = Pick<Received, "size" | "digests" | "bytes" | "blob">;

function inMemory(bytes: Uint8Array): Kept {
  return { size: bytes.length, digests: {}, bytes, blob: null };
}

async function streamed(s3: S3, body: Body, inline: boolean, algorithms: readonly Algorithm[]): Promise<Kept> {
  const chunks = limited(body)[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let bytes = 0;
  while (inline && bytes <= INLINE_BYTES) {
    const next = await chunks.next();
    if (next.done) return inMemory(Buffer.concat(first));
    first.push(next.value);
    bytes += next.value.length;
  }
  const hash = s3.hashing.open(algorithms);
  async function* tapped(): AsyncGenerator<Uint8Array> {
    try {
      for (const chunk of first) {
        await hash.update(chunk);
        yield chunk;
      }
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
        await hash.update(next.value);
        yield next.value;
      }
    } finally {
      await chunks.return(undefined);
    }
  }
  let written: { readonly id: string; readonly size: number } | undefined;
  try {
    written = await s3.parts.blobs.write(tapped());
    return { size: written.size, digests: await hash.values(), bytes: null, blob: written.id };
  } catch (error) {
    hash.abandon();
    if (written) await s3.parts.blobs.remove(written.id);
    throw error;
  }
}

async function* limited(body: Body): AsyncGenerator<Uint8Array, undefined> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > LARGEST_BYTES) throw tooLarge();
    yield chunk;
  }
  return undefined;
}
function tooLarge(): Error {
  return fault("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
    status: 400,
    detail: { MaxSizeAllowed: LARGEST_BYTES },
  });
}

/** Digests that were not computed on the way: of small bodies all, of large ones those that only the trailer named. */
async function missingDigests(s3: S3, kept: Kept, wanted: ReadonlySet<Algorithm>): Promise<Digested> {
  const missing = [...wanted].filter((algorithm) => kept.digests[algorithm] === undefined);
  if (missing.length === 0) return {};
  if (kept.bytes) return digestsOf(kept.bytes, missing);
  const digests = new Digests(missing);
  if (kept.blob !== null && kept.size > 0)
    for await (const chunk of s3.parts.blobs.read(kept.blob, 0, kept.size)) digests.update(chunk as Uint8Array);
  return digests.values();
}

function badDigest(what: string, expected: string, calculated: string | undefined): Error {
  const message =
    what === "Content-MD5"
      ? "The Content-MD5 you specified did not match what we received."
      : `The ${what} you specified did not match the calculated checksum.`;
  return fault("BadDigest", message, {
    status: 400,
    detail: { ExpectedDigest: expected, CalculatedDigest: calculated ?? "" },
  });
}

function announced(body: Body): Algorithm | undefined {
  const name = body.announced?.find((header) => header.startsWith("x-amz-checksum-"));
  return name === undefined ? undefined : algorithmNamed(name.slice("x-amz-checksum-".length));
}

/** Whether a body says that it fits into a row. */
export function isSmall(body: unknown): boolean {
  const { length } = bodyFrom(body);
  return length !== undefined && length <= INLINE_BYTES;
}

/** Over the wire a body is a `Body`; calls from inside bring bytes, text, a stream, or nothing. */
function bodyFrom(given: unknown): Body {
  if (given === undefined || given === null) return bodyOfBytes(Buffer.alloc(0));
  if (typeof given === "string") return bodyOfBytes(Buffer.from(given, "utf8"));
  if (given instanceof Uint8Array) return bodyOfBytes(given);
  if (given instanceof Readable || !("bytes" in Object(given)) || !("trailers" in Object(given)))
    return bodyOfStream(given as AsyncIterable<Uint8Array | string>);
  return given as Body;
}
function bodyOfBytes(given: Uint8Array): Body {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  return {
    length: bytes.length,
    bytes: async () => bytes,
    trailers: () => ({}),
    async *[Symbol.asyncIterator]() {
      if (bytes.length > 0) yield bytes;
    },
  };
}
function bodyOfStream(given: AsyncIterable<Uint8Array | string>): Body {
  return {
    length: undefined,
    bytes: async () => {
      throw new Error("a stream of unknown length is read piece by piece");
    },
    trailers: () => ({}),
    async *[Symbol.asyncIterator]() {
      for await (const chunk of given) yield typeof chunk === "string" ? Buffer.from(chunk, "utf8") : chunk;
    },
  };
}
