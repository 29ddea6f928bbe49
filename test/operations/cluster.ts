/**
 * Follows docs/operations.md's cluster literally on Debian: its blocks marked `sh cluster`, as root, in a directory and
 * on ports of its own. Not in `npm test`, because it installs packages: `node --test test/operations/cluster.ts`.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const DOCUMENT = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const BIN = fileURLToPath(new URL("../../bin/stepwell.mjs", import.meta.url));
const [packages = "", ...blocks] = [...DOCUMENT.matchAll(/^```sh cluster\n(.*?)^```$/gms)].map(([, text = ""]) => text);
const LIMIT_MS = 110_000;

/** Follows the first block. Answers why the others cannot be followed here. */
function unfit(): string | false {
  if (process.getuid?.() !== 0) return "the cluster is followed as root only";
  if (spawnSync("apt-get", ["--version"]).status !== 0) return "apt-get is missing: this is no Debian";
  // Runlevel 1 keeps Debian's packages from starting services that nobody here asked for.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const installed = spawnSync("bash", ["-euc", packages], { env, encoding: "utf8" });
  if (installed.status === 0) return false;
  const there = ["/usr/sbin/haproxy", "/usr/bin/psql", "/usr/bin/aws", "/usr/bin/curl"].every((path) =>
    existsSync(path),
  );
  return there ? false : `Debian's packages cannot be had: ${installed.stderr.trim().split("\n").at(-1)}`;
}

/** The first of `count` ports in a row that nobody listens on. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
}
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

const reason = unfit();
test(
  "docs/operations.md's cluster, followed literally, works",
  { skip: reason, timeout: LIMIT_MS + 10_000 },
  async () => {
    assert.equal(blocks.length, 6);
    const work = mkdtempSync(join(tmpdir(), "stepwell-cluster-"));
    // PostgreSQL runs as an account of its own, which has to get at its directory in here.
    chmodSync(work, 0o755);
    const tools = join(work, "bin");
    mkdirSync(tools);
    writeFileSync(join(tools, "stepwell"), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
    chmodSync(join(tools, "stepwell"), 0o755);
    const script = [
      "set -euo pipefail",
      'trap "kill \\$(jobs -p) 2>/dev/null || true; runuser -u postgres -- \\$BIN/pg_ctl -D $WORK/postgres -m immediate stop >/dev/null 2>&1 || true" EXIT',
      'trap "exit 1" TERM',
      ...blocks,
    ].join("\n");
    const shell = spawn("bash", ["-c", script], {
      env: { HOME: work, WORK: work, PORT: String(await freePorts(4)), PATH: `${tools}:${process.env["PATH"]}` },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let said = "";
    for (const stream of [shell.stdout, shell.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    // The whole group, so that a command that hangs does not keep the shell from cleaning up.
    const late = setTimeout(() => process.kill(-(shell.pid ?? 0), "SIGTERM"), LIMIT_MS);
    try {
      assert.equal(await new Promise((resolve) => shell.once("close", resolve)), 0, said);
      assert.match(said, /both nodes know of 1 execution SUCCEEDED/);
      assert.match(said, /4 executions SUCCEEDED with one node dead/);
      assert.match(said, /the node is back/);
    } finally {
      clearTimeout(late);
      rmSync(work, { recursive: true, force: true, maxRetries: 5 });
    }
  },
);
