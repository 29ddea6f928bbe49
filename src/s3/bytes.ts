import type { S3 } from "./context.ts";
import { piecesOf } from "./garbage.ts";
import type { ObjectWithBytes } from "./rows.ts";

/** The bytes of an object from `start` up to but not including `end`: at once if they are in the row, else as a stream. */
export function pieceStream(
  s3: S3,
  object: Pick<ObjectWithBytes, "bytes" | "parts">,
  start: number,
  end: number,
): Uint8Array | AsyncIterable<Uint8Array> {
  if (object.parts === null) return (object.bytes ?? new Uint8Array()).subarray(start, end);
  return blobStream(s3, object.parts, start, end);
}

/**
 * The same bytes, once the first of them are here: what a blob store that is gone has to say is then an answer with a
 * status, and not one that breaks off after its headers.
 */
export async function begun(
  body: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  if (body instanceof Uint8Array) return body;
  const chunks = body[Symbol.asyncIterator]();
  const first = await chunks.next();
  return (async function* () {
    try {
      for (let next = first; !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  })();
}

/** Each blob is opened when its turn comes, and closed when the reader leaves. */
async function* blobStream(s3: S3, parts: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const { blob, size } of piecesOf(parts)) {
    const from = Math.max(start - at, 0);
    const until = Math.min(end - at, size);
    at += size;
    if (from >= until) continue;
    let bytes = until - from;
    for await (const chunk of s3.parts.blobs.read(blob, from, until)) {
      bytes -= (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
    if (bytes !== 0) throw new Error(`blob ${blob} is ${bytes} bytes short`);
  }
}
