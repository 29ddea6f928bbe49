/** Follows docs/operations.md literally: its blocks marked `sh run`, one after the other in one shell. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const DOCUMENT = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const BIN = fileURLToPath(new URL("../../bin/stepwell.mjs", import.meta.url));
const blocks = [...DOCUMENT.matchAll(/^```sh run\n(.*?)^```$/gms)].map(([, block = ""]) => block);
const lacking = ["aws", "curl", "bash"].filter((tool) => spawnSync(tool, ["--version"]).status !== 0);

test(
  "docs/operations.md, followed literally, works",
  { skip: lacking.length > 0 && `${lacking.join(", ")} not installed`, timeout: 90_000 },
  async () => {
    assert.ok(blocks.length >= 3);
    const work = mkdtempSync(join(tmpdir(), "stepwell-operations-"));
    const tools = join(work, "bin");
    mkdirSync(tools);
    writeFileSync(join(tools, "stepwell"), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
    chmodSync(join(tools, "stepwell"), 0o755);
    const script = ["set -euo pipefail", 'trap "kill $(jobs -p) 2>/dev/null || true" EXIT', ...blocks].join("\n");
    const shell = spawn("bash", ["-c", script], {
      env: { HOME: work, WORK: work, PATH: `${tools}:${process.env["PATH"]}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [shell.stdout, shell.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    try {
      assert.equal(await new Promise((resolve) => shell.once("close", resolve)), 0, said);
      assert.match(said, /"ready":true/);
      assert.match(said, /stepwell_requests_total\{service="s3",operation="PutObject",status="200"\} 1/);
      assert.match(said, /imported \d+ rows/);
      assert.match(said, /\{"end":"export"/);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
);
