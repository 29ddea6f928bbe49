/** A Stepwell whose blob store, a second Stepwell, goes away, falls silent and comes back. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { systemClock } from "../../src/clock/system.ts";
import { openS3Blobs, type S3BlobLimits } from "../../src/store/s3-blobs.ts";
import { BlobsMisplaced } from "../../src/store/own-blobs.ts";
import { s3PlaceOf, type S3Place } from "../../src/store/s3-place.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { openPassage, type Passage } from "../support/passage.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";

const LIMITS: Partial<S3BlobLimits> = { connectMs: 300, silenceMs: 300, requestMs: 1_500 };
const large = randomBytes(300_000);

void describe("a blob store that fails", () => {
  let other: Stepwell;
  let stepwell: Stepwell;
  let passage: Passage;
  let place: S3Place;
  const put = (Key: string) => stepwell.as.s3.send(new PutObjectCommand({ Bucket: "front", Key, Body: large }));
  const get = async (Key: string) => {
    const { Body } = await stepwell.as.s3.send(new GetObjectCommand({ Bucket: "front", Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  };
  const refused = (error: unknown): boolean => {
    const { $metadata, $response } = error as {
      $metadata: { httpStatusCode: number };
      $response: { headers: Record<string, string> };
    };
    assert.equal($metadata.httpStatusCode, 503);
    assert.equal($response.headers["retry-after"], "1");
    return true;
  };

  before(async () => {
    other = await startStepwell();
    await other.as.s3.send(new CreateBucketCommand({ Bucket: "back" }));
    passage = await openPassage(Number(new URL(other.endpoint).port));
    const endpoint = `http://127.0.0.1:${passage.port}`;
    place = { bucket: "back", prefix: "", endpoint, region: other.region, credentials: other.key };
    stepwell = await startStepwell(undefined, { blobs: await openS3Blobs(place, systemClock, assert.fail, LIMITS) });
    await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "front" }));
    await put("before");
  });
  after(async () => {
    await passage.back();
    await stepwell.close();
    await passage.close();
    await other.close();
  });

  for (const [trouble, begin] of [
    ["is gone", () => passage.gone()],
    ["is silent", async () => passage.silent()],
  ] as const)
    test(`while it ${trouble}, large objects get 503 in time, small ones are served; then all is well again`, async () => {
      await begin();
      try {
        const started = performance.now();
        await assert.rejects(put("during"), refused);
        await assert.rejects(get("before"), refused);
        assert.ok(performance.now() - started < 6_000);
        await stepwell.as.s3.send(new PutObjectCommand({ Bucket: "front", Key: "small", Body: "here" }));
        assert.equal((await get("small")).toString(), "here");
        assert.equal(
          (await stepwell.as.s3.send(new HeadObjectCommand({ Bucket: "front", Key: "before" }))).ContentLength,
          large.length,
        );
      } finally {
        await passage.back();
      }
      await eventually(async () => put("after").catch(() => undefined));
      assert.ok((await get("after")).equals(large));
      assert.ok((await get("before")).equals(large));
      await assert.rejects(get("during"), { name: "NoSuchKey" });
    });

  test("a read goes on when the connection breaks off in the middle", async () => {
    const bytes = randomBytes(6_000_000);
    const blobs = await openS3Blobs(place, systemClock, assert.fail, { ...LIMITS, silenceMs: 2_000 });
    const { id } = await blobs.write(
      (async function* () {
        yield bytes;
      })(),
    );
    const read: Uint8Array[] = [];
    for await (const chunk of blobs.read(id, 0, bytes.length)) {
      if (read.push(chunk as Uint8Array) === 2) await passage.back();
    }
    assert.ok(Buffer.concat(read).equals(bytes));
  });

  test("bytes on their way are bounded: who would go over the limit is refused", async () => {
    const blobs = await openS3Blobs(place, systemClock, assert.fail, { ...LIMITS, bufferedBytes: 1_000_000 });
    let held = 0;
    let most = 0;
    const writeOne = async (): Promise<unknown> => {
      let mine = 0;
      const chunks = async function* () {
        for (let chunk = 0; chunk < 4; chunk++) {
          mine += 100_000;
          held += 100_000;
          most = Math.max(most, held);
          yield Buffer.alloc(100_000);
        }
      };
      try {
        return await blobs.write(chunks());
      } finally {
        held -= mine;
      }
    };
    passage.silent();
    try {
      for (const end of await Promise.allSettled(Array.from({ length: 20 }, writeOne)))
        assert.ok(end.status === "rejected" && end.reason instanceof StoreUnavailable);
      // Ten chunks fill the budget; beyond it each writer holds the one that it waits with.
      assert.ok(most <= 1_000_000 + 20 * 100_000, `${most} bytes were held`);
    } finally {
      await passage.back();
    }
    const kept = await blobs.write(
      (async function* () {
        yield large;
      })(),
    );
    await blobs.remove(kept.id);
  });

  test("a store that is not there at the start is waited for; a wrong bucket or key is a mistake", async () => {
    await passage.gone();
    const warned: string[] = [];
    await openS3Blobs(place, systemClock, (_level, message) => void warned.push(message), LIMITS);
    assert.equal(warned.length, 1);
    await passage.back();
    await assert.rejects(openS3Blobs({ ...place, bucket: "elsewhere" }, systemClock, assert.fail), BlobsMisplaced);
    const credentials = { ...other.key, secretAccessKey: "wrong" };
    await assert.rejects(openS3Blobs({ ...place, credentials }, systemClock, assert.fail), BlobsMisplaced);
  });
});

void describe("the name of a blob store", () => {
  const key = { STEPWELL_BLOBS_ACCESS_KEY_ID: "AKIA", STEPWELL_BLOBS_SECRET_ACCESS_KEY: "secret" };
  test("has a bucket and perhaps a prefix; AWS is meant where no endpoint is", () => {
    const credentials = { accessKeyId: "AKIA", secretAccessKey: "secret" };
    assert.deepEqual(s3PlaceOf("s3://bytes/of/house/", undefined, { ...key, STEPWELL_BLOBS_REGION: "eu-west-1" }), {
      bucket: "bytes",
      prefix: "of/house/",
      endpoint: "https://s3.eu-west-1.amazonaws.com",
      region: "eu-west-1",
      credentials,
    });
    assert.equal(s3PlaceOf("s3://bytes", "http://ceph:8080", key).prefix, "");
  });
  test("the keys that aim at Stepwell itself are not taken for the store's", () => {
    const environment = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "secret" };
    assert.throws(() => s3PlaceOf("s3://bytes", undefined, environment), /STEPWELL_BLOBS_ACCESS_KEY_ID/);
    assert.throws(() => s3PlaceOf("gs://bytes", undefined, key), BlobsMisplaced);
    assert.throws(() => s3PlaceOf("s3://bytes", "ceph:8080", key), BlobsMisplaced);
  });
});
