import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type * as Sdk from "@aws-sdk/client-s3";
import type { Clock } from "../clock/clock.ts";
import type { Blobs } from "./blobs.ts";
import { ByteBudget } from "./byte-budget.ts";
import { BlobsMisplaced } from "./own-blobs.ts";
import type { S3Place } from "./s3-place.ts";
import { StoreUnavailable } from "./store.ts";

export type S3BlobLimits = {
  /** A blob up to this size is one PutObject; a larger one is uploaded in parts of it. S3's least is 5 MiB. */
  readonly partBytes: number;
  /** Bytes of all blobs on their way, together. */
  readonly bufferedBytes: number;
  readonly connectMs: number;
  /** How long the store may be silent. */
  readonly silenceMs: number;
  /** How long one request to it may take, retries included. */
  readonly requestMs: number;
};
export const S3_BLOB_LIMITS: S3BlobLimits = {
  partBytes: 8 * 1024 * 1024,
  bufferedBytes: 256 * 1024 * 1024,
  connectMs: 2_000,
  silenceMs: 10_000,
  requestMs: 30_000,
};
/**
 * S3 dates an object that came in parts by the beginning of its upload. So that a slow upload is never taken for an
 * orphan between its end and its row's commit, such blobs count as a day younger, and no upload takes longer than that.
 */
const UPLOAD_MS = 23 * 3_600_000;
const DAY_MS = 24 * 3_600_000;
/** Times a read is taken up again without a byte having come. */
const READ_TRIES = 3;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

type Patience = { readonly abortSignal: AbortSignal };
type Part = { readonly PartNumber: number; readonly ETag: string };
type Upload = { readonly id: string; readonly parts: Part[]; sending: Promise<void> };

/** Loads the official client, which nothing else in the server needs, and looks whether the bucket can be used. */
export async function openS3Blobs(
  place: S3Place,
  clock: Clock,
  log: (level: "warn", message: string, facts: Readonly<Record<string, unknown>>) => void,
  limits: Partial<S3BlobLimits> = {},
): Promise<S3Blobs> {
  const blobs = new S3Blobs(await import("@aws-sdk/client-s3"), place, clock, { ...S3_BLOB_LIMITS, ...limits });
  try {
    await blobs.check();
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    log("warn", "the blob store does not answer; large objects are refused until it does", { error: error.message });
  }
  return blobs;
}

/** Blobs as objects of an S3-compatible store: `prefix/` and a random id; written once, never changed. */
export class S3Blobs implements Blobs {
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.S3Client;
  readonly #place: S3Place;
  readonly #clock: Clock;
  readonly #limits: S3BlobLimits;
  readonly #budget: ByteBudget;

  constructor(sdk: typeof Sdk, place: S3Place, clock: Clock, limits: S3BlobLimits) {
    this.#sdk = sdk;
    this.#place = place;
    this.#clock = clock;
    this.#limits = limits;
    this.#budget = new ByteBudget(clock, limits.bufferedBytes, limits.silenceMs);
    this.#client = new sdk.S3Client({
      endpoint: place.endpoint,
      region: place.region,
      credentials: place.credentials,
      forcePathStyle: true,
      maxAttempts: 3,
      retryMode: "standard",
      // The signature covers the SHA-256 of every body we send; other stores do not know AWS's newer checksums.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: {
        connectionTimeout: limits.connectMs,
        socketTimeout: limits.silenceMs,
        socketAcquisitionWarningTimeout: 60_000,
        httpAgent: { keepAlive: true, maxSockets: 256 },
        httpsAgent: { keepAlive: true, maxSockets: 256 },
      },
    });
  }

  /** Throws BlobsMisplaced if the bucket is not there or closed to us, StoreUnavailable if nobody answers. */
  async check(): Promise<void> {
    const { bucket, endpoint } = this.#place;
    try {
      await this.#client.send(new this.#sdk.HeadBucketCommand({ Bucket: bucket }), this.#patience());
    } catch (error) {
      const status = statusOf(error);
      if (status === 404)
        throw new BlobsMisplaced(`the blob store ${endpoint} has no bucket ${bucket}: make it first.`, {
          cause: error,
        });
      if (status === 403 || status === 401 || status === 400)
        throw new BlobsMisplaced(
          `the blob store ${endpoint} refuses us the bucket ${bucket} (${status}): see STEPWELL_BLOBS_ACCESS_KEY_ID, _SECRET_ACCESS_KEY and _REGION.`,
          { cause: error },
        );
      throw unavailable(error);
    }
  }

  /**
   * The mark is an object. Stores that know conditional writes, as S3 itself, let one of two who come at once have the
   * place; with others the later of the two does, and both read what stands there in the end.
   */
  async claim(installation: string): Promise<{ readonly owner: string; readonly mark: string }> {
    const { bucket, prefix } = this.#place;
    const place = { Bucket: bucket, Key: `${prefix}installation` };
    const mark = `s3://${place.Bucket}/${place.Key}`;
    let owner = await this.#mark(place);
    if (owner === undefined) {
      const put = { ...place, Body: `${installation}\n` };
      const first = new this.#sdk.PutObjectCommand({ ...put, IfNoneMatch: "*" });
      await this.#ask((client, options) => client.send(first, options)).catch(async (error: StoreUnavailable) => {
        const status = statusOf(error.cause);
        // Somebody else was first; or the store does not know the condition.
        if (status === 412 || status === 409) return;
        if (status !== 400 && status !== 501) throw error;
        const plain = new this.#sdk.PutObjectCommand(put);
        await this.#ask((client, options) => client.send(plain, options));
      });
      owner = await this.#mark(place);
    }
    if (owner === undefined) throw new StoreUnavailable(`the blob store does not show ${mark}, which was just written`);
    return { owner, mark };
  }
  async #mark(place: { readonly Bucket: string; readonly Key: string }): Promise<string | undefined> {
    const command = new this.#sdk.GetObjectCommand(place);
    try {
      return await this.#ask(async (client, options) => {
        const { Body } = await client.send(command, options);
        return (await Body?.transformToString())?.trim() ?? "";
      });
    } catch (error) {
      const status = statusOf((error as Error).cause);
      if (status === 404) return undefined;
      if (status === 403)
        throw new BlobsMisplaced(
          `the blob store ${this.#place.endpoint} refuses us s3://${place.Bucket}/${place.Key} (403): the key needs s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject.`,
          { cause: error },
        );
      throw error;
    }
  }

  async write(
    chunks: AsyncIterable<Uint8Array>,
    id: string = randomUUID(),
  ): Promise<{ readonly id: string; readonly size: number }> {
    const key = this.#place.prefix + id;
    const started = this.#clock.now();
    let upload: Upload | undefined;
    let gathered: Uint8Array[] = [];
    let held = 0;
    let size = 0;
    const cut = (): Buffer => {
      const bytes = Buffer.concat(gathered, held);
      gathered = [];
      held = 0;
      return bytes;
    };
    try {
      for await (const chunk of chunks) {
        await this.#budget.take(chunk.length);
        gathered.push(chunk);
        held += chunk.length;
        size += chunk.length;
        if (held < this.#limits.partBytes) continue;
        if (this.#clock.now() - started > UPLOAD_MS) throw new StoreUnavailable("the upload took a day");
        upload ??= { id: await this.#begin(key), parts: [], sending: Promise.resolve() };
        // One part is under way while the next is gathered: bounded, and the source waits for the store.
        await upload.sending;
        this.#sendPart(key, upload, cut());
      }
      if (upload) {
        await upload.sending;
        if (held > 0) this.#sendPart(key, upload, cut());
        await this.#complete(key, upload);
      } else await this.#put(key, cut());
      return { id, size };
    } catch (error) {
      this.#budget.give(held);
      if (upload) await this.#abandon(key, upload);
      throw error;
    }
  }

  read(id: string, start: number, end: number): Readable {
    return Readable.from(this.#bytes(id, start, end), { objectMode: false, highWaterMark: 256 * 1024 });
  }

  async remove(id: string): Promise<void> {
    const { DeleteObjectCommand } = this.#sdk;
    const command = new DeleteObjectCommand({ Bucket: this.#place.bucket, Key: this.#place.prefix + id });
    await this.#ask((client, options) => client.send(command, options));
  }

  async *older(before: number): AsyncIterable<string> {
    const { ListObjectsV2Command } = this.#sdk;
    const { bucket: Bucket, prefix: Prefix } = this.#place;
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken });
      const page: Sdk.ListObjectsV2CommandOutput = await this.#ask((client, options) => client.send(command, options));
      for (const { Key = "", LastModified, ETag = "" } of page.Contents ?? []) {
        const id = Key.slice(Prefix.length);
        const age = ETag.includes("-") ? DAY_MS : 0;
        // What is not named as we name blobs is somebody else's.
        if (UUID.test(id) && LastModified && LastModified.getTime() + age < before) yield id;
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
    await this.#abandonOlder(before - DAY_MS);
  }

  /** Uploads that a crash cut off have no name anywhere, and cost room until they are ended. */
  async #abandonOlder(before: number): Promise<void> {
    const { AbortMultipartUploadCommand, ListMultipartUploadsCommand } = this.#sdk;
    const { bucket: Bucket, prefix: Prefix } = this.#place;
    const command = new ListMultipartUploadsCommand({ Bucket, Prefix });
    const page = await this.#ask((client, options) => client.send(command, options));
    for (const { Key = "", UploadId, Initiated } of page.Uploads ?? []) {
      if (!UUID.test(Key.slice(Prefix.length)) || !Initiated || Initiated.getTime() >= before) continue;
      const abort = new AbortMultipartUploadCommand({ Bucket, Key, UploadId });
      await this.#ask((client, options) => client.send(abort, options));
    }
  }

  async *#bytes(id: string, start: number, end: number): AsyncGenerator<Uint8Array, undefined> {
    let at = start;
    for (let tries = 0; at < end; tries++) {
      try {
        for await (const chunk of await this.#open(id, at, end)) {
          at += (chunk as Uint8Array).length;
          tries = 0;
          yield chunk as Uint8Array;
        }
        return undefined;
      } catch (error) {
        const status = statusOf(error);
        if (status === 416 && at === 0) return undefined;
        if (status === 404) throw new Error(`the blob store has no blob ${id}`, { cause: error });
        if (tries + 1 >= READ_TRIES) throw unavailable(error);
        // The connection broke off, or the reader was slow and the store lost patience: go on where it ended.
        await this.#clock.sleep(50 * 2 ** tries);
      }
    }
    return undefined;
  }

  async #open(id: string, start: number, end: number): Promise<Readable> {
    const last = Number.isFinite(end) ? end - 1 : "";
    const { bucket: Bucket, prefix } = this.#place;
    const command = new this.#sdk.GetObjectCommand({ Bucket, Key: prefix + id, Range: `bytes=${start}-${last}` });
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Error("no answer in time")), this.#limits.silenceMs);
    try {
      const { Body } = await this.#client.send(command, { abortSignal: patience.signal });
      return Body as Readable;
    } finally {
      clearTimeout(timer);
    }
  }

  async #put(key: string, bytes: Buffer): Promise<void> {
    const command = new this.#sdk.PutObjectCommand({ Bucket: this.#place.bucket, Key: key, Body: bytes });
    try {
      await this.#ask((client, options) => client.send(command, options));
    } finally {
      this.#budget.give(bytes.length);
    }
  }

  async #begin(key: string): Promise<string> {
    const command = new this.#sdk.CreateMultipartUploadCommand({ Bucket: this.#place.bucket, Key: key });
    const { UploadId } = await this.#ask((client, options) => client.send(command, options));
    if (UploadId === undefined) throw new StoreUnavailable("the blob store began an upload without an id");
    return UploadId;
  }

  #sendPart(key: string, upload: Upload, bytes: Buffer): void {
    const PartNumber = upload.parts.length + 1;
    const slot = upload.parts.push({ PartNumber, ETag: "" }) - 1;
    const { bucket: Bucket } = this.#place;
    const command = new this.#sdk.UploadPartCommand({
      Bucket,
      Key: key,
      UploadId: upload.id,
      PartNumber,
      Body: bytes,
    });
    upload.sending = this.#ask((client, options) => client.send(command, options))
      .then(({ ETag = "" }) => void (upload.parts[slot] = { PartNumber, ETag }))
      .finally(() => this.#budget.give(bytes.length));
    // A failure is seen at the next await; until then it must not count as unhandled.
    upload.sending.catch(() => undefined);
  }

  async #complete(key: string, upload: Upload): Promise<void> {
    await upload.sending;
    const { bucket: Bucket } = this.#place;
    const command = new this.#sdk.CompleteMultipartUploadCommand({
      Bucket,
      Key: key,
      UploadId: upload.id,
      MultipartUpload: { Parts: upload.parts },
    });
    await this.#ask((client, options) => client.send(command, options));
  }

  /** Best effort: what a store that is gone keeps of it is ended by `older` a day later. */
  async #abandon(key: string, upload: Upload): Promise<void> {
    await upload.sending.catch(() => undefined);
    const { bucket: Bucket } = this.#place;
    const command = new this.#sdk.AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: upload.id });
    await this.#ask((client, options) => client.send(command, options)).catch(() => undefined);
  }

  /** One request; every failure is the store's. */
  async #ask<Output>(request: (client: Sdk.S3Client, options: Patience) => Promise<Output>): Promise<Output> {
    try {
      return await request(this.#client, this.#patience());
    } catch (error) {
      throw unavailable(error);
    }
  }

  #patience(): Patience {
    return { abortSignal: AbortSignal.timeout(this.#limits.requestMs) };
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function unavailable(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  const { name, message } = error as Error;
  return new StoreUnavailable(`the blob store failed: ${name}: ${message}`, { cause: error });
}
