/**
 * The contract of blob stores on Ceph's S3 gateway, which Debian has: a store whose authors never heard of ours.
 * Not in `npm test`, because it installs packages: `node --test test/operations/radosgw.ts`.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { FOREIGN_S3 } from "../support/foreign-s3.ts";
import { startCeph, whyNoCeph, type Ceph } from "../support/ceph.ts";

const reason = whyNoCeph();
test("blobs on Ceph keep the contract", { skip: reason ?? false, timeout: 420_000 }, async (context) => {
  let ceph: Ceph;
  try {
    ceph = await startCeph();
  } catch (error) {
    // Ceph's own trouble with a machine says nothing of us.
    context.skip(`Ceph does not run here: ${(error as Error).message}`);
    return;
  }
  try {
    const address = new URL(ceph.endpoint);
    address.username = ceph.key.accessKeyId;
    address.password = ceph.key.secretAccessKey;
    // A runner that runs below another one writes for the other unless this is gone.
    const { NODE_TEST_CONTEXT: _outer, ...environment } = process.env;
    const child = spawn(process.execPath, ["--test", "test/store/blobs.test.ts"], {
      env: { ...environment, [FOREIGN_S3]: address.href },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    const code = await new Promise((resolve) => child.once("exit", resolve));
    assert.equal(code, 0, output);
    assert.match(output, /blobs on a foreign S3 endpoint/);
  } finally {
    ceph.close();
  }
});
