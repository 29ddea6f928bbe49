/** The commands beside a server whose installation is in PostgreSQL. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { freshSchema } from "../support/postgres.ts";
import { startServer } from "../support/server.ts";
import { stores } from "../support/stores.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const missing = stores.some(({ name }) => name === "postgres") ? false : "PostgreSQL cannot be had here";

test("env, account and why find an installation in PostgreSQL", { skip: missing }, async () => {
  const data = mkdtempSync(join(tmpdir(), "stepwell-database-"));
  const schema = await freshSchema();
  const server = await startServer(data, ["--database", schema.url, "--blobs", join(data, "blobs")]);
  const port = new URL(server.endpoint).port;
  const stepwell = async (...args: string[]) => {
    const env = {
      PATH: process.env["PATH"],
      STEPWELL_DATABASE: schema.url,
      STEPWELL_PORT: port,
      STEPWELL_DATA: data,
      STEPWELL_BLOBS: join(data, "blobs"),
    };
    return promisify(execFile)(process.execPath, [MAIN, ...args], { env }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
    );
  };
  try {
    assert.match(
      await stepwell("env"),
      new RegExp(`AWS_ENDPOINT_URL=http://127.0.0.1:${port}\n.*AWS_ACCESS_KEY_ID=AKIA`),
    );
    assert.match(await stepwell("account", "create", "210987654321"), /AWS_ACCESS_KEY_ID=AKIA/);
    assert.equal(await stepwell("account", "list"), "123456789012\n210987654321\n");
    await server.clients.s3.send(new CreateBucketCommand({ Bucket: "unwatched" }));
    await server.clients.s3.send(new PutObjectCommand({ Bucket: "unwatched", Key: "k", Body: "x" }));
    assert.match(await stepwell("why", "s3://unwatched/k"), /no trail selects this bucket/);
  } finally {
    await server.stop("SIGTERM");
    await schema.drop();
    rmSync(data, { recursive: true, force: true });
  }
});
