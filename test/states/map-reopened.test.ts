import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { Blobs } from "../../src/store/blobs.ts";
import { FileBlobs } from "../../src/store/files.ts";
import { startStepwell } from "../support/stepwell.ts";
import { create, ended, roleFor, start } from "./fixture.ts";

const ITEMS = 3000;
/** The first readers of the file get so many bytes, then their disk fails them. */
const BREAKS = [150_000, 40_000, 250_000];

/** Blobs whose streams break off, as often as `BREAKS` says. */
function unsteady(blobs: Blobs, breaks: number[]): Blobs {
  async function* brokenOff(whole: Readable, most: number): AsyncGenerator<Buffer> {
    let left = most;
    for await (const chunk of whole as AsyncIterable<Buffer>) {
      yield chunk.subarray(0, left);
      left -= chunk.length;
      if (left <= 0) throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    }
  }
  return {
    write: (chunks, id) => blobs.write(chunks, id),
    read: (id, from, until) => {
      const whole = blobs.read(id, from, until);
      const most = breaks.shift();
      return most === undefined ? whole : Readable.from(brokenOff(whole, most), { objectMode: false });
    },
    remove: (id) => blobs.remove(id),
    older: (before) => blobs.older(before),
  };
}

test("a file whose stream breaks off is opened again, and its items are worked on once each", async () => {
  const data = mkdtempSync(join(tmpdir(), "stepwell-map-blobs-"));
  const breaks: number[] = [];
  const stepwell = await startStepwell({ name: "sqlite" }, { blobs: unsteady(new FileBlobs(data), breaks) });
  try {
    const roleArn = await roleFor(stepwell, "able", ["s3:*"]);
    await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "data" }));
    const lines = Array.from({ length: ITEMS }, (_, id) => JSON.stringify({ id, fill: "x".repeat(100) }));
    await stepwell.as.s3.send(new PutObjectCommand({ Bucket: "data", Key: "items.jsonl", Body: lines.join("\n") }));
    breaks.push(...BREAKS);
    const Each = {
      Type: "Map",
      ItemReader: {
        Resource: "arn:aws:states:::s3:getObject",
        Parameters: { Bucket: "data", Key: "items.jsonl" },
        ReaderConfig: { InputType: "JSONL" },
      },
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
        StartAt: "Go",
        States: { Go: { Type: "Pass", OutputPath: "$.id", End: true } },
      },
      End: true,
    };
    const machine = await create(stepwell, "map", JSON.stringify({ StartAt: "Each", States: { Each } }), roleArn);
    const end = await ended(stepwell, await start(stepwell, machine));
    assert.equal(end.status, "SUCCEEDED", `${end.error}: ${end.cause}`);
    assert.deepEqual(
      JSON.parse(end.output ?? ""),
      Array.from({ length: ITEMS }, (_, id) => id),
    );
    assert.deepEqual(breaks, [], "all of them broke off");
  } finally {
    await stepwell.close();
    rmSync(data, { recursive: true, force: true });
  }
});
