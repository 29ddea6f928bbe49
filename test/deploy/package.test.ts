/** The package as npm publishes it, unpacked into a node_modules, where Node strips no types. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/stepwell.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

void describe("the published package", () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-package-"));
  const modules = join(folder, "node_modules");
  const installed = join(modules, "stepwell");
  const bin = join(installed, "bin/stepwell.mjs");
  before(() => {
    execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit"],
    });
    mkdirSync(installed, { recursive: true });
    const [archive = ""] = globSync("stepwell-*.tgz", { cwd: folder });
    execFileSync("tar", ["xzf", join(folder, archive), "-C", installed, "--strip-components=1"]);
    // What npm would fetch from the registry.
    const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      dependencies: object;
    };
    for (const name of Object.keys(dependencies)) {
      mkdirSync(join(modules, name, ".."), { recursive: true });
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("has what it needs, and neither sources nor tests", () => {
    const sources = globSync("**/*.ts", { cwd: installed }).filter((file) => !file.endsWith(".d.ts"));
    assert.deepEqual(sources, []);
    for (const file of [
      "dist/main.js",
      "dist/asl.js",
      "dist/store/migrations/001_relay.sql",
      "dist/s3/hashing-worker.js",
      "model/s3.json",
      "LICENSE",
      "README.md",
    ])
      assert.ok(existsSync(join(installed, file)), file);
    const migrations = (place: string) => globSync("*.sql", { cwd: place }).sort();
    assert.deepEqual(
      migrations(join(installed, "dist/store/migrations")),
      migrations(join(ROOT, "src/store/migrations")),
    );
  });

  test("tells its version", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    assert.equal(execFileSync(process.execPath, [bin, "--version"], { cwd: folder }).toString().trim(), version);
  });

  test("exports the States Language, with its types", () => {
    const source = `import { parse, step, validate, InvalidDefinition, type Transition } from "stepwell/asl";
const machine = parse('{"StartAt":"P","States":{"P":{"Type":"Pass","Result":1,"End":true}}}');
const execution = { id: "e", name: "e", roleArn: "r", startTime: 0 };
const started: Transition = step(
  machine, null, { kind: "start", input: "{}", execution, stateMachine: { id: "m", name: "m" } },
  { now: 0, random: () => 0, uuid: () => "u" },
);
const output: string | undefined = started.ended?.output;
// @ts-expect-error: a signal must be one of the known ones
step(machine, started.run, { kind: "nonsense" }, { now: 0, random: () => 0, uuid: () => "u" });
let refused = false;
try { parse("{}"); } catch (error) { refused = error instanceof InvalidDefinition; }
console.log(output, refused, validate("{").length);
`;
    writeFileSync(join(folder, "use.ts"), source);
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const types = ["--types", "node", "--typeRoots", join(ROOT, "node_modules/@types")];
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "esnext",
      "--allowImportingTsExtensions",
    ];
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    execFileSync(process.execPath, [tsc, ...options, ...types, "use.ts"], { cwd: folder, stdio: "inherit" });
    assert.equal(execFileSync(process.execPath, ["use.ts"], { cwd: folder }).toString(), "1 true 1\n");
  });

  test("serves, and stops when told to", async () => {
    const data = join(folder, "data");
    const child = spawn(process.execPath, [bin, "serve", "--port", "0", "--data", data], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    try {
      const url = await eventually(async () => {
        assert.equal(child.exitCode, null);
        return existsSync(join(data, "endpoint"))
          ? readFileSync(join(data, "endpoint"), "utf8") || undefined
          : undefined;
      });
      const answer = await fetch(`${url.replace("localhost", "127.0.0.1")}/_stepwell/health`);
      assert.equal(answer.status, 200);
      await answer.arrayBuffer();
    } finally {
      child.kill("SIGTERM");
    }
    assert.equal(await ended, 0);
  });
});
