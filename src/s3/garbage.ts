/** Blobs that no row names any more. */
import type { Transaction } from "../store/store.ts";
import { DONE, type Claimed, type EffectWorker } from "../relay/relay.ts";
import type { S3 } from "./context.ts";
import { forgetBlob, isBlobNamed } from "./rows.ts";

/** How long a replaced blob stays, for readers that are under way and have parts of it still to open. */
const READERS_MS = 10 * 60_000;
/** A blob of this age without a row belongs to a write that a crash cut off. */
const ORPHAN_MS = 60 * 60_000;

export const COLLECT = "s3.collect";

/** A part of an object's bytes. */
export type Piece = {
  readonly blob: string;
  readonly size: number;
  /** Only of multipart objects. */
  readonly number?: number;
  readonly checksum?: string;
};
export function piecesOf(parts: string | null): readonly Piece[] {
  return parts === null ? [] : (JSON.parse(parts) as Piece[]);
}

/** Takes blobs from the rows, and has them removed some time after the commit. */
export async function discard(
  s3: S3,
  transaction: Transaction,
  trace: string,
  blobs: readonly string[],
): Promise<void> {
  if (blobs.length === 0) return;
  for (const blob of blobs) await forgetBlob(transaction, blob);
  await s3.parts.relay.append(transaction, {
    kind: COLLECT,
    key: blobs[0] ?? "",
    trace,
    body: { blobs },
    dueAt: s3.parts.clock.now() + READERS_MS,
  });
}

export function collector(s3: S3): EffectWorker {
  return async (work: Claimed) => {
    const { blobs } = work.body as { readonly blobs: readonly string[] };
    for (const blob of blobs) await removeUnnamed(s3, blob);
    return async () => DONE;
  };
}

/** Removes what writes left that never committed. */
export async function collectOrphans(s3: S3): Promise<number> {
  let removed = 0;
  for await (const blob of s3.parts.blobs.older(s3.parts.clock.now() - ORPHAN_MS))
    if (await removeUnnamed(s3, blob)) removed++;
  return removed;
}

async function removeUnnamed(s3: S3, blob: string): Promise<boolean> {
  if (await s3.parts.store.read((reader) => isBlobNamed(reader, blob))) return false;
  await s3.parts.blobs.remove(blob);
  return true;
}
