import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startStepwell } from "../support/stepwell.ts";

// Debian's package installs for Debian's interpreter, which need not be the first python3 on the path.
const python = ["/usr/bin/python3", "python3"].find(
  (candidate) => spawnSync(candidate, ["-c", "import boto3"]).status === 0,
);

test(
  "a Python program with boto3 sees AWS",
  { skip: python === undefined ? "boto3 is not installed (Debian: apt-get install python3-boto3)" : false },
  async () => {
    const stepwell = await startStepwell();
    const folder = mkdtempSync(join(tmpdir(), "stepwell-boto3-"));
    try {
      const { accessKeyId, secretAccessKey } = stepwell.key;
      const env = {
        PATH: process.env["PATH"],
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        HOME: folder,
      };
      const script = fileURLToPath(new URL("boto3_check.py", import.meta.url));
      const { stdout } = await promisify(execFile)(python ?? "", [script, stepwell.endpoint, folder], { env });
      assert.equal(stdout.trim(), "ok");
    } finally {
      await stepwell.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
