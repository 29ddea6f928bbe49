/** A place for blobs belongs to one installation: another one that comes upon it refuses to start, and removes nothing. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { systemClock } from "../../src/clock/system.ts";
import type { Blobs } from "../../src/store/blobs.ts";
import { FileBlobs } from "../../src/store/files.ts";
import { OwnBlobs } from "../../src/store/own-blobs.ts";
import { openS3Blobs } from "../../src/store/s3-blobs.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { startStepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

type Place = {
  readonly open: () => Promise<Blobs>;
  readonly mark: string;
  readonly marked: () => Promise<string>;
  readonly unmark: () => Promise<unknown>;
  readonly close: () => Promise<void>;
};
const LARGE = Buffer.alloc(100_000, "x");

async function inDirectory(): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), "stepwell-own-"));
  const mark = join(root, "installation");
  return {
    open: async () => new FileBlobs(root),
    mark,
    marked: async () => readFileSync(mark, "utf8"),
    unmark: async () => rmSync(mark),
    close: async () => rmSync(root, { recursive: true, force: true }),
  };
}
async function inBucket(): Promise<Place> {
  const other = await startStepwell({ name: "sqlite" });
  await other.as.s3.send(new CreateBucketCommand({ Bucket: "shared" }));
  const place = { bucket: "shared", prefix: "a/", endpoint: other.endpoint, region: other.region };
  const object = { Bucket: "shared", Key: "a/installation" };
  return {
    open: () => openS3Blobs({ ...place, credentials: other.key }, systemClock, () => assert.fail("it answers")),
    mark: "s3://shared/a/installation",
    marked: async () => (await (await other.as.s3.send(new GetObjectCommand(object))).Body?.transformToString()) ?? "",
    unmark: () => other.as.s3.send(new DeleteObjectCommand(object)),
    close: () => other.close(),
  };
}

for (const [name, make] of Object.entries({ inDirectory, inBucket })) {
  for (const kind of stores)
    test(`${name}, ${kind.name}: the second installation refuses to start, the first starts again`, async () => {
      const place = await make();
      const one = await startStepwell(kind, { blobs: await place.open() });
      let running = one;
      try {
        await one.as.s3.send(new CreateBucketCommand({ Bucket: "first" }));
        await one.as.s3.send(new PutObjectCommand({ Bucket: "first", Key: "large", Body: LARGE }));
        const id = (await place.marked()).trim();
        assert.match(id, /^[0-9a-f-]{36}$/);
        const blobs = await place.open();
        await assert.rejects(startStepwell(kind, { blobs }), ({ name: error, message }: Error) => {
          assert.equal(error, "BlobsMisplaced");
          assert.ok(message.includes(`${place.mark} names ${id}, and this one is `), message);
          assert.match(message, /of its own with --blobs\. Only if the other is gone for good, remove /);
          return true;
        });
        running = await one.reopen();
        assert.deepEqual(running.logged, []);
        const read = await running.as.s3.send(new GetObjectCommand({ Bucket: "first", Key: "large" }));
        assert.ok(LARGE.equals((await read.Body?.transformToByteArray()) ?? Buffer.alloc(0)));
        assert.equal((await place.marked()).trim(), id);

        // What the sentence says helps.
        await place.unmark();
        const heir = await startStepwell(kind, { blobs });
        assert.notEqual((await place.marked()).trim(), id);
        await heir.close();
      } finally {
        await running.close();
        await place.close();
      }
    });

  void describe(`${name}: the mark`, () => {
    test("of many who come at once one gets the place, and all agree who", async () => {
      const place = await make();
      try {
        const claims = await Promise.all(
          Array.from({ length: 8 }, async (_, index) => (await place.open()).claim?.(`id-${index}`)),
        );
        const owners = new Set(claims.map((claim) => claim?.owner));
        assert.equal(owners.size, 1);
        assert.equal(`${[...owners].join()}\n`, await place.marked());
      } finally {
        await place.close();
      }
    });

    test("is no blob, and is never garbage", async () => {
      const place = await make();
      try {
        const blobs = await place.open();
        await blobs.claim?.("mine");
        for await (const id of blobs.older(systemClock.now() + 1_000_000)) assert.fail(id);
        assert.equal(await place.marked(), "mine\n");
      } finally {
        await place.close();
      }
    });
  });
}

test("while nobody can say whose the place is, nothing is written, listed or removed; then it goes on by itself", async () => {
  let owner: string | undefined;
  const done: string[] = [];
  const blobs: Blobs = {
    async claim() {
      if (owner === undefined) throw new StoreUnavailable("away");
      return { owner, mark: "the mark" };
    },
    write: async () => (done.push("write"), { id: "1", size: 0 }),
    read: () => assert.fail("not read"),
    remove: async () => void done.push("remove"),
    // oxlint-disable-next-line require-yield
    async *older() {
      done.push("older");
    },
  };
  const nothing = (async function* () {})();
  const stepwell = await startStepwell({ name: "sqlite" }, { blobs });
  try {
    assert.match(String(stepwell.logged[0]?.message), /whose the blob store is cannot be seen/);
    await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "small" }));
    const put = () => stepwell.as.s3.send(new PutObjectCommand({ Bucket: "small", Key: "k", Body: LARGE }));
    await assert.rejects(put(), (error: { $metadata: { httpStatusCode: number } }) => {
      assert.equal(error.$metadata.httpStatusCode, 503);
      return true;
    });
    owner = "somebody else";
    await assert.rejects(put(), { name: "ServiceUnavailable" });
    await assert.rejects(stepwell.as.s3.send(new HeadObjectCommand({ Bucket: "small", Key: "k" })), {
      name: "NotFound",
    });
    assert.deepEqual(done, []);
  } finally {
    await stepwell.close();
  }
  const own = new OwnBlobs(blobs, "mine");
  await assert.rejects(own.remove("1"), StoreUnavailable);
  owner = "mine";
  await own.write(nothing);
  await own.remove("1");
  for await (const id of own.older(0)) assert.fail(id);
  assert.deepEqual(done, ["write", "remove", "older"]);
});
