import type * as Sdk from "@aws-sdk/client-s3";
import type { Call, Parts } from "../flow.ts";
import { VersionedCache } from "../store/cache.ts";
import type { Reader, Transaction } from "../store/store.ts";
import { AwsFault, fault } from "../wire/fault.ts";
import type { Handlers } from "../wire/service.ts";
import { bucketRow, lockBucketRow, settingsOf, shareBucketRow, type BucketRow } from "./bucket-rows.ts";
import { Hashing } from "./hashing.ts";
import { bucketArn } from "./names.ts";

export type S3Handlers = Handlers<typeof Sdk>;

/** A bucket and its sub-resources. */
export type Bucket = BucketRow & {
  readonly settings: ReadonlyMap<string, string>;
  readonly policy: string | undefined;
  /** Native events go to EventBridge. */
  readonly notifies: boolean;
};

/** The bytes that an object may have in a row; larger ones become blobs. */
export const INLINE_BYTES = 65_536;

/** What the handlers of this room share. */
export class S3 {
  readonly parts: Parts;
  readonly hashing = new Hashing();
  readonly #buckets = new VersionedCache<Bucket | undefined>(10_000);
  /** Owners of the buckets seen, for the lists of resources in records, which are made without reading. */
  readonly #owners = new Map<string, string>();
  #sequence = 0;
  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** The bucket if there is one, from the cache as a rule. */
  async find(reader: Reader, name: string): Promise<Bucket | undefined> {
    const scope = scopeOf(name);
    const known = this.#buckets.peek(reader, scope);
    if (known) return known;
    const bucket = await this.#buckets.get(reader, scope, (from) => loadBucket(from, name));
    if (this.#owners.size > 20_000) this.#owners.clear();
    if (bucket) this.#owners.set(name, bucket.account);
    return bucket;
  }
  /** The bucket that a request names. Throws NoSuchBucket, or AccessDenied if it is not whose it is expected to be. */
  async bucket(
    reader: Reader,
    input: { readonly Bucket: string; readonly ExpectedBucketOwner?: string | undefined },
  ): Promise<Bucket> {
    const bucket = await this.find(reader, input.Bucket);
    if (!bucket) throw noSuchBucket(input.Bucket);
    expectOwner(bucket, input.ExpectedBucketOwner);
    return bucket;
  }
  /**
   * Holds a bucket that was found, for a transaction that puts something into it: where nodes share a database, another
   * one may be deleting the bucket in this moment, and rows that came to lie in no bucket would be the next owner's.
   * Such a delete waits, and then finds what was put; or it came first, and the bucket is gone. Asked together with the
   * next statement this costs no round trip. With one writer only (no `lock`) there is nothing to hold.
   */
  async hold(transaction: Transaction, { name, account }: Bucket): Promise<void> {
    if (!transaction.lock) return;
    const row = await shareBucketRow(transaction, name);
    // Made anew by somebody else, it is not the bucket that this caller was let into.
    if (row?.account !== account) throw noSuchBucket(name);
  }
  /** Waits for all who hold the bucket. What is looked for in it after this is all there will be. */
  async lock(transaction: Transaction, { name, account }: Bucket): Promise<void> {
    const row = await lockBucketRow(transaction, name);
    if (row?.account !== account) throw noSuchBucket(name);
  }
  /** Must be called in every transaction that changes a bucket or a sub-resource of it. */
  changed(transaction: Transaction, name: string): void {
    transaction.bump(scopeOf(name));
  }
  ownerOf(bucket: string): string | undefined {
    return this.#owners.get(bucket);
  }
  /** A number for a write of a key, greater than that of the write before it. */
  sequence(before: number | undefined): number {
    this.#sequence = Math.max(this.#sequence + 1, this.parts.clock.now() * 1000, (before ?? 0) + 1);
    return this.#sequence;
  }
  /** A key that is not there is told only to those who may list; others are denied. Always throws. */
  async missing(call: Call, bucket: Bucket, key: string): Promise<never> {
    await call.authorize({ action: "s3:ListBucket", resource: bucketArn(bucket.name), ...shareOf(bucket, call) });
    throw noSuchKey(key);
  }
  /**
   * Runs a commit that is to name a blob, and removes the blob if the commit was refused. After trouble with the disk
   * nobody knows what became of the commit: then the blob stays, and the collection at the next start decides.
   */
  async commitBlob<T>(blob: string | null, commit: () => Promise<T>): Promise<T> {
    try {
      return await commit();
    } catch (error) {
      if (blob !== null && error instanceof AwsFault) await this.parts.blobs.remove(blob);
      throw error;
    }
  }
}

/** How the owner and the policy of a bucket enter a decision about it. */
export function shareOf(
  bucket: Bucket,
  facts: { readonly account: string },
): { owner?: string; resourcePolicy?: string } {
  return {
    ...(bucket.account === facts.account ? {} : { owner: bucket.account }),
    ...(bucket.policy === undefined ? {} : { resourcePolicy: bucket.policy }),
  };
}
export function expectOwner(bucket: Bucket, account: string | undefined): void {
  if (account !== undefined && account !== bucket.account)
    throw fault("AccessDenied", "Access Denied", { status: 403 });
}
function noSuchBucket(name: string): AwsFault {
  return fault("NoSuchBucket", "The specified bucket does not exist", { status: 404, detail: { BucketName: name } });
}
export function noSuchKey(key: string): AwsFault {
  return fault("NoSuchKey", "The specified key does not exist.", { status: 404, detail: { Key: key } });
}
export function invalidArgument(message: string, name: string, value: unknown): AwsFault {
  return fault("InvalidArgument", message, {
    status: 400,
    detail: { ArgumentName: name, ArgumentValue: String(value) },
  });
}

function scopeOf(bucket: string): string {
  return `s3/bucket/${bucket}`;
}

async function loadBucket(reader: Reader, name: string): Promise<Bucket | undefined> {
  const row = await bucketRow(reader, name);
  if (!row) return undefined;
  const settings = new Map((await settingsOf(reader, name)).map((setting) => [setting.name, setting.value]));
  return {
    ...row,
    settings,
    policy: settings.get("policy"),
    notifies:
      settings.has("notification") && settings.get("notification")?.includes("EventBridgeConfiguration") === true,
  };
}
