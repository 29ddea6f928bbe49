/** The disk fills up under a running server, and is emptied again. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { startServer } from "../support/server.ts";
import { eventually } from "../support/stepwell.ts";

const missing = spawnSync("prlimit", ["--version"]).status === 0 ? false : "prlimit (util-linux) is not installed";

test(
  "a full disk answers 503, loses nothing that was acknowledged, and is recovered from without a restart",
  { skip: missing },
  async () => {
    const data = mkdtempSync(join(tmpdir(), "stepwell-full-"));
    const server = await startServer(data);
    const { s3 } = server.clients;
    // A limit on the size of files stands for the full disk: beyond it every write fails.
    const limit = (size: string): void =>
      void execFileSync("prlimit", ["--pid", String(server.child.pid), `--fsize=${size}:`]);
    try {
      await s3.send(new CreateBucketCommand({ Bucket: "full" }));
      await s3.send(new PutObjectCommand({ Bucket: "full", Key: "before", Body: "kept" }));
      limit("4096");
      const statuses: unknown[] = [];
      for (const [key, size] of [
        ["small", 1000],
        ["large", 300_000],
      ] as const) {
        await s3.send(new PutObjectCommand({ Bucket: "full", Key: key, Body: Buffer.alloc(size) })).then(
          () => statuses.push(200),
          (error: { $metadata?: { httpStatusCode?: number } }) => statuses.push(error.$metadata?.httpStatusCode),
        );
      }
      assert.deepEqual(statuses, [503, 503]);
      assert.match(server.log(), /"level":"(error|warn)".*store/);
      limit("unlimited");
      await eventually(async () =>
        s3.send(new PutObjectCommand({ Bucket: "full", Key: "after", Body: "kept too" })).catch(() => undefined),
      );
      const text = async (Key: string): Promise<string | undefined> =>
        (await s3.send(new GetObjectCommand({ Bucket: "full", Key }))).Body?.transformToString();
      assert.equal(await text("before"), "kept");
      assert.equal(await text("after"), "kept too");
      await assert.rejects(text("small"), { name: "NoSuchKey" });
      await assert.rejects(text("large"), { name: "NoSuchKey" });
    } finally {
      await server.stop("SIGTERM");
      rmSync(data, { recursive: true, force: true });
    }
  },
);
