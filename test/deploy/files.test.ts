/** The deployment files, as far as that goes without a container engine: they parse, and what they name exists. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { OPTIONS, variableOf } from "../../src/cli/settings.ts";
import { COMMANDS } from "../../src/cli/commands.ts";

const read = (path: string): string => readFileSync(path, "utf8");
const texts = [
  ...globSync("deploy/**/*", { exclude: (name) => name.endsWith("kubernetes") }),
  ...globSync("deploy/kubernetes/*"),
  "deploy/.env.example",
  "docs/operations.md",
]
  .filter((path) => path.includes("."))
  .concat("deploy/Dockerfile");
const missing = (tool: string, ...args: string[]) => spawnSync(tool, args).status !== 0 && `${tool} is not installed`;

test("every variable that they set is one that Stepwell reads", () => {
  const known = new Set([
    ...OPTIONS.map(({ flag }) => variableOf(flag)),
    "STEPWELL_ACCESS_KEY_ID",
    "STEPWELL_SECRET_ACCESS_KEY",
    "STEPWELL_METRICS_TOKEN",
    ...["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION"].map((name) => `STEPWELL_BLOBS_${name}`),
  ]);
  let found = 0;
  for (const path of texts)
    for (const [name] of read(path).matchAll(/STEPWELL_[A-Z_]*[A-Z]/g)) {
      assert.ok(known.has(name), `${path}: ${name}`);
      found++;
    }
  assert.ok(found > 15);
});

test("every command and flag that they give is one that Stepwell takes", () => {
  const flags = new Set(OPTIONS.map(({ flag }) => flag));
  let found = 0;
  for (const path of texts)
    for (const [, command = "", rest = ""] of read(path).matchAll(
      /\bstepwell (serve|env|why|export|import|account)\b([^\n`|]*)/g,
    )) {
      assert.ok(Object.hasOwn(COMMANDS, command), `${path}: ${command}`);
      for (const [, flag = ""] of rest.matchAll(/--([a-z-]+)/g)) assert.ok(flags.has(flag), `${path}: --${flag}`);
      found++;
    }
  assert.ok(found >= 5);
});

test("the Dockerfile runs as nobody, with a command and paths that exist", () => {
  const docker = read("deploy/Dockerfile");
  assert.match(docker, /^USER 65532:65532$/m);
  const [, command = "[]"] = /^CMD (\[.*\])$/m.exec(docker) ?? [];
  const [verb = "", ...args] = JSON.parse(command) as string[];
  assert.ok(Object.hasOwn(COMMANDS, verb));
  for (const flag of args.filter((arg) => arg.startsWith("--")))
    assert.ok(
      OPTIONS.some((option) => `--${option.flag}` === flag),
      flag,
    );
  assert.match(docker, /app\/node_modules\/stepwell\/bin\/stepwell\.mjs/);
  assert.ok(existsSync("bin/stepwell.mjs") && existsSync("package-lock.json"));
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  // `npm pack` in the image relies on it.
  assert.equal(scripts["prepack"], "node scripts/build.ts");
});

test("the Kubernetes manifests build", { skip: missing("kubectl", "version", "--client") }, () => {
  const built = execFileSync("kubectl", ["kustomize", "deploy/kubernetes"]).toString();
  for (const kind of ["Namespace", "Deployment", "Service", "PodDisruptionBudget"])
    assert.match(built, new RegExp(`^kind: ${kind}$`, "m"));
});

test("systemd accepts the unit", { skip: missing("systemd-analyze", "--version") }, () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-unit-"));
  try {
    const unit = join(folder, "stepwell.service");
    writeFileSync(unit, read("deploy/stepwell.service"));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test(
  "the compose file parses, and has two nodes, PostgreSQL, a blob store and a proxy",
  { skip: missing("python3", "-c", "import yaml") },
  () => {
    const program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    const text = execFileSync("python3", ["-c", program, "deploy/compose.yaml"]).toString();
    const { services } = JSON.parse(text) as {
      services: Record<string, { build?: { dockerfile: string }; volumes?: string[] }>;
    };
    assert.deepEqual(Object.keys(services).sort(), ["blobs", "bucket", "node1", "node2", "postgres", "proxy"]);
    for (const { build, volumes = [] } of Object.values(services)) {
      if (build) assert.ok(existsSync(build.dockerfile));
      for (const volume of volumes)
        if (volume.startsWith("./")) assert.ok(existsSync(join("deploy", volume.split(":")[0] ?? "")), volume);
    }
    const proxied = [...read("deploy/nginx.conf").matchAll(/server (node\d):4566/g)].map(([, name]) => name);
    assert.deepEqual(proxied, ["node1", "node2"]);
  },
);
