/** The commands beside a server: running, killed, and gone. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { SERVER_KEY, startServer } from "../support/server.ts";
import { clientsFor } from "../support/stepwell.ts";
import { exportsIn, serving, stepwell, withDirectory } from "./support.ts";

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
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: SERVER_KEY.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SERVER_KEY.secretAccessKey,
      AWS_DEFAULT_REGION: "us-east-1",
      AWS_REGION: "us-east-1",
      AWS_DISABLE_HOST_PREFIX_INJECTION: "true",
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
    assert.equal(exportsIn((await stepwell(["env", "--data", data])).out)["AWS_ENDPOINT_URL"], "http://127.0.0.1:4566");
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

test("every setting comes by variable, too, and the first start prints what aims a client at it", async () => {
  await withDirectory(async (directory) => {
    const variables = {
      STEPWELL_DATA: join(directory, "data"),
      STEPWELL_PORT: "0",
      STEPWELL_LISTEN: "127.0.0.1",
      STEPWELL_ACCOUNT: "111122223333",
      STEPWELL_REGION: "eu-west-1",
    };
    const { code, error } = await serving([], variables, async (banner) => {
      const given = exportsIn(banner);
      assert.equal(given["AWS_REGION"], "eu-west-1");
      assert.match(banner, /signatures and IAM policies are checked/);
      assert.doesNotMatch(banner, /reachable from other machines/);
      const { sts, ...others } = clientsFor(
        given["AWS_ENDPOINT_URL"] ?? "",
        { accessKeyId: given["AWS_ACCESS_KEY_ID"] ?? "", secretAccessKey: given["AWS_SECRET_ACCESS_KEY"] ?? "" },
        "eu-west-1",
      );
      const { Account } = await sts.send(new GetCallerIdentityCommand({}));
      for (const client of [sts, ...Object.values(others)]) client.destroy();
      assert.equal(Account, "111122223333");
      assert.deepEqual(exportsIn((await stepwell(["env"], variables)).out), given);
      const health = await fetch(`${given["AWS_ENDPOINT_URL"]}/_stepwell/health`);
      assert.equal(health.status, 200);
    });
    assert.deepEqual([code, error], [0, ""]);
    const open = await serving(["--auth", "off", "--data", variables.STEPWELL_DATA], variables, async (banner) => {
      assert.match(banner, /WARNING: --auth=off/);
      assert.doesNotMatch(banner, /AWS_SECRET_ACCESS_KEY=/, "the key is printed at the first start only");
    });
    assert.equal(open.code, 0);
  });
});

test(
  "with a certificate it speaks TLS, also to its own commands",
  { skip: spawnSync("openssl", ["version"]).status === 0 ? false : "openssl is not installed" },
  async () => {
    await withDirectory(async (directory) => {
      const cert = join(directory, "cert.pem");
      const tlsKey = join(directory, "key.pem");
      const request = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${tlsKey} -out ${cert}`;
      execFileSync("openssl", request.split(" "), { stdio: "ignore" });
      const data = join(directory, "data");
      const args = ["--data", data, "--port", "0", "--tls-cert", cert, "--tls-key", tlsKey];
      const { code, error } = await serving(args, {}, async (banner) => {
        const url = exportsIn(banner)["AWS_ENDPOINT_URL"] ?? "";
        assert.match(url, /^https:\/\/localhost:\d+$/);
        const status = await new Promise((resolve, reject) => {
          get(`${url}/_stepwell/health`, { ca: readFileSync(cert) }, (response) => {
            response.resume();
            resolve(response.statusCode);
          }).on("error", reject);
        });
        assert.equal(status, 200);
        const unknown = await stepwell(["account", "list", "--data", data]);
        assert.equal(unknown.code, 2);
        assert.match(unknown.error, /does not answer \(.*certificate.*NODE_EXTRA_CA_CERTS=FILE/);
        const known = await stepwell(["account", "list", "--data", data], { NODE_EXTRA_CA_CERTS: cert });
        assert.equal(known.out, "123456789012\n");
      });
      assert.deepEqual([code, error], [0, ""]);
    });
  },
);
