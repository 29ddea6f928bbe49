/** One contract for every blob store: files, and an S3 endpoint, which is a second Stepwell. */
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { systemClock } from "../../src/clock/system.ts";
import type { Blobs } from "../../src/store/blobs.ts";
import { FileBlobs } from "../../src/store/files.ts";
import { openS3Blobs } from "../../src/store/s3-blobs.ts";
import { foreignS3, type ForeignS3 } from "../support/foreign-s3.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";

const MIB = 1024 * 1024;

async function* inChunks(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function all(blobs: Blobs, id: string, start: number, end: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of blobs.read(id, start, end)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
async function idsOlder(blobs: Blobs, before: number): Promise<string[]> {
  const ids: string[] = [];
  for await (const id of blobs.older(before)) ids.push(id);
  return ids.sort();
}

type Kind = {
  readonly name: string;
  open(): Promise<{ blobs: Blobs; leftovers(): Promise<number>; close(): Promise<void> }>;
};
const files: Kind = {
  name: "files",
  async open() {
    const root = mkdtempSync(join(tmpdir(), "stepwell-blobs-"));
    const blobs = new FileBlobs(root);
    return {
      blobs,
      // What is in tmp/ and what has a name.
      leftovers: async () => (await idsOlder(blobs, systemClock.now() + 1000)).length,
      close: async () => rmSync(root, { recursive: true, force: true }),
    };
  },
};
type Endpoint = ForeignS3 & { readonly region: string; close(): Promise<void> };
const s3 = (name: string, start: () => Promise<Endpoint>): Kind => ({
  name,
  async open() {
    const other = await start();
    const { endpoint, credentials, region } = other;
    const client = new S3Client({ endpoint, credentials, region, forcePathStyle: true });
    const bucket = `blobs-${randomUUID()}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    const place = { bucket, prefix: "one/", endpoint, region, credentials };
    return {
      blobs: await openS3Blobs(place, systemClock, assert.fail, { partBytes: 5 * MIB }),
      async leftovers() {
        const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
        const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
        for (const { Key } of Contents) assert.match(Key ?? "", /^one\/[0-9a-f-]{36}$/);
        return Uploads.length + Contents.length;
      },
      async close() {
        client.destroy();
        await other.close();
      },
    };
  },
});
const kinds = [
  files,
  s3("an S3 endpoint", async () => {
    const other: Stepwell = await startStepwell();
    return { endpoint: other.endpoint, region: other.region, credentials: other.key, close: () => other.close() };
  }),
];
const foreign = foreignS3();
if (foreign)
  kinds.push(s3("a foreign S3 endpoint", async () => ({ ...foreign, region: "us-east-1", close: async () => {} })));

for (const kind of kinds)
  void describe(`blobs on ${kind.name}`, () => {
    let blobs: Blobs;
    let opened: Awaited<ReturnType<Kind["open"]>>;
    before(async () => {
      opened = await kind.open();
      blobs = opened.blobs;
    });
    after(() => opened.close());

    for (const [name, size] of [
      ["nothing", 0],
      ["a byte", 1],
      ["100 KB", 100_000],
      ["exactly a part", 5 * MIB],
      ["two parts and a bit", 10 * MIB + 17],
    ] as const)
      test(`${name} is read back as it was written, and removed`, async () => {
        const bytes = randomBytes(size);
        const written = await blobs.write(inChunks(bytes));
        assert.equal(written.size, size);
        assert.ok((await all(blobs, written.id, 0, size)).equals(bytes));
        assert.ok((await all(blobs, written.id, 0, Number.POSITIVE_INFINITY)).equals(bytes));
        await blobs.remove(written.id);
        await assert.rejects(all(blobs, written.id, 0, size === 0 ? 1 : size));
        await blobs.remove(written.id);
      });

    test("any range is read", async () => {
      const bytes = randomBytes(300_000);
      const { id } = await blobs.write(inChunks(bytes, 7_001));
      for (const [start, end] of [
        [0, 1],
        [299_999, 300_000],
        [1_000, 200_001],
        [0, 300_000],
      ] as const)
        assert.ok((await all(blobs, id, start, end)).equals(bytes.subarray(start, end)), `${start} to ${end}`);
      await blobs.remove(id);
    });

    test("an import may choose the id", async () => {
      const id = randomUUID();
      assert.deepEqual(await blobs.write(inChunks(Buffer.from("imported")), id), { id, size: 8 });
      assert.equal((await all(blobs, id, 0, 8)).toString(), "imported");
      await blobs.remove(id);
    });

    for (const size of [100_000, 11 * MIB])
      test(`a source that breaks after ${size} bytes passes its error on and leaves nothing`, async () => {
        const before = await opened.leftovers();
        const broken = async function* () {
          yield* inChunks(randomBytes(size));
          throw new Error("the client went away");
        };
        await assert.rejects(blobs.write(broken()), { message: "the client went away" });
        assert.equal(await opened.leftovers(), before);
      });

    test("older names the blobs that were written before", async () => {
      const { id } = await blobs.write(inChunks(Buffer.from("old")));
      assert.ok(!(await idsOlder(blobs, systemClock.now() - 60_000)).includes(id));
      assert.ok((await idsOlder(blobs, systemClock.now() + 60_000)).includes(id));
      await blobs.remove(id);
      assert.ok(!(await idsOlder(blobs, systemClock.now() + 60_000)).includes(id));
    });

    test("a reader may leave in the middle", async () => {
      const { id } = await blobs.write(inChunks(randomBytes(2 * MIB)));
      for await (const _ of blobs.read(id, 0, 2 * MIB)) break;
      await blobs.remove(id);
    });

    test("twenty at once", async () => {
      const written = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const bytes = randomBytes(150_000);
          return { bytes, id: (await blobs.write(inChunks(bytes))).id };
        }),
      );
      assert.equal(new Set(written.map(({ id }) => id)).size, 20);
      for (const { bytes, id } of written) assert.ok((await all(blobs, id, 0, bytes.length)).equals(bytes));
    });
  });
