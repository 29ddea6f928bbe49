/** An unmodified program: its clients are made without a word about Stepwell, AWS_ENDPOINT_URL alone aims them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { startServer, SERVER_KEY } from "../support/server.ts";

const PROGRAM = `
import { S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand } from "@aws-sdk/client-s3";
import { SFNClient, ListStateMachinesCommand } from "@aws-sdk/client-sfn";
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
const s3 = new S3Client({});
await s3.send(new CreateBucketCommand({ Bucket: "by-environment" }));
await s3.send(new PutObjectCommand({ Bucket: "by-environment", Key: "a b/c", Body: "kept" }));
const { Body } = await s3.send(new GetObjectCommand({ Bucket: "by-environment", Key: "a b/c" }));
const { stateMachines } = await new SFNClient({}).send(new ListStateMachinesCommand({}));
const { Account } = await new STSClient({}).send(new GetCallerIdentityCommand({}));
console.log(JSON.stringify([await Body.transformToString(), stateMachines.length, Account]));
`;

test("AWS_ENDPOINT_URL alone aims the SDK at what `stepwell env` prints", async () => {
  const data = mkdtempSync(join(tmpdir(), "stepwell-environment-"));
  const server = await startServer(data);
  try {
    const env = {
      PATH: process.env["PATH"],
      HOME: data,
      AWS_ENDPOINT_URL: server.endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: SERVER_KEY.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SERVER_KEY.secretAccessKey,
    };
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", PROGRAM], { env });
    assert.deepEqual(JSON.parse(stdout), ["kept", 0, "123456789012"]);
  } finally {
    await server.stop("SIGTERM");
    rmSync(data, { recursive: true, force: true });
  }
});
