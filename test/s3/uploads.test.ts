import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import * as S3 from "@aws-sdk/client-s3";
import { digestsOf } from "../../src/s3/checksums.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const code = (name: string) => (error: unknown) => (assert.equal((error as Error).name, name), true);
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest();

for (const store of stores)
  void describe(`S3 multipart uploads on ${store.name}`, () => {
    let stepwell: Stepwell;
    let s3: S3.S3Client;
    const Bucket = "uploads";
    const first = Buffer.alloc(5 * 1024 * 1024, "first part ");
    const last = Buffer.from("the end");
    before(async () => {
      stepwell = await startStepwell(store);
      s3 = stepwell.as.s3;
      await s3.send(new S3.CreateBucketCommand({ Bucket }));
    });
    after(() => stepwell.close());

    async function begin(Key: string, more: Partial<S3.CreateMultipartUploadCommandInput> = {}) {
      const { UploadId } = await s3.send(new S3.CreateMultipartUploadCommand({ Bucket, Key, ...more }));
      const add = async (PartNumber: number, Body: Uint8Array, extra: Partial<S3.UploadPartCommandInput> = {}) => {
        const {
          $metadata: _,
          ServerSideEncryption: __,
          ...part
        } = await s3.send(new S3.UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ...extra }));
        return { PartNumber, ...part };
      };
      const complete = (Parts: S3.CompletedPart[]) =>
        s3.send(new S3.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
      return { UploadId, add, complete };
    }

    void test("parts become an object, also when the client asks twice", async () => {
      const { add, complete } = await begin("whole", { Metadata: { k: "v" } });
      const parts = [await add(1, Buffer.from("replaced")), await add(3, last), await add(1, first)].slice(1).reverse();
      const done = await complete(parts);
      const etag = `"${md5(Buffer.concat([md5(first), md5(last)])).toString("hex")}-2"`;
      assert.equal(done.ETag, etag);
      assert.equal((await complete(parts)).ETag, etag);
      const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key: "whole", ChecksumMode: "ENABLED" }));
      const bytes = Buffer.concat([first, last]);
      assert.ok(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(bytes));
      assert.deepEqual([got.Metadata, got.ChecksumType], [{ k: "v" }, "FULL_OBJECT"]);
      assert.equal(got.ChecksumCRC64NVME, digestsOf(bytes, ["CRC64NVME"]).CRC64NVME);
      const across = await s3.send(
        new S3.GetObjectCommand({ Bucket, Key: "whole", Range: `bytes=${first.length - 2}-${first.length + 2}` }),
      );
      assert.equal(await across.Body?.transformToString(), `${first.subarray(-2).toString()}the`);
      const second = await s3.send(new S3.HeadObjectCommand({ Bucket, Key: "whole", PartNumber: 2 }));
      assert.deepEqual([second.ContentLength, second.PartsCount], [last.length, 2]);
      assert.equal((await s3.send(new S3.ListMultipartUploadsCommand({ Bucket }))).Uploads, undefined);
    });

    void test("checksums of parts make a composite one", async () => {
      const { add, complete } = await begin("composite", { ChecksumAlgorithm: "SHA256" });
      const parts = [
        await add(1, first, { ChecksumAlgorithm: "SHA256" }),
        await add(2, last, { ChecksumAlgorithm: "SHA256" }),
      ];
      const done = await complete(parts);
      const sums = [first, last].map((part) => Buffer.from(digestsOf(part, ["SHA256"]).SHA256 ?? "", "base64"));
      assert.equal(done.ChecksumSHA256, `${digestsOf(Buffer.concat(sums), ["SHA256"]).SHA256}-2`);
      assert.equal(done.ChecksumType, "COMPOSITE");
    });

    void test("wrong lists of parts are refused, and the upload stays", async () => {
      const { UploadId, add, complete } = await begin("wrong");
      const small = await add(1, last);
      const end = await add(2, last);
      await assert.rejects(complete([small, end]), code("EntityTooSmall"));
      await assert.rejects(complete([end, small]), code("InvalidPartOrder"));
      await assert.rejects(complete([{ PartNumber: 2, ETag: "x" }]), code("InvalidPart"));
      await assert.rejects(complete([{ PartNumber: 9, ETag: end.ETag }]), code("InvalidPart"));
      const listed = await s3.send(new S3.ListPartsCommand({ Bucket, Key: "wrong", UploadId, MaxParts: 1 }));
      assert.deepEqual([listed.Parts?.length, listed.IsTruncated, listed.NextPartNumberMarker], [1, true, "1"]);
      await s3.send(new S3.AbortMultipartUploadCommand({ Bucket, Key: "wrong", UploadId }));
      await assert.rejects(complete([end]), code("NoSuchUpload"));
      await assert.rejects(add(1, last), code("NoSuchUpload"));
    });

    void test("parts are copied from objects, by range", async () => {
      await s3.send(new S3.PutObjectCommand({ Bucket, Key: "source", Body: "0123456789" }));
      const { UploadId, complete } = await begin("copied");
      const { CopyPartResult } = await s3.send(
        new S3.UploadPartCopyCommand({
          Bucket,
          Key: "copied",
          UploadId,
          PartNumber: 1,
          CopySource: `${Bucket}/source`,
          CopySourceRange: "bytes=2-4",
        }),
      );
      await complete([{ PartNumber: 1, ETag: CopyPartResult?.ETag }]);
      const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key: "copied" }));
      assert.equal(await got.Body?.transformToString(), "234");
    });

    void test("uploads under way are listed by key, age and prefix", async () => {
      const bucket = "under-way";
      await s3.send(new S3.CreateBucketCommand({ Bucket: bucket }));
      const ids: (string | undefined)[] = [];
      for (const Key of ["a/1", "a/2", "b", "b", "c/1"])
        ids.push((await s3.send(new S3.CreateMultipartUploadCommand({ Bucket: bucket, Key }))).UploadId);
      const seen: unknown[] = [];
      let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
      for (;;) {
        const page = await s3.send(
          new S3.ListMultipartUploadsCommand({ Bucket: bucket, Delimiter: "/", MaxUploads: 1, ...marker }),
        );
        seen.push(
          ...(page.Uploads ?? []).map((one) => one.UploadId),
          ...(page.CommonPrefixes ?? []).map((one) => one.Prefix),
        );
        if (!page.IsTruncated) break;
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      }
      assert.deepEqual(seen, ["a/", ids[2], ids[3], "c/"]);
    });
  });
