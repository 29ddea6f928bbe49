import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as S3 from "@aws-sdk/client-s3";
import fc from "fast-check";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const ALPHABET = ["a", "b", "/", "é", "\u{1F600}", "\u{FFFD}", "~"];
const keys = fc.array(fc.constantFrom(...ALPHABET), { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
const part = fc.array(fc.constantFrom(...ALPHABET), { maxLength: 2 }).map((parts) => parts.join(""));

type Step =
  | { readonly kind: "put"; readonly key: string; readonly body: string }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "copy"; readonly key: string; readonly to: string };
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      key: keys,
      body: fc.string({ minLength: 1, maxLength: 9 }),
    }),
  },
  fc.record({ kind: fc.constant("delete" as const), key: keys }),
  fc.record({ kind: fc.constant("copy" as const), key: keys, to: keys }),
);
const listings = fc.record({ prefix: part, delimiter: part, pageSize: fc.integer({ min: 1, max: 5 }), after: part });

/** What a listing holds, by the words of the documentation and no index: everything sorted, then rolled up. */
function expected(
  objects: ReadonlyMap<string, string>,
  prefix: string,
  delimiter: string,
  startAfter: string,
): string[] {
  const sorted = [...objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const seen = new Set<string>();
  for (const key of sorted) {
    if (!key.startsWith(prefix) || Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) <= 0) continue;
    const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    seen.add(at < 0 ? `key ${key}` : `prefix ${key.slice(0, at + delimiter.length)}`);
  }
  return [...seen];
}

for (const store of stores)
  void describe(`S3 against a map, on ${store.name}`, () => {
    let stepwell: Stepwell;
    let s3: S3.S3Client;
    let number = 0;
    before(async () => {
      stepwell = await startStepwell(store);
      s3 = stepwell.as.s3;
    });
    after(() => stepwell.close());

    async function listed(
      Bucket: string,
      list: { prefix: string; delimiter: string; pageSize: number; after: string },
    ) {
      const found: { at: Buffer; text: string }[] = [];
      let token: string | undefined;
      do {
        const page = await s3.send(
          new S3.ListObjectsV2Command({
            Bucket,
            Prefix: list.prefix,
            Delimiter: list.delimiter,
            MaxKeys: list.pageSize,
            StartAfter: list.after,
            ContinuationToken: token,
          }),
        );
        assert.ok((page.KeyCount ?? 0) <= list.pageSize);
        assert.ok(!page.IsTruncated || page.KeyCount === list.pageSize, "a page that is not the last one is full");
        const entries = [
          ...(page.Contents ?? []).map(({ Key = "" }) => ({ at: Buffer.from(Key), text: `key ${Key}` })),
          ...(page.CommonPrefixes ?? []).map(({ Prefix = "" }) => ({
            at: Buffer.from(Prefix),
            text: `prefix ${Prefix}`,
          })),
        ];
        found.push(...entries.sort((a, b) => Buffer.compare(a.at, b.at)));
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return found.map(({ text }) => text);
    }
    async function listedByMarker(Bucket: string, list: { prefix: string; delimiter: string; pageSize: number }) {
      const found: string[] = [];
      let Marker: string | undefined;
      for (;;) {
        const page: S3.ListObjectsCommandOutput = await s3.send(
          new S3.ListObjectsCommand({
            Bucket,
            Prefix: list.prefix,
            Delimiter: list.delimiter,
            MaxKeys: list.pageSize,
            Marker,
          }),
        );
        found.push(...(page.Contents ?? []).map(({ Key }) => `key ${Key}`));
        found.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => `prefix ${Prefix}`));
        if (!page.IsTruncated) return found.sort();
        Marker = page.NextMarker ?? page.Contents?.at(-1)?.Key;
      }
    }

    void test("random puts, deletes and copies leave what a map has, and every listing shows it", async () => {
      const property = fc.asyncProperty(
        fc.array(steps, { minLength: 1, maxLength: 14 }),
        fc.array(listings, { minLength: 1, maxLength: 3 }),
        async (work, lists) => {
          const Bucket = `model-${number++}`;
          await s3.send(new S3.CreateBucketCommand({ Bucket }));
          const map = new Map<string, string>();
          for (const step of work) {
            if (step.kind === "put") {
              await s3.send(new S3.PutObjectCommand({ Bucket, Key: step.key, Body: step.body }));
              map.set(step.key, step.body);
            } else if (step.kind === "delete") {
              await s3.send(new S3.DeleteObjectCommand({ Bucket, Key: step.key }));
              map.delete(step.key);
            } else {
              const CopySource = encodeURIComponent(`${Bucket}/${step.key}`);
              const copy = s3.send(
                new S3.CopyObjectCommand({ Bucket, Key: step.to, CopySource, MetadataDirective: "REPLACE" }),
              );
              const body = map.get(step.key);
              if (body === undefined) await assert.rejects(copy, { name: "NoSuchKey" });
              else {
                await copy;
                map.set(step.to, body);
              }
            }
          }
          for (const [Key, body] of map) {
            const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key }));
            assert.equal(await got.Body?.transformToString(), body);
          }
          for (const list of lists) {
            const { prefix, delimiter } = list;
            assert.deepEqual(await listed(Bucket, list), expected(map, prefix, delimiter, list.after));
            assert.deepEqual(await listedByMarker(Bucket, list), expected(map, prefix, delimiter, "").sort());
          }
        },
      );
      await fc.assert(property, { seed: 3, numRuns: 40 });
    });
  });
