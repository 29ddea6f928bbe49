/** The commands beside a server: running, killed, and gone. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { SERVER_KEY, startServer } from "../support/server.ts";
import { clientsFor } from "../support/stepwell.ts";
import { exportsIn, stepwell, withDirectory } from "./support.ts";

const key = {
  STEPWELL_ACCESS_KEY_ID: SERVER_KEY.accessKeyId,
  STEPWELL_SECRET_ACCESS_KEY: SERVER_KEY.secretAccessKey,
};

test("beside a server, after its death, and at rest, the commands work on the same data", async () => {
  await withDirectory(async (data) => {
    const server = await startServer(data);
    const port = new URL(server.endpoint).port;
    const env = await stepwell(["env", "--data", data]);
    assert.deepEqual(exportsIn(env.out), {
      AWS_ENDPOINT_URL: `http://localhost:${port}`,
      AWS_ACCESS_KEY_ID: SERVER_KEY.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SERVER_KEY.secretAccessKey,
      AWS_DEFAULT_REGION: "us-east-1",
      AWS_REGION: "us-east-1",
    });

    const made = exportsIn((await stepwell(["account", "create", "210987654321", "--data", data])).out);
    const other = clientsFor(
      server.endpoint,
      { accessKeyId: made["AWS_ACCESS_KEY_ID"] ?? "", secretAccessKey: made["AWS_SECRET_ACCESS_KEY"] ?? "" },
      "us-east-1",
    );
    const { Account, Arn } = await other.sts.send(new GetCallerIdentityCommand({}));
    for (const client of Object.values(other)) client.destroy();
    assert.deepEqual([Account, Arn], ["210987654321", "arn:aws:iam::210987654321:root"]);
    assert.equal((await stepwell(["account", "list", "--data", data])).out, "123456789012\n210987654321\n");

    await server.clients.s3.send(new CreateBucketCommand({ Bucket: "unwatched" }));
    await server.clients.s3.send(new PutObjectCommand({ Bucket: "unwatched", Key: "a/b c", Body: "x" }));
    const why = await stepwell(["why", "s3://unwatched/a/b c", "--data", data]);
    assert.equal(why.code, 1, "a dead end");
    assert.match(why.out, /✓ {2}call .*PutObject s3:\/\/unwatched\/a\/b c/);
    assert.match(why.out, /✗ {2}record .*dead end: no trail selects this bucket: the account has no trail/);
    const unknown = await stepwell(["why", "s3://unwatched/other", "--data", data]);
    assert.deepEqual([unknown.code, unknown.out], [2, ""]);
    assert.match(unknown.error, /No write of s3:\/\/unwatched\/other is on record/);

    const second = await stepwell(["serve", "--port", "0", "--data", data], key);
    assert.equal(second.code, 2);
    assert.match(second.error, /another Stepwell is using this data directory.*Stop it, or choose another directory/);

    // A killed server leaves its address behind, as a lost machine does.
    const address = readFileSync(join(data, "endpoint"), "utf8");
    const ended = new Promise((resolve) => server.child.once("exit", resolve));
    server.child.kill("SIGKILL");
    await ended;
    assert.equal(readFileSync(join(data, "endpoint"), "utf8"), address);
    assert.equal((await stepwell(["account", "list", "--data", data])).out, "123456789012\n210987654321\n");
    assert.equal(exportsIn((await stepwell(["env", "--data", data])).out)["AWS_ENDPOINT_URL"], "http://localhost:4566");
    const again = await stepwell(["account", "create", "210987654321", "--data", data]);
    assert.equal(exportsIn(again.out)["AWS_ACCESS_KEY_ID"], made["AWS_ACCESS_KEY_ID"], "the account keeps its key");
    const down = await stepwell(["why", "s3://unwatched/a/b c", "--data", data]);
    assert.equal(down.code, 2);
    assert.match(down.error, /no Stepwell runs on/);
    for (const client of Object.values(server.clients)) client.destroy();
  });
});

test("a server that is told to stop leaves no address behind", async () => {
  await withDirectory(async (data) => {
    const server = await startServer(data);
    await server.clients.s3.send(new CreateBucketCommand({ Bucket: "kept" }));
    server.child.kill("SIGTERM");
    const code = await new Promise((resolve) => server.child.once("exit", resolve));
    assert.equal(code, 0);
    assert.ok(!existsSync(join(data, "endpoint")));
    assert.equal(server.log(), "");
    for (const client of Object.values(server.clients)) client.destroy();
  });
});
